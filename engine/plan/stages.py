# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stages of a rollout: what a user writes, checked, and turned into cumulative device counts."""

import itertools
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import InvalidInput

_PERCENT = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*%\s*$")
_KEYS = ("name", "size", "approval", "soak", "validate")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*([smhd]?)\s*$")


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage: ``size`` is the cumulative share of the fleet, a percentage (``"10%"``) or a count (``25``)."""

    name: str
    size: str | int
    approval: bool = False
    soak: float = 0.0
    """Seconds to wait after the devices are done and before they are validated."""
    validate: bool = True

    def reach(self, fleet: int) -> int:
        """Devices done when this stage has ended, out of ``fleet``; at least one."""
        if isinstance(self.size, int):
            return min(self.size, fleet)
        share = float(self.size.rstrip("%"))
        return min(fleet, max(1, math.ceil(fleet * share / 100 - 1e-9)))


def seconds(value: object, option: str) -> float:
    """Read a duration: a number of seconds, or a number with one of the units s, m, h and d."""
    matched = _DURATION.match(str(value)) if not isinstance(value, bool) else None
    if not matched:
        raise InvalidInput(f"{option}: {value!r} is no duration; write seconds, or a number with s, m, h or d (10m)")
    return float(matched[1]) * _UNITS[matched[2] or "s"]


def parse(raw: Sequence[Any], *, approve_each: bool = False) -> tuple[Stage, ...]:
    """Check a list of stages. Sizes must grow and the last must be able to reach the whole fleet.

    Raises ``InvalidInput`` that names the entry.
    """
    if isinstance(raw, str) or not isinstance(raw, Sequence) or not raw:
        raise InvalidInput('stages: expected a list such as ["1%", "10%", "50%", "100%"]')
    stages = tuple(_stage(entry, position, approve_each=approve_each) for position, entry in enumerate(raw, start=1))
    names = [stage.name for stage in stages]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InvalidInput(f"stages: the name {twice[0]!r} stands twice; give each stage its own name")
    for earlier, later in itertools.pairwise(stages):
        if isinstance(earlier.size, int) == isinstance(later.size, int) and _measure(earlier) >= _measure(later):
            raise InvalidInput(
                f"stages: {later.name!r} does not go beyond {earlier.name!r}; sizes are cumulative and must grow"
            )
    if isinstance(stages[-1].size, str) and _measure(stages[-1]) != 100:  # noqa: PLR2004 - per cent
        raise InvalidInput(
            f"stages: the last stage ends at {stages[-1].size}, so part of the fleet would never be reached; "
            'end the list with "100%"'
        )
    return stages


def _measure(stage: Stage) -> float:
    return float(stage.size) if isinstance(stage.size, int) else float(stage.size.rstrip("%"))


def _stage(entry: Any, position: int, *, approve_each: bool) -> Stage:
    where = f"stages: entry {position}"
    if not isinstance(entry, Mapping):
        size = _size(entry, where)
        return Stage(name=str(size), size=size, approval=approve_each)
    if unknown := sorted(set(map(str, entry)) - set(_KEYS)):
        raise InvalidInput(f"{where}: unknown key {unknown[0]!r}; known are {', '.join(_KEYS)}")
    if "size" not in entry:
        raise InvalidInput(f'{where}: "size" is missing')
    size = _size(entry["size"], where)
    for key in ("approval", "validate"):
        if key in entry and not isinstance(entry[key], bool):
            raise InvalidInput(f"{where}: {key} must be true or false, not {entry[key]!r}")
    return Stage(
        name=str(entry.get("name", size)),
        size=size,
        approval=entry.get("approval", approve_each),
        soak=seconds(entry.get("soak", 0), f"{where}: soak"),
        validate=entry.get("validate", True),
    )


def _size(value: Any, where: str) -> str | int:
    if isinstance(value, int) and not isinstance(value, bool):
        count = value
    elif isinstance(value, str) and value.strip().isdigit():
        count = int(value)
    elif isinstance(value, str) and (matched := _PERCENT.match(value)):
        share = float(matched[1])
        if not 0 < share <= 100:  # noqa: PLR2004 - per cent
            raise InvalidInput(f"{where}: {value} is not above 0% and at most 100%")
        return f"{share:g}%"
    else:
        raise InvalidInput(f"{where}: {value!r} is neither a percentage such as '10%' nor a count such as 25")
    if count < 1:
        raise InvalidInput(f"{where}: a stage needs at least one device, not {count}")
    return count
