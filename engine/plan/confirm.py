# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a change must be held on a device until it can be confirmed, so far as that is known beforehand."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ..errors import InvalidInput
from ..wording import counted

if TYPE_CHECKING:
    from .policy import Policy
    from .stages import Stage


def needed(policy: "Policy", stage: "Stage", waves: Sequence[int]) -> float:
    """Seconds from the first change of a stage to its confirmation: for each wave the soak, and the time that its
    checks may wait for what they look for; then one exchange. ``waves`` are counts of devices.

    How long the devices themselves take, and somebody's own tasks after the stage, nobody knows beforehand.
    """
    waiting = sum(check.retries * check.delay for check in policy.validate) if stage.validate else 0.0
    return sum(stage.soak + math.ceil(wave / policy.concurrency) * waiting for wave in waves) + policy.timeout


def require_time(policy: "Policy", stages: Mapping[str, Sequence[int]]) -> None:
    """Raise ``InvalidInput`` where a stage, given by its waves, takes longer than a device holds its change."""
    if not policy.confirm_timeout:
        return
    for stage in policy.stages:
        waves = stages.get(stage.name)
        least = needed(policy, stage, waves) if waves else 0.0
        if waves and policy.confirm_timeout <= least:
            devices = counted(sum(waves), "device")
            checks = f"checks of {devices}, {policy.concurrency} at once, with all their retries and delays"
            raise InvalidInput(
                f"confirm_timeout: {policy.confirm_timeout:g} s are not enough for stage {stage.name!r}, which may "
                f"take {least:g} s until its devices are confirmed (soak {stage.soak:g} s; {checks}; one exchange of "
                f"{policy.timeout:g} s): they would take their changes back before. Set "
                f"network_rollout_confirm_timeout to more than {math.ceil(least)}, or shorten soak and checks"
            )
