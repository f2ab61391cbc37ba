# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The controller half of ``approval_decision``: one decision on one request."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from ansible.utils.display import Display
from ansible_collections.raywright.fleet.engine.gates import Decision, check
from ansible_collections.raywright.fleet.plugins.plugin_utils import _text
from ansible_collections.raywright.fleet.plugins.plugin_utils._action import LedgerAction
from ansible_collections.raywright.fleet.plugins.plugin_utils._ledger import identity, plain

if TYPE_CHECKING:
    from ansible_collections.raywright.fleet.engine.ledger import Ledger

_display = Display()


class ActionModule(LedgerAction):
    SPEC: ClassVar[dict[str, Any]] = {
        "approval": {"type": "str", "required": True},
        "digest": {"type": "str", "required": True},
        "verdict": {"type": "str", "choices": ["approve", "reject"], "default": "approve"},
        "reason": {"type": "str", "required": True},
        "approver": {"type": "str"},
        "risk_acknowledged": {"type": "bool", "default": False},
        "break_glass": {"type": "bool", "default": False},
    }

    def act(self, ledger: Ledger, args: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        approval = ledger.approval(args["approval"])
        decision = Decision(
            approver=str(identity(args["approver"], task_vars)),
            verdict=args["verdict"],
            reason=str(args["reason"]),
            digest=str(args["digest"]),
            risk_acknowledged=args["risk_acknowledged"],
            break_glass=args["break_glass"],
        )
        details = {each.name: each.detail for each in ledger.checkpoints(approval.run_id)}
        summary = details.get(approval.checkpoint, {}).get("summary")
        _display.display(_text.request(ledger.run(approval.run_id), approval, summary))
        if self._task.check_mode:
            check(approval, decision, datetime.now(UTC))
            msg = f"Approval {approval.id} would be decided: {decision.verdict}."
            return {"changed": True, "approval": plain(approval), "msg": msg}
        if decision.break_glass:
            _display.warning(
                f"BREAK GLASS: {decision.approver} decides on {approval.id} against the rule of two persons."
            )
        decided = ledger.decide_approval(approval.id, decision)
        msg = f"Approval {decided.id} is {decided.state} by {decided.decided_by}."
        return {"changed": True, "approval": plain(decided), "msg": msg}
