# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which device is in which stage, and in which wave of it.

A stage whose devices share redundancy groups is done in waves, one after the other, each pushed and validated before
the next: no wave holds two members of a group. Devices that come last have a wave each, at the end of the last stage.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Literal

from ..errors import InvalidInput
from .coverage import representatives
from .stages import Stage
from .traits import NONE, Fleet

Order = Literal["shuffle", "inventory"]

_NOBODY: Fleet = MappingProxyType({})


def arrange(names: Sequence[str], order: Order, fleet: Fleet = _NOBODY) -> list[str]:
    """Put devices in the order in which they are done.

    ``shuffle`` sorts by a hash of the name: the same fleet gives the same order each time, and neighbours in the
    inventory, which are often a redundant pair, do not come together. Devices of each kind are spread evenly, so that
    every stretch of the line holds its share of each; of a redundancy group of two, one stands in the first half of the
    line and one in the second. What changes from one minute to the next (who can be reached, and so whose change is
    known) has no say in it.
    """
    if order == "inventory":
        return list(names)
    alike: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for name in sorted(names, key=_mixed):
        alike[fleet.get(name, NONE).kinds].append(name)
    places: dict[str, float] = {}
    for kinds, members in alike.items():
        # A start of its own for each kind: else all kinds of one device would stand in the same place of the line.
        start = int.from_bytes(_mixed("\0".join(kinds))[0][:6]) / 2**48
        places.update((name, (turn + start) / len(members)) for turn, name in enumerate(members))
    line = sorted(names, key=lambda name: (places[name], _mixed(name)))
    return _apart(line, fleet)


def _apart(line: list[str], fleet: Fleet) -> list[str]:
    """Draw the members of each redundancy group apart: the first of two into the first half, the other into the other.

    All first members stay in their order among themselves, and so do all others, so that any part of the line still
    holds its share of everything.
    """
    sizes = Counter(group for name in line for group in fleet.get(name, NONE).groups)
    if not sizes:
        return line
    met: dict[str, int] = {}
    places: dict[str, float] = {}
    for at, name in enumerate(line):
        groups = fleet.get(name, NONE).groups
        before = max((met.get(group, 0) for group in groups), default=0)
        places[name] = (before + at / len(line)) / max((sizes[group] for group in groups), default=1)
        met.update(dict.fromkeys(groups, before + 1))
    return sorted(line, key=places.__getitem__)


def _mixed(name: str) -> tuple[bytes, str]:
    return hashlib.sha256(name.encode()).digest(), name


def cohorts(
    names: Sequence[str],
    stages: Sequence[Stage],
    order: Order,
    mute: Collection[str] = (),
    fleet: Fleet = _NOBODY,
) -> dict[str, list[str]]:
    """Divide the devices among the stages; stages that would add no device are left out.

    The first stage, the canary, stands for as much of the fleet as it can, and the members of a redundancy group go to
    different stages while the sizes of the stages allow it; unless the order is the inventory's, which is kept.
    ``mute`` names devices that can show nothing of a change: they could not be read when the plan was made, or failed
    a check already. They keep their place, so that a canary of which a third is missing is seen to be one, but they
    stand for nothing, and no stage is made of them alone.

    Raises ``InvalidInput`` when the stages end before the fleet does.
    """
    line = arrange(names, order, fleet)
    if missed := len(line) - stages[-1].reach(len(line)):
        raise InvalidInput(
            f"stages: the last stage ends at {stages[-1].size} of {len(line)} devices, so {missed} would never be "
            'reached; end the list with "100%"'
        )
    tail = [name for name in line if fleet.get(name, NONE).last]
    dead = set(mute)
    first = [name for name in line if not fleet.get(name, NONE).last]
    queue = _Queue(first, fleet if order == "shuffle" else _NOBODY, dead)
    divided: dict[str, list[str]] = {}
    done = 0
    for stage in stages[:-1]:
        room = stage.reach(len(line)) - done
        lead = representatives(queue.left, fleet, room, dead) if order == "shuffle" and not divided else []
        if taken := queue.take(room, lead):
            divided[stage.name] = taken
            done += len(taken)
    if rest := [*queue.take(len(line), ()), *tail]:
        divided[stages[-1].name] = rest
    return divided


class _Queue:
    """The devices that are in no stage yet, in their order."""

    def __init__(self, line: list[str], fleet: Fleet, dead: set[str]) -> None:
        self.left = line
        self._fleet = fleet
        self._dead = dead

    def take(self, room: int, lead: Sequence[str]) -> list[str]:
        """Take ``room`` devices, ``lead`` among them; two of one redundancy group only where it cannot be helped."""
        if room <= 0 or not self.left:
            return []
        taken = set(lead)
        busy = {group for name in lead for group in self._groups(name)}
        met: list[str] = []
        for name in self.left:
            if len(taken) >= room:
                break
            if name in taken:
                continue
            groups = self._groups(name)
            if busy.isdisjoint(groups):
                taken.add(name)
                busy.update(groups)
            else:
                met.append(name)
        taken.update(met[: room - len(taken)])
        stage = [name for name in self.left if name in taken]
        self.left = [name for name in self.left if name not in taken]
        if self._dead.issuperset(stage):
            self._revive(stage)
        return stage

    def _revive(self, stage: list[str]) -> None:
        """Let the last device of a stage that can show nothing change places with the next one that can."""
        for later, name in enumerate(self.left):
            if name not in self._dead:
                self.left.pop(later)
                self.left.insert(0, stage[-1])
                stage[-1] = name
                return

    def _groups(self, name: str) -> tuple[str, ...]:
        return self._fleet.get(name, NONE).groups


def waves(names: Sequence[str], fleet: Fleet) -> list[list[str]]:
    """Divide the devices of one stage into waves: no two members of a group in one, and who comes last comes alone."""
    found: list[list[str]] = []
    turn: dict[str, int] = {}
    tail = [name for name in names if fleet.get(name, NONE).last]
    for name in names:
        traits = fleet.get(name, NONE)
        if traits.last:
            continue
        wave = max((turn.get(group, 0) for group in traits.groups), default=0)
        if wave == len(found):
            found.append([])
        found[wave].append(name)
        turn.update(dict.fromkeys(traits.groups, wave + 1))
    return [*found, *([name] for name in tail)]


def turns(stages: Mapping[str, Sequence[str]], fleet: Fleet) -> dict[str, int]:
    """The wave of each device, counted from 0 in each stage."""

    def all_turns() -> Iterator[tuple[str, int]]:
        for names in stages.values():
            for turn, wave in enumerate(waves(names, fleet)):
                yield from ((name, turn) for name in wave)

    return dict(all_turns())
