# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The controller half of ``run``: a run begins, is resumed, ends or is given up."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from ansible.errors import AnsibleActionFail
from ansible_collections.raywright.fleet.engine.errors import DefinitionChanged, LedgerError
from ansible_collections.raywright.fleet.engine.plan.digest import changed_values
from ansible_collections.raywright.fleet.engine.wording import listed
from ansible_collections.raywright.fleet.plugins.plugin_utils import _lease
from ansible_collections.raywright.fleet.plugins.plugin_utils._action import LedgerAction
from ansible_collections.raywright.fleet.plugins.plugin_utils._ledger import find_run, identity, plain
from ansible_collections.raywright.fleet.plugins.plugin_utils._rollout import leased
from ansible_collections.raywright.fleet.plugins.plugin_utils._selection import DONE, family, leave_out, select

if TYPE_CHECKING:
    from ansible_collections.raywright.fleet.engine.ledger import Ledger, Run

_SHOWN = 8
_UNFINISHED = "planning", "planned", "waiting", "parked", "paused", "stopped", "failed"


class ActionModule(LedgerAction):
    SPEC: ClassVar[dict[str, Any]] = {
        "state": {"type": "str", "choices": ["begin", "end", "abandon", "release"], "default": "begin"},
        "name": {"type": "str"},
        "run": {"type": "str"},
        "kind": {"type": "str", "default": "playbook"},
        "definition": {"type": "dict", "default": {}},
        "checkpoints": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "options": {
                "name": {"type": "str", "required": True},
                "approval": {"type": "bool", "default": False},
                "destructive": {"type": "bool", "default": False},
                "summary": {"type": "str"},
            },
        },
        "checkpoint": {"type": "str"},
        "start_from": {"type": "str"},
        "whole": {"type": "bool", "default": False},
        "exclusive": {"type": "bool", "default": True},
        "requester": {"type": "str"},
        "result": {
            "type": "str",
            "choices": ["completed", "stopped", "failed", "rolled_back", "by_checkpoints"],
            "default": "completed",
        },
        "reason": {"type": "str"},
    }
    RULES: ClassVar[dict[str, Any]] = {
        "required_if": [
            ("state", "begin", ("name",)),
            ("state", "abandon", ("reason",)),
            ("state", "release", ("reason",)),
        ],
        "required_one_of": [("name", "run")],
        "mutually_exclusive": [("checkpoint", "start_from")],
    }

    def act(self, ledger: Ledger, args: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        if args["state"] == "begin":
            return self._begin(ledger, args, task_vars)
        try:
            run = find_run(ledger, args["run"] or args["name"])
        except LedgerError:
            if self._task.check_mode:
                return self.would(args)
            raise
        if args["state"] == "abandon":
            return self._abandon(ledger, args, task_vars, run)
        if args["state"] == "release":
            return self._release(ledger, args, task_vars, run)
        return self._end(ledger, args, run)

    def would(self, args: dict[str, Any]) -> dict[str, Any]:
        msg = f"Run {args['name'] or args['run']} would {args['state']}."
        if args["state"] != "begin":
            return {"changed": True, "run": None, "msg": msg}
        chosen = {"selected": select(None, args).selected, "recorded": False, "resumed": False, "began": _now()}
        return {"changed": True, "run": None, "msg": msg, **chosen}

    def _begin(self, ledger: Ledger, args: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        definition = plain(args["definition"])
        selection = select(ledger, args)
        name = selection.name
        run = ledger.open_run(name)
        if run is not None:
            _must_be_the_same(run, args["kind"], definition)
        chosen = {
            "selected": selection.selected,
            "recorded": not self._task.check_mode,
            "resumed": run is not None,
            "began": _now(),
        }
        if self._task.check_mode:
            what = "begin" if run is None else f"be resumed as {run.id}"
            return {"changed": True, "run": run and _shown(run), "msg": f"Run {name} would {what}.", **chosen}
        if args["exclusive"]:
            _lease.refuse_beside(ledger, family(args))
        resumed = run is not None
        if run is None:
            requester = identity(args["requester"], task_vars)
            run = ledger.create_run(name=name, kind=args["kind"], requester=requester, definition=definition)
        if args["exclusive"]:
            _lease.take(ledger, run.id, args["ledger_url"])
            # Two that began other runs of the family in the same moment: better none than both.
            _lease.refuse_beside(ledger, family(args))
        for checkpoint in selection.checkpoints:
            ledger.add_checkpoint(run.id, _new(checkpoint))
        leave_out(ledger, run, selection)
        was = run.state
        run = ledger.move_run(run.id, "running")
        msg = f"Run {run.id} of {run.name} {'is resumed; it was ' + was if resumed else 'has begun'}."
        return {"changed": not resumed or was in _UNFINISHED, "run": _shown(run), "msg": msg, **chosen}

    def _end(self, ledger: Ledger, args: dict[str, Any], run: Run) -> dict[str, Any]:
        states = {each.name: each.state for each in ledger.checkpoints(run.id)}
        left = [name for name, state in states.items() if state not in DONE]
        if args["result"] == "completed" and left and not self._task.check_mode:
            raise AnsibleActionFail(
                f"Run {run.id} cannot be completed: checkpoints {', '.join(left)} have neither passed nor been "
                "skipped. Run the same command again to resume it, or end it with another result."
            )
        result = args["result"] if args["result"] != "by_checkpoints" else _result(run, states, left)
        changed = run.state != result
        if not self._task.check_mode:
            lease = _lease.held(ledger, run.id)
            run = ledger.move_run(run.id, result)
            if lease is not None:
                ledger.release(lease)
        return {"changed": changed, "run": _shown(run), "msg": f"Run {run.id} of {run.name} is {run.state}."}

    def _abandon(self, ledger: Ledger, args: dict[str, Any], task_vars: dict[str, Any], run: Run) -> dict[str, Any]:
        changed = run.state != "abandoned"
        if changed and not self._task.check_mode:
            by = identity(args["requester"], task_vars)
            # Whoever still works on it would go on with devices that nobody holds any more, and find its run gone.
            own = _lease.held(ledger, run.id)
            with leased(ledger, run.id, patience=0) if own is None else nullcontext():
                run = ledger.move_run(run.id, "abandoned", detail={"by": by, "reason": args["reason"]})
            if own is not None:
                ledger.release(own)
        return {"changed": changed, "run": _shown(run), "msg": f"Run {run.id} of {run.name} is {run.state}."}

    def _release(self, ledger: Ledger, args: dict[str, Any], task_vars: dict[str, Any], run: Run) -> dict[str, Any]:
        if self._task.check_mode:
            names = sorted(ledger.held(run.id))
        else:
            by = identity(args["requester"], task_vars)
            with leased(ledger, run.id, patience=0):
                names = ledger.release_devices(run.id, by=by, reason=args["reason"])
        msg = f"Run {run.id} of {run.name} holds nothing any more; it had {listed(names) or 'nothing'}."
        return {"changed": bool(names), "run": _shown(run), "devices": names, "msg": msg}


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _result(run: Run, states: dict[str, str], left: list[str]) -> Any:
    """What a run is whose playbook has come to its end."""
    if not left:
        return "completed"
    if run.state in {"parked", "stopped", "failed"}:
        return run.state
    return "failed" if "failed" in states.values() else "paused"


def _must_be_the_same(run: Run, kind: str, definition: dict[str, Any]) -> None:
    changed = [f"kind: {run.kind} -> {kind}"] if run.kind != kind else []
    changed += changed_values(run.definition, definition)
    if changed:
        raise DefinitionChanged(
            f"Run {run.id} of {run.name} is {run.state} and cannot be resumed with another definition: "
            f"{listed(changed, most=_SHOWN, between='; ')}. Put it back and run again, or abandon the run: "
            f"ansible localhost -m raywright.fleet.run -a 'state=abandon run={run.id} reason=...'"
        )


def _new(checkpoint: dict[str, Any]) -> Any:
    from ansible_collections.raywright.fleet.engine.ledger import NewCheckpoint

    detail = {"summary": str(checkpoint["summary"])} if checkpoint["summary"] else {}
    return NewCheckpoint(str(checkpoint["name"]), checkpoint["approval"], checkpoint["destructive"], detail)


def _shown(run: Run) -> dict[str, Any]:
    return {key: value for key, value in plain(run).items() if key != "definition"}
