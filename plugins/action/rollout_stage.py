# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The controller half of ``rollout_stage``: pushes one stage of a planned run, validates it and gives its verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from ansible_collections.raywright.fleet.plugins.plugin_utils._action import LedgerAction
from ansible_collections.raywright.fleet.plugins.plugin_utils._ledger import find_run
from ansible_collections.raywright.fleet.plugins.plugin_utils._stage_end import ended_already
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
        "ray_address": {"type": "str", "default": "local"},
        "confirm": {"type": "bool", "default": True},
        "fail_on_verdict": {"type": "bool", "default": True},
    }

    def act(self, ledger: Ledger, args: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        result = self._act(ledger, args, task_vars)
        if "verdict" in result and not args["fail_on_verdict"]:
            result["failed"] = False
        return result

    def _act(self, ledger: Ledger, args: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        if self._task.check_mode:
            return {"changed": True, "msg": f"Stage {args['stage']} would be rolled out."}
        run = find_run(ledger, args["run"])
        checkpoint = checkpoint_of(ledger, run, args["stage"])
        if told := ended_already(ledger, run, checkpoint):
            return told
        return Stage(self, ledger, run, checkpoint, args["ray_address"]).roll_out(task_vars, confirm=args["confirm"])

    def devices(self, task_vars: dict[str, Any], policy: Policy, names: list[str]) -> list[Reached]:
        return devices_of(self, task_vars, policy, names)
