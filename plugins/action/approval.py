# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The controller half of ``approval``: asks for an approval, waits for it or not, and uses it."""

from __future__ import annotations

import os
import re
import shlex
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ansible.errors import AnsibleActionFail
from ansible.utils.display import Display
from ansible_collections.raywright.fleet.engine.errors import FleetError, GateClosed, InvalidInput, LedgerError
from ansible_collections.raywright.fleet.plugins.plugin_utils import _text
from ansible_collections.raywright.fleet.plugins.plugin_utils._action import LedgerAction
from ansible_collections.raywright.fleet.plugins.plugin_utils._doors import FileDoor, TerminalDoor
from ansible_collections.raywright.fleet.plugins.plugin_utils._ledger import find_run, identity, plain
from ansible_collections.raywright.fleet.plugins.plugin_utils.progress import Progress

if TYPE_CHECKING:
    from ansible_collections.raywright.fleet.engine.gates import Approval, Decision
    from ansible_collections.raywright.fleet.engine.ledger import Ledger, Run

_POLL_SECONDS = 1.0
_HEARTBEAT_SECONDS = 30.0
_OUTAGE_SECONDS = 120.0
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_display = Display()


class ActionModule(LedgerAction):
    SPEC: ClassVar[dict[str, Any]] = {
        "run": {"type": "str", "required": True},
        "checkpoint": {"type": "str", "required": True},
        "digest": {"type": "str"},
        "destructive": {"type": "bool"},
        "requester": {"type": "str"},
        "summary": {"type": "str"},
        "wait": {"type": "str", "choices": ["hold", "park"], "default": "hold"},
        "ttl": {"type": "str", "default": "24h"},
        "doors": {
            "type": "list",
            "elements": "str",
            "choices": ["terminal", "file", "ledger"],
            "default": ["file", "ledger"],
        },
        "approvals_dir": {"type": "path", "default": ".raywright/approvals"},
        "ask_again": {"type": "bool", "default": False},
    }

    def act(self, ledger: Ledger, args: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        ttl = _seconds(args["ttl"])
        try:
            run = find_run(ledger, args["run"])
        except FleetError:
            if self._task.check_mode:
                return self.would(args)
            raise
        digest = args["digest"] or run.digest
        if self._task.check_mode:
            return self.would(args)
        destructive = _describe(ledger, run, args)
        gate = {"run_id": run.id, "checkpoint": args["checkpoint"], "digest": digest}
        if (used := ledger.open_gate(**gate)) is not None:
            ledger.move_run(run.id, "running")
            return _approved(used, changed=False, msg=f"The gate is open already: approval {used.id} was used for it.")
        try:
            approval = ledger.request_approval(
                **gate,
                requester=identity(args["requester"], task_vars),
                destructive=destructive,
                ttl_seconds=ttl,
                after_rejection=args["ask_again"],
            )
        except GateClosed:
            ledger.move_run(run.id, "stopped")
            raise
        return _Gate(ledger, run, approval, args).pass_through()

    def would(self, args: dict[str, Any]) -> dict[str, Any]:
        what = "wait for" if args["wait"] == "hold" else "park until"
        msg = f"Would {what} the approval of checkpoint {args['checkpoint']}; nothing was requested."
        return {"changed": False, "approved": False, "parked": False, "would_wait": True, "msg": msg}


class _Gate:
    """One request, until it is decided, has expired or is parked."""

    def __init__(self, ledger: Ledger, run: Run, approval: Approval, args: dict[str, Any]) -> None:
        self._ledger = ledger
        self._run = run
        self._approval = approval
        self._args = args
        self._files = FileDoor(Path(args["approvals_dir"])) if "file" in args["doors"] else None
        self._command = _command(approval)
        self._progress = Progress.from_environment(display=_display.display)
        self._parent = os.getppid()

    def pass_through(self) -> dict[str, Any]:
        self._look()
        if self._approval.state == "pending":
            self._show()
            if "terminal" in self._args["doors"]:
                self._ask()
        if self._approval.state == "pending" and self._args["wait"] == "park":
            return self._park()
        if self._approval.state == "pending":
            self._hold()
        return self._use()

    def _look(self) -> None:
        """Take a decision from the file door, then read what the ledger says."""
        if self._files is not None and self._approval.state == "pending":
            try:
                decision = self._files.look(self._approval)
                if decision is not None:
                    self._decide(decision)
            except InvalidInput as error:
                _display.warning(f"{error} Nothing is approved by it.")
        self._approval = self._ledger.approval(self._approval.id)

    def _decide(self, decision: Decision) -> None:
        try:
            self._approval = self._ledger.decide_approval(self._approval.id, decision)
        except GateClosed as error:
            _display.warning(f"The decision does not count ({decision.door}): {error}")

    def _ask(self) -> None:
        left = self._approval.expires - self._approval.created
        decision = TerminalDoor(_display).ask(self._approval, seconds=int(left.total_seconds()))
        if decision is not None:
            self._decide(decision)
        self._look()

    def _show(self) -> None:
        detail = {each.name: each.detail for each in self._ledger.checkpoints(self._run.id)}
        summary = detail.get(self._approval.checkpoint, {}).get("summary")
        doors = [f"Approve with:\n  {self._command}"]
        if self._files is not None:
            path = self._files.directory / f"{self._approval.id}.yml"
            doors.append(f"or by a file {path} with digest, verdict (approve or reject), reason and approver.")
        shown = _text.request(self._run, self._approval, summary)
        self._say("\n".join(["An approval is needed:", shown, "", *doors]))

    def _say(self, text: str) -> None:
        # Ansible does not flush its output: in a pipe, what is waited for would be seen when the wait is over. The
        # standard error has no such buffer.
        _display.display(text, stderr=self._args["wait"] == "hold")

    def _park(self) -> dict[str, Any]:
        self._ledger.move_run(self._run.id, "parked")
        data = {"raywright_run": self._run.id, "raywright_approval": self._approval.id}
        return {
            "changed": False,
            "approved": False,
            "parked": True,
            "approval": plain(self._approval),
            "approve_command": self._command,
            "ansible_stats": {"data": data, "per_host": False, "aggregate": False},
            "msg": f"Run {self._run.id} is parked at checkpoint {self._approval.checkpoint}: approve it, then run the "
            "same command again.",
        }

    def _hold(self) -> None:
        self._ledger.move_run(self._run.id, "waiting")
        self._progress.phase("approval", self._approval.checkpoint, total=0, run=self._run.id)
        began = said = heard = time.monotonic()
        while self._approval.state == "pending":
            time.sleep(_POLL_SECONDS)
            if os.getppid() != self._parent:
                raise AnsibleActionFail("The playbook's own process is gone; the request stays open for its next run.")
            try:
                self._look()
                heard = time.monotonic()
            except LedgerError as error:
                if time.monotonic() - heard > _OUTAGE_SECONDS:
                    raise
                _display.warning(f"{error} Trying again.")
            if time.monotonic() - said >= _HEARTBEAT_SECONDS:
                said = time.monotonic()
                self._say(self._heartbeat(time.monotonic() - began))
            self._progress.tick()
        verdict = "passed" if self._approval.state == "approved" else "failed"
        self._progress.phase_end(self._approval.checkpoint, verdict=verdict, seconds=time.monotonic() - began)

    def _heartbeat(self, waited: float) -> str:
        return (
            f"Waiting for approval {self._approval.id} of checkpoint {self._approval.checkpoint} for "
            f"{waited / 60:.1f} min; it expires at {self._approval.expires:%Y-%m-%d %H:%M} UTC."
        )

    def _use(self) -> dict[str, Any]:
        gate = {"run_id": self._run.id, "checkpoint": self._approval.checkpoint, "digest": self._approval.digest}
        try:
            used = self._ledger.consume_approval(**gate)
        except GateClosed as closed:
            # Whatever this says, the reason why the gate is closed is what the user must see.
            with suppress(LedgerError):
                if self._ledger.approval(self._approval.id).state == "used":
                    # The run is now another process's to carry out: it must not be parked under its feet.
                    raise GateClosed(
                        f"Approval {self._approval.id} has just opened the gate of {self._approval.checkpoint} for "
                        f"another process, which works on run {self._run.id} now. Let it finish: "
                        "raywright.fleet.status shows how far it is."
                    ) from closed
                self._ledger.move_run(self._run.id, "stopped" if self._approval.state == "rejected" else "parked")
            raise
        self._ledger.move_run(self._run.id, "running")
        flags = " by breaking glass" if used.break_glass else ""
        return _approved(used, changed=True, msg=f"Approved by {used.decided_by}{flags}: {used.reason}")


def _describe(ledger: Ledger, run: Run, args: dict[str, Any]) -> bool:
    """Make sure that the checkpoint is there and says what is approved; return whether it is destructive."""
    from ansible_collections.raywright.fleet.engine.ledger import NewCheckpoint

    detail = {"summary": str(args["summary"])} if args["summary"] else {}
    name = str(args["checkpoint"])
    new = NewCheckpoint(name, approval=True, destructive=bool(args["destructive"]), detail=detail)
    known = ledger.add_checkpoint(run.id, new)
    if any(known.detail.get(key) != value for key, value in detail.items()):
        ledger.move_checkpoint(run.id, name, known.state, detail=detail)
    # A plan that calls a checkpoint destructive is not talked out of it by an option.
    return known.destructive or bool(args["destructive"])


def _command(approval: Approval) -> str:
    """Return the command that approves, up to the name and the reason."""
    given = {"approval": approval.id, "digest": approval.digest[:16], "approver": "NAME"}
    words = [word for key, value in given.items() for word in ("-e", f"{key}={value}")]
    if approval.destructive:
        words += ["-e", "risk_acknowledged=true"]
    # Inner quotes: Ansible would cut a reason of several words after the first one.
    return f"ansible-playbook raywright.fleet.approve {shlex.join(words)} -e \"reason='WHY'\""


def _approved(approval: Approval, *, changed: bool, msg: str) -> dict[str, Any]:
    return {"changed": changed, "approved": True, "parked": False, "approval": plain(approval), "msg": msg}


def _seconds(text: str) -> int:
    found = re.fullmatch(r"(\d+)\s*([smhd]?)", text.strip())
    if not found or not int(found[1]):
        raise AnsibleActionFail(
            f"The ttl {text!r} is not a time: give seconds, or a number with s, m, h or d, as in 24h."
        )
    return int(found[1]) * _UNITS[found[2] or "s"]
