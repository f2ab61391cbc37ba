# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The controller half of ``checkpoint``: a checkpoint begins and ends, with an outcome for each host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from ansible.errors import AnsibleActionFail
from ansible_collections.raywright.fleet.engine.errors import FleetError, GateClosed
from ansible_collections.raywright.fleet.plugins.plugin_utils import _lease
from ansible_collections.raywright.fleet.plugins.plugin_utils._action import LedgerAction
from ansible_collections.raywright.fleet.plugins.plugin_utils._hosts import within_limit
from ansible_collections.raywright.fleet.plugins.plugin_utils._ledger import find_run, plain
from ansible_collections.raywright.fleet.plugins.plugin_utils._marks import marks

if TYPE_CHECKING:
    from ansible_collections.raywright.fleet.engine.ledger import Checkpoint, Ledger, Outcome

_STATES = {"begin": "running", "pass": "passed", "fail": "failed", "skip": "skipped"}
_DONE = ("changed", "unchanged")
_NAMES_SHOWN = 5


class ActionModule(LedgerAction):
    SPEC: ClassVar[dict[str, Any]] = {
        "run": {"type": "str", "required": True},
        "name": {"type": "str", "required": True},
        "state": {"type": "str", "required": True, "choices": list(_STATES)},
        "hosts": {"type": "list", "elements": "str"},
        "outcome": {"type": "str", "choices": list(_DONE), "default": "changed"},
        "approval": {"type": "bool", "default": False},
        "destructive": {"type": "bool", "default": False},
        "verdict": {"type": "str", "choices": ["passed", "failed", "inconclusive"]},
        "detail": {"type": "dict", "default": {}},
        "unchanged": {"type": "list", "elements": "str", "default": []},
        "by_marks": {"type": "bool", "default": False},
        "failed": {"type": "dict", "default": {}},
        "lost": {"type": "str", "choices": ["fail", "stop"], "default": "fail"},
    }

    def act(self, ledger: Ledger, args: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        try:
            run_id = find_run(ledger, args["run"]).id
        except FleetError:
            if self._task.check_mode:
                return self.would(args)
            raise
        if self._task.check_mode:
            return self.would(args)
        if args["state"] == "begin":
            return self._begin(ledger, args, task_vars, run_id)
        return self._end(ledger, args, task_vars, run_id)

    def _begin(self, ledger: Ledger, args: dict[str, Any], task_vars: dict[str, Any], run_id: str) -> dict[str, Any]:
        from ansible_collections.raywright.fleet.engine.ledger import NewCheckpoint

        # A playbook that was believed dead, and lost the run to another one, must not work beside it.
        _lease.held(ledger, run_id)
        name = args["name"]
        new = NewCheckpoint(name, args["approval"], args["destructive"], plain(args["detail"]))
        checkpoint = ledger.add_checkpoint(run_id, new)
        if checkpoint.state == "passed":
            return _result(checkpoint, changed=False, msg=f"Checkpoint {name} of run {run_id} has passed already.")
        if checkpoint.state == "failed":
            # An approval that was used since opens its gate again only for a checkpoint that is to be done.
            ledger.move_checkpoint(run_id, name, "pending")
        if checkpoint.approval:
            _gate_must_be_open(ledger, run_id, name)
        if checkpoint.state == "skipped":
            ledger.move_checkpoint(run_id, name, "pending")
        ledger.add_targets(run_id, name, args["hosts"] or task_vars["ansible_play_hosts_all"])
        _record_unchanged(ledger, run_id, args)
        begun = ledger.move_checkpoint(run_id, name, "running")
        changed = checkpoint.state != "running"
        return _result(begun, changed=changed, msg=f"Checkpoint {name} of run {run_id} is running.")

    def _end(self, ledger: Ledger, args: dict[str, Any], task_vars: dict[str, Any], run_id: str) -> dict[str, Any]:
        name = args["name"]
        lost: list[str] = []
        if args["state"] != "skip":
            if args["hosts"]:
                ledger.add_targets(run_id, name, args["hosts"])
            lost = _record(ledger, run_id, args, task_vars)
        state = "failed" if lost and args["state"] == "pass" else _STATES[args["state"]]
        before = {each.name: each.state for each in ledger.checkpoints(run_id)}.get(name)
        verdict = "failed" if state == "failed" and args["state"] == "pass" else args["verdict"]
        if state == "skipped" and before == "failed":
            ledger.move_checkpoint(run_id, name, "pending")
        checkpoint = ledger.move_checkpoint(
            run_id,
            name,
            state,
            verdict=verdict,
            detail=plain(args["detail"]) or None,
            run_state="failed" if state == "failed" and args["lost"] == "stop" else None,
        )
        if state != _STATES[args["state"]]:
            more = f" and {len(lost) - _NAMES_SHOWN} more" if len(lost) > _NAMES_SHOWN else ""
            msg = (
                f"Checkpoint {name} of run {run_id} has not passed: {', '.join(lost[:_NAMES_SHOWN])}{more} failed or "
                "could not be reached. Mend that and run the same command again."
            )
            if args["lost"] == "fail":
                raise AnsibleActionFail(msg)
            return _result(checkpoint, changed=before != checkpoint.state, msg=msg)
        msg = f"Checkpoint {name} of run {run_id} is {checkpoint.state}."
        return _result(checkpoint, changed=before != checkpoint.state, msg=msg)

    def would(self, args: dict[str, Any]) -> dict[str, Any]:
        msg = f"Checkpoint {args['name']} would be {_STATES[args['state']]}."
        return {"changed": True, "checkpoint": None, "msg": msg}


def _record_unchanged(ledger: Ledger, run_id: str, args: dict[str, Any]) -> None:
    from ansible_collections.raywright.fleet.engine.ledger import Outcome

    wanted = set(args["unchanged"])
    left = [each.name for each in ledger.targets(run_id, checkpoint=args["name"]) if each.outcome not in _DONE]
    ledger.record_outcomes(run_id, args["name"], [Outcome(name, "unchanged") for name in left if name in wanted])


def _record(ledger: Ledger, run_id: str, args: dict[str, Any], task_vars: dict[str, Any]) -> list[str]:
    """Record what became of the hosts that were still to do; return those that were lost."""
    fates = _fates_by_marks if args["by_marks"] else _fates_by_play
    left = [each.name for each in ledger.targets(run_id, checkpoint=args["name"]) if each.outcome not in _DONE]
    told = fates(left, args, task_vars)
    rows = [row for row in told if args["state"] == "pass" or row.outcome not in _DONE]
    ledger.record_outcomes(run_id, args["name"], rows)
    return [row.name for row in told if row.outcome not in _DONE]


def _fates_by_play(names: list[str], args: dict[str, Any], task_vars: dict[str, Any]) -> list[Outcome]:
    """The hosts that are left in the play have come to its end."""
    from ansible_collections.raywright.fleet.engine.ledger import Outcome

    alive = set(task_vars["ansible_play_hosts"])
    return [Outcome(name, args["outcome"] if name in alive else "failed") for name in names]


def _fates_by_marks(names: list[str], args: dict[str, Any], task_vars: dict[str, Any]) -> list[Outcome]:
    """Each host's own variables tell; one that carries no mark was cut off, or is outside of ``--limit``."""
    from ansible_collections.raywright.fleet.engine.ledger import Outcome

    marked = marks(task_vars["hostvars"], names)
    reached = within_limit(task_vars)
    told = []
    for name in names:
        mark = marked[name]
        if mark.lost:
            told.append(Outcome(name, mark.outcome, {"reason": mark.reason, "task": mark.task}))
        elif name in args["failed"]:
            told.append(Outcome(name, "failed", {"reason": str(args["failed"][name])}))
        elif args["name"] in mark.done:
            told.append(Outcome(name, args["outcome"]))
        elif name in reached:
            told.append(Outcome(name, "unreachable", {"reason": "it was cut off before the end of its tasks"}))
        else:
            told.append(Outcome(name, "pending", {"reason": f"it is not in --limit {task_vars['ansible_limit']}"}))
    return told


def _gate_must_be_open(ledger: Ledger, run_id: str, name: str) -> None:
    used = [
        approval
        for approval in ledger.approvals(run_id=run_id, states={"used"})
        if approval.checkpoint == name
        and ledger.open_gate(run_id=run_id, checkpoint=name, digest=approval.digest) is not None
    ]
    if not used:
        raise GateClosed(
            f"Checkpoint {name} of run {run_id} needs an approval first: put raywright.fleet.approval before it."
        )


def _result(checkpoint: Checkpoint, *, changed: bool, msg: str) -> dict[str, Any]:
    return {"changed": changed, "checkpoint": plain(checkpoint), "msg": msg}
