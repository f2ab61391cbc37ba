# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which device is in which stage."""

import hashlib
from collections.abc import Collection, Sequence
from typing import Literal

from ..errors import InvalidInput
from .stages import Stage

Order = Literal["shuffle", "inventory"]


def arrange(names: Sequence[str], order: Order) -> list[str]:
    """Put devices in the order in which they are done.

    ``shuffle`` sorts by a hash of the name: the same fleet gives the same canary each time, and neighbours in the
    inventory, which are often a redundant pair, do not land in it together.
    """
    if order == "inventory":
        return list(names)
    return sorted(names, key=lambda name: (hashlib.sha256(name.encode()).digest(), name))


def cohorts(
    names: Sequence[str], stages: Sequence[Stage], order: Order, unreachable: Collection[str] = ()
) -> dict[str, list[str]]:
    """Divide the devices among the stages; stages that would add no device are left out.

    ``unreachable`` names devices that could not be read when the plan was made. They keep their place, so that a
    canary of which a third is missing is seen to be one, but a stage is never made of them alone: its last one
    changes places with the next device that can be reached.

    Raises ``InvalidInput`` when the stages end before the fleet does.
    """
    line = arrange(names, order)
    if missed := len(line) - stages[-1].reach(len(line)):
        raise InvalidInput(
            f"stages: the last stage ends at {stages[-1].size} of {len(line)} devices, so {missed} would never be "
            'reached; end the list with "100%"'
        )
    divided: dict[str, list[str]] = {}
    begin = 0
    dead = set(unreachable)
    for stage in stages:
        end = stage.reach(len(line))
        if end <= begin:
            continue
        if dead.issuperset(line[begin:end]):
            _promote(line, end, dead)
        divided[stage.name] = line[begin:end]
        begin = end
    return divided


def _promote(line: list[str], end: int, dead: set[str]) -> None:
    for later in range(end, len(line)):
        if line[later] not in dead:
            line[end - 1], line[later] = line[later], line[end - 1]
            return
