# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Private to this collection: which devices the stages of a policy select, looked up in Ansible's inventory."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ansible_collections.raywright.fleet.plugins.plugin_utils._hosts import matching

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ansible_collections.raywright.fleet.engine.plan.policy import Policy
    from ansible_collections.raywright.fleet.engine.plan.selectors import Selector
    from ansible_collections.raywright.fleet.plugins.plugin_utils._devices import Reached


def asked(policy: Policy) -> set[str]:
    """The inventory variables that the stages ask for."""
    return {name for stage in policy.stages if stage.select for name in stage.select.variables}


def place(
    policy: Policy, devices: Sequence[Reached], task_vars: Mapping[str, Any]
) -> tuple[Policy, dict[str, Selector]]:
    """Return the policy with its stages spelled out, and each device's selector; none where stages have only sizes."""
    from ansible_collections.raywright.fleet.engine.plan import selectors, stages

    if not any(stage.select for stage in policy.stages):
        return policy, {}
    variables = {each.name: each.variables for each in devices}
    policy = replace(policy, stages=stages.expand(policy.stages, variables))
    chosen = [stage.select for stage in policy.stages if stage.select]
    matched = {select.hosts: matching(task_vars, select.hosts) for select in chosen if select.hosts}
    return policy, selectors.place(chosen, [each.name for each in devices], matched, variables)
