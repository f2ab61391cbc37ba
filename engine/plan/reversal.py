# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rollback in steps: which devices are restored first, and which at the same time."""

from collections.abc import Collection, Sequence
from typing import Any, Literal

from ..errors import InvalidInput
from . import stages as stages_
from .stages import Stage

Order = Literal["reverse", "rollout"]

DEFAULT_STAGES = ("1%", "100%")
"""A first step that is small and read back, then the rest."""


def parse(raw: Sequence[Any]) -> tuple[Stage, ...]:
    """Check the stages of a rollback: sizes, and nothing else. Raises ``InvalidInput`` naming the stage."""
    stages = stages_.parse(raw)
    for stage in stages:
        if stage.select or stage.approval or stage.soak or not stage.validate:
            raise InvalidInput(
                f"stages: {stage.name!r}: a stage of a rollback has a name and a size only; what is restored is read "
                "back and compared byte for byte"
            )
    return stages


def steps(
    names: Sequence[str],
    stages: Sequence[Stage],
    order: Order,
    *,
    behind: Sequence[Collection[str]] = (),
    last: Collection[str] = (),
) -> list[list[str]]:
    """Divide ``names``, which stand in the order in which they were changed, into the steps of their rollback.

    ``behind`` are devices that come after all others, one set of them after the other. ``last`` carry the way to the
    others: they come at the very end, whatever the order.
    """
    line = list(names) if order == "rollout" else list(reversed(names))
    turn = {name: at for at, devices in enumerate(behind, start=1) for name in devices}
    line.sort(key=lambda name: (name in last, turn.get(name, 0)))
    divided: list[list[str]] = []
    begin = 0
    for stage in stages:
        end = stage.reach(len(line))
        if end > begin:
            divided.append(line[begin:end])
            begin = end
    if begin < len(line):
        raise InvalidInput(
            f"stages: the last stage ends at {stages[-1].size} of {len(line)} devices to restore; end the list with "
            '"100%"'
        )
    return divided
