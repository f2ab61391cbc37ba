# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stages of a rollout: what a user writes, checked, and turned into cumulative device counts."""

import itertools
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from ..errors import InvalidInput
from . import selectors
from .selectors import Selector

_PERCENT = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*%\s*$")
_KEYS = ("name", "size", "sizes", *selectors.SELECTING, "order", "approval", "soak", "validate")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*([smhd]?)\s*$")


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage: ``size`` is the cumulative share of the fleet, a percentage (``"10%"``) or a count (``25``).

    Of a stage that selects its devices it is the share of those.
    """

    name: str
    size: str | int
    approval: bool = False
    soak: float = 0.0
    """Seconds to wait after the devices are done and before they are validated."""
    validate: bool = True
    select: Selector | None = None

    @classmethod
    def recorded(cls, raw: Mapping[str, Any]) -> "Stage":
        """Read it back from plain JSON types."""
        return cls(**{**raw, "select": Selector.recorded(raw.get("select"))})

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"select": self.select and self.select.as_dict()}

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

    Either every stage selects its devices or none does; sizes of stages that select the same devices are shares of
    those. Raises ``InvalidInput`` that names the entry.
    """
    if isinstance(raw, str) or not isinstance(raw, Sequence) or not raw:
        raise InvalidInput('stages: expected a list such as ["1%", "10%", "50%", "100%"]')
    each = [_stages(entry, position, approve_each=approve_each) for position, entry in enumerate(raw, start=1)]
    selecting = [stages[0].select is not None for stages in each]
    if any(selecting) and not all(selecting):
        raise InvalidInput(
            f"stages: entry {selecting.index(False) + 1} does not say which devices it is for, and others do: give it "
            f"one of {', '.join(selectors.SELECTING)}, or none to all"
        )
    return _checked(list(itertools.chain.from_iterable(each)))


def expand(stages: Sequence[Stage], variables: Mapping[str, Mapping[str, Any]]) -> tuple[Stage, ...]:
    """Put a stage for every value in place of those for ``each``, from the devices' ``variables``."""
    if not any(stage.select and stage.select.each for stage in stages):
        return tuple(stages)
    expanded: list[Stage] = []
    for pattern, alike in itertools.groupby(stages, key=lambda stage: stage.select):
        if pattern is None or not pattern.each:
            expanded.extend(alike)
            continue
        sized = list(alike)
        for value in pattern.order or selectors.values(pattern.each, variables):
            select = Selector(where=((pattern.each, value),))
            expanded += [replace(stage, name=_named(value, stage.name, pattern), select=select) for stage in sized]
    return _checked(expanded)


def _named(value: str, name: str, pattern: Selector) -> str:
    """The value in place of the variable's name: ``region 1%`` becomes ``north 1%``."""
    own, _space, size = name.partition(" ")
    return f"{value} {size}".rstrip() if own == pattern.each else f"{name} {value}"


def _checked(stages: list[Stage]) -> tuple[Stage, ...]:
    names = [stage.name for stage in stages]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InvalidInput(f"stages: the name {twice[0]!r} stands twice; give each stage its own name")
    for select in dict.fromkeys(stage.select for stage in stages):
        _check_sizes([stage for stage in stages if stage.select == select])
    return tuple(stages)


def _check_sizes(stages: list[Stage]) -> None:
    """Check the stages that share the same devices."""
    for earlier, later in itertools.pairwise(stages):
        if isinstance(earlier.size, int) == isinstance(later.size, int) and _measure(earlier) >= _measure(later):
            raise InvalidInput(
                f"stages: {later.name!r} does not go beyond {earlier.name!r}; sizes are cumulative and must grow"
            )
    if isinstance(stages[-1].size, str) and _measure(stages[-1]) != 100:  # noqa: PLR2004 - per cent
        of = f" of {stages[-1].select}" if stages[-1].select else ""
        raise InvalidInput(
            f"stages: the last stage{of} ends at {stages[-1].size}, so part of the fleet would never be reached; "
            'end the list with "100%"'
        )


def _measure(stage: Stage) -> float:
    return float(stage.size) if isinstance(stage.size, int) else float(stage.size.rstrip("%"))


def _stages(entry: Any, position: int, *, approve_each: bool) -> list[Stage]:
    """One entry: a stage, or one for each of its ``sizes``."""
    where = f"stages: entry {position}"
    if not isinstance(entry, Mapping):
        size = _size(entry, where)
        return [Stage(name=str(size), size=size, approval=approve_each)]
    if unknown := sorted(set(map(str, entry)) - set(_KEYS)):
        raise InvalidInput(f"{where}: unknown key {unknown[0]!r}; known are {', '.join(_KEYS)}")
    select = selectors.parse(entry, where)
    sizes = _sizes(entry, where, select)
    for key in ("approval", "validate"):
        if key in entry and not isinstance(entry[key], bool):
            raise InvalidInput(f"{where}: {key} must be true or false, not {entry[key]!r}")
    alone = str(entry.get("name", select.name if select else sizes[0]))
    several = len(sizes) > 1 or (select is not None and "size" in entry and "name" not in entry)
    return [
        Stage(
            name=f"{alone} {size}" if several else alone,
            size=size,
            approval=entry.get("approval", approve_each),
            soak=seconds(entry.get("soak", 0), f"{where}: soak"),
            validate=entry.get("validate", True),
            select=select,
        )
        for size in sizes
    ]


def _sizes(entry: Mapping[str, Any], where: str, select: Selector | None) -> list[str | int]:
    if "sizes" not in entry:
        if "size" not in entry and select is None:
            raise InvalidInput(f'{where}: "size" is missing')
        return [_size(entry.get("size", "100%"), where)]
    sizes = entry["sizes"]
    if select is None or "size" in entry:
        raise InvalidInput(f'{where}: "sizes" divides the devices of hosts, where or each, in place of "size"')
    if isinstance(sizes, str) or not isinstance(sizes, Sequence) or not sizes:
        raise InvalidInput(f'{where}: sizes must be a list such as ["1%", "100%"], not {sizes!r}')
    return [_size(size, where) for size in sizes]


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
