# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The controller half of ``ledger_info``: what the ledger says, and whether it is whole."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

from ansible.utils.display import Display
from ansible_collections.raywright.fleet.engine.rollout.breaker import FAILURES
from ansible_collections.raywright.fleet.plugins.plugin_utils import _text
from ansible_collections.raywright.fleet.plugins.plugin_utils._action import LedgerAction
from ansible_collections.raywright.fleet.plugins.plugin_utils._ledger import find_run, plain

if TYPE_CHECKING:
    from ansible_collections.raywright.fleet.engine.ledger import Ledger

_display = Display()


class ActionModule(LedgerAction):
    READS_ONLY = True
    SPEC: ClassVar[dict[str, Any]] = {
        "run": {"type": "str"},
        "limit": {"type": "int", "default": 20},
        "events": {"type": "bool", "default": False},
        "verify": {"type": "bool", "default": False},
        "show": {"type": "str", "choices": ["nothing", "text", "json"], "default": "nothing"},
    }

    def act(self, ledger: Ledger, args: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002 - the base class calls it so
        found, text = _one(ledger, args) if args["run"] else _all(ledger, args)
        if args["verify"]:
            verification = ledger.verify()
            found["verification"] = plain(verification)
            text += f"\n\n{_text.verification(verification)}"
        if args["show"] == "text":
            _display.display(text)
        elif args["show"] == "json":
            _display.display(json.dumps(found))
        return {"changed": False, **found}


def _all(ledger: Ledger, args: dict[str, Any]) -> tuple[dict[str, Any], str]:
    runs = ledger.runs(limit=args["limit"])
    pending = ledger.approvals(states={"pending"})
    text = _text.runs(runs)
    for approval in pending:
        text += f"\n\nAn approval is pending:\n{_text.request(ledger.run(approval.run_id), approval, None)}"
    found = {"runs": plain(runs), "approvals": plain(pending)}
    return (found | {"events": plain(list(ledger.events()))} if args["events"] else found), text


def _one(ledger: Ledger, args: dict[str, Any]) -> tuple[dict[str, Any], str]:
    run = find_run(ledger, args["run"])
    checkpoints = ledger.checkpoints(run.id)
    counts = ledger.counts(run.id)
    approvals = ledger.approvals(run_id=run.id)
    troubles = [
        {"name": each.name, "outcome": each.outcome, "reason": each.detail.get("reason", "")}
        for each in ledger.targets(run.id, outcomes=FAILURES)
    ]
    on_trial = [each.name for each in ledger.targets(run.id, outcomes=("changed",)) if each.detail.get("unconfirmed")]
    found: dict[str, Any] = {
        "run": plain(run),
        "checkpoints": plain(checkpoints),
        "counts": counts,
        "approvals": plain(approvals),
        "troubles": troubles,
        "unconfirmed": on_trial,
    }
    if args["events"]:
        found["events"] = plain(list(ledger.events(run.id)))
    return found, _text.one_run(run, checkpoints, counts, approvals, troubles, on_trial=len(on_trial))
