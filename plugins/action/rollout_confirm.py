# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The controller half of ``rollout_confirm``: ends the trial of a stage that was rolled out without confirming it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from ansible_collections.raywright.fleet.plugins.plugin_utils._action import LedgerAction
from ansible_collections.raywright.fleet.plugins.plugin_utils._ledger import find_run
from ansible_collections.raywright.fleet.plugins.plugin_utils._stage_run import Stage, checkpoint_of, devices_of

if TYPE_CHECKING:
    from ansible_collections.raywright.fleet.engine.ledger import Ledger
    from ansible_collections.raywright.fleet.engine.plan.policy import Policy
    from ansible_collections.raywright.fleet.plugins.plugin_utils._devices import Reached


class ActionModule(LedgerAction):
    """Runs once for the whole play, on the controller."""

    SPEC: ClassVar[dict[str, Any]] = {
        "run": {"type": "str", "required": True},
        "stage": {"type": "str", "required": True},
        "keep": {"type": "bool", "default": True},
        "reason": {"type": "str"},
        "ray_address": {"type": "str", "default": "local"},
        "fail_on_verdict": {"type": "bool", "default": True},
    }
    RULES: ClassVar[dict[str, Any]] = {"required_if": [("keep", False, ("reason",))]}

    def act(self, ledger: Ledger, args: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        from ansible_collections.raywright.fleet.engine.errors import InvalidInput

        if self._task.check_mode:
            act = "confirmed" if args["keep"] else "taken back"
            return {"changed": True, "msg": f"What stage {args['stage']} left on trial would be {act}."}
        run = find_run(ledger, args["run"])
        checkpoint = checkpoint_of(ledger, run, args["stage"])
        if checkpoint.state in {"passed", "failed", "skipped"}:
            passed = checkpoint.state != "failed"
            return {
                "changed": False,
                "failed": not passed and args["fail_on_verdict"],
                "verdict": "passed" if passed else "failed",
                "outcomes": ledger.counts(run.id)[checkpoint.name],
                "msg": f"Stage {checkpoint.name} of run {run.id} has ended already: it {checkpoint.state}.",
            }
        if not checkpoint.detail.get("validated"):
            raise InvalidInput(
                f"Stage {checkpoint.name} of run {run.id} was not rolled out and validated, so there is nothing to "
                "confirm: run raywright.fleet.rollout_stage first, with confirm set to false"
            )
        stage = Stage(self, ledger, run, checkpoint, args["ray_address"])
        result = stage.confirm(task_vars, keep=args["keep"], reason=args["reason"] or "")
        return {**result, "failed": result.get("failed", False) and args["fail_on_verdict"]}

    def devices(self, task_vars: dict[str, Any], policy: Policy, names: list[str]) -> list[Reached]:
        return devices_of(self, task_vars, policy, names)
