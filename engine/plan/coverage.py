# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which devices stand for a fleet, and what they do not stand for.

A stratum is all devices that are alike in one way: of one platform, with one value of a variable, or with one shape of
change. A device is in one stratum of each kind, so a few devices can stand for many strata.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from .traits import NONE, Fleet

_Cell = tuple[str, ...]
"""Everything that one device stands for; devices of one cell are as good as each other."""


@dataclass(frozen=True, slots=True)
class Uncovered:
    """A stratum of which no device that can be reached is in the canary."""

    stratum: str
    devices: int
    example: str


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a canary covers of the fleet that would change."""

    strata: int = 0
    uncovered: tuple[Uncovered, ...] = ()
    """Largest first."""
    combinations: int = 0
    """Combinations of strata that no device of the canary has, though it may cover each of the strata."""
    combined: int = 0
    """Devices with such a combination."""


def representatives(line: Sequence[str], fleet: Fleet, size: int, unfit: Collection[str] = ()) -> list[str]:
    """Choose up to ``size`` devices of ``line`` that stand for as many strata as can be, the largest strata first.

    For each stratum that nobody stands for yet, the device that stands for most others as well; then one for each
    combination of strata, the most frequent first. No two of one redundancy group. The time taken grows with the
    devices and not with their product with the strata: each stratum looks at its own cells once.
    """
    cells: dict[_Cell, list[str]] = defaultdict(list)
    for name in line:
        if name not in unfit:
            cells[fleet.get(name, NONE).strata].append(name)
    within, sizes = _strata(cells)
    choice = _Choice(cells, fleet)
    for stratum in sorted(sizes, key=lambda stratum: (-sizes[stratum], stratum)):
        if len(choice.chosen) >= size:
            break
        if stratum not in choice.covered:
            choice.one_of(within[stratum])
    for cell in sorted(cells, key=lambda cell: -len(cells[cell])):
        if len(choice.chosen) >= size:
            break
        if cell not in choice.cells:
            choice.one_of([cell])
    return choice.chosen


def _strata(cells: Mapping[_Cell, Sequence[str]]) -> tuple[dict[str, list[_Cell]], dict[str, int]]:
    """The cells of each stratum, and how many devices it has."""
    within: dict[str, list[_Cell]] = defaultdict(list)
    sizes: dict[str, int] = defaultdict(int)
    for cell, names in cells.items():
        for stratum in cell:
            within[stratum].append(cell)
            sizes[stratum] += len(names)
    return within, sizes


class _Choice:
    """The devices chosen so far."""

    def __init__(self, cells: dict[_Cell, list[str]], fleet: Fleet) -> None:
        self.chosen: list[str] = []
        self.covered: set[str] = set()
        self.cells: set[_Cell] = set()
        self._busy: set[str] = set()
        self._left = {cell: list(reversed(names)) for cell, names in cells.items()}
        self._sizes = {cell: len(names) for cell, names in cells.items()}
        self._fleet = fleet

    def one_of(self, cells: Iterable[_Cell]) -> None:
        """Choose a device from the best of these cells, if it has one whose redundancy group has none yet."""
        for cell in sorted(cells, key=lambda cell: (-len(set(cell) - self.covered), -self._sizes[cell])):
            names = self._left[cell]
            while names:
                name = names.pop()
                groups = self._fleet.get(name, NONE).groups
                if self._busy.isdisjoint(groups):
                    self.chosen.append(name)
                    self.covered.update(cell)
                    self.cells.add(cell)
                    self._busy.update(groups)
                    return


def coverage(names: Sequence[str], fleet: Fleet, canary: Collection[str], mute: Collection[str] = ()) -> Coverage:
    """Say what the canary does not cover. Those that are ``mute`` cover nothing, see ``cohorts``."""
    present = [fleet.get(name, NONE).strata for name in canary if name not in mute]
    covered, combined = {stratum for cell in present for stratum in cell}, set(present)
    sizes: Counter[str] = Counter()
    first: dict[str, str] = {}
    cells: Counter[_Cell] = Counter()
    for name in names:
        cell = fleet.get(name, NONE).strata
        sizes.update(cell)
        cells[cell] += 1
        for stratum in cell:
            first.setdefault(stratum, name)
    missed = [Uncovered(stratum, sizes[stratum], first[stratum]) for stratum in sizes if stratum not in covered]
    left = {cell: count for cell, count in cells.items() if cell not in combined}
    return Coverage(
        strata=len(sizes),
        uncovered=tuple(sorted(missed, key=lambda each: (-each.devices, each.stratum))),
        combinations=len(left),
        combined=sum(left.values()),
    )
