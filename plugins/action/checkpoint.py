# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The controller half of ``checkpoint``: a checkpoint begins and ends, with an outcome for each host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from ansible.errors import AnsibleActionFail
from ansible_collections.raywright.fleet.engine.errors import FleetError, GateClosed
from ansible_collections.raywright.fleet.plugins.plugin_utils._action import LedgerAction
from ansible_collections.raywright.fleet.plugins.plugin_utils._ledger import find_run, plain

if TYPE_CHECKING:
    from collections.abc import Collection

    from ansible_collections.raywright.fleet.engine.ledger import Checkpoint, Ledger

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

        name = args["name"]
        new = NewCheckpoint(name, args["approval"], args["destructive"], plain(args["detail"]))
        checkpoint = ledger.add_checkpoint(run_id, new)
        if checkpoint.state == "passed":
            return _result(checkpoint, changed=False, msg=f"Checkpoint {name} of run {run_id} has passed already.")
        if checkpoint.approval:
            _gate_must_be_open(ledger, run_id, name)
        if checkpoint.state == "skipped":
            ledger.move_checkpoint(run_id, name, "pending")
        ledger.add_targets(run_id, name, args["hosts"] or task_vars["ansible_play_hosts_all"])
        begun = ledger.move_checkpoint(run_id, name, "running")
        changed = checkpoint.state != "running"
        return _result(begun, changed=changed, msg=f"Checkpoint {name} of run {run_id} is running.")

    def _end(self, ledger: Ledger, args: dict[str, Any], task_vars: dict[str, Any], run_id: str) -> dict[str, Any]:
        name = args["name"]
        lost: list[str] = []
        if args["state"] != "skip":
            alive = set(task_vars["ansible_play_hosts"])
            lost = _record(ledger, run_id, args, alive)
        state = "failed" if lost and args["state"] == "pass" else _STATES[args["state"]]
        before = {each.name: each.state for each in ledger.checkpoints(run_id)}.get(name)
        verdict = "failed" if state == "failed" and args["state"] == "pass" else args["verdict"]
        checkpoint = ledger.move_checkpoint(run_id, name, state, verdict=verdict, detail=plain(args["detail"]) or None)
        if state != _STATES[args["state"]]:
            more = f" and {len(lost) - _NAMES_SHOWN} more" if len(lost) > _NAMES_SHOWN else ""
            raise AnsibleActionFail(
                f"Checkpoint {name} of run {run_id} has not passed: {', '.join(lost[:_NAMES_SHOWN])}{more} failed or "
                "could not be reached. Mend that and run the same command again."
            )
        msg = f"Checkpoint {name} of run {run_id} is {checkpoint.state}."
        return _result(checkpoint, changed=before != checkpoint.state, msg=msg)

    def would(self, args: dict[str, Any]) -> dict[str, Any]:
        msg = f"Checkpoint {args['name']} would be {_STATES[args['state']]}."
        return {"changed": True, "checkpoint": None, "msg": msg}


def _record(ledger: Ledger, run_id: str, args: dict[str, Any], alive: Collection[str]) -> list[str]:
    """Record what became of the hosts that were still to do; return those that were lost."""
    from ansible_collections.raywright.fleet.engine.ledger import Outcome

    rows = []
    lost = []
    for target in ledger.targets(run_id, checkpoint=args["name"]):
        if target.outcome in _DONE:
            continue
        if target.name not in alive:
            lost.append(target.name)
            rows.append(Outcome(target.name, "failed"))
        elif args["state"] == "pass":
            rows.append(Outcome(target.name, args["outcome"]))
    ledger.record_outcomes(run_id, args["name"], rows)
    return lost


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
