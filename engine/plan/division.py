# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which device is in which stage, where stages say which devices they are for: each selection is divided by itself."""

from collections.abc import Callable, Mapping, Sequence

from .selectors import Selector
from .stages import Stage

Divide = Callable[[Sequence[str], Sequence[Stage]], dict[str, list[str]]]
"""``cohorts.cohorts`` for devices and stages: how devices that belong together are divided by size."""


def divide(
    names: Sequence[str], stages: Sequence[Stage], placed: Mapping[str, Selector], cohorts: Divide
) -> dict[str, list[str]]:
    """Divide the devices among the stages; stages that get no device are left out.

    ``placed`` says which selector each device belongs to; it is empty where stages select by size alone.
    """
    if not placed:
        return cohorts(names, stages)
    divided: dict[str, list[str]] = {}
    for select in dict.fromkeys(stage.select for stage in stages):
        mine = [name for name in names if placed[name] == select]
        if mine:
            divided |= cohorts(mine, [stage for stage in stages if stage.select == select])
    return {stage.name: divided[stage.name] for stage in stages if stage.name in divided}
