# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the answers of the devices add to what the inventory says of them, when a plan is made."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..plan.shapes import Shape, classify
from ..plan.traits import NONE, Fleet
from ..wording import listed
from .job import Result
from .together import held_back

_MOST_CARRIERS = 4
"""Devices that may have one next hop's address: a pair, with its spare. More of them is an address that is used in many
places, and says nothing about our way."""
_FIT = frozenset({"pending", "unchanged"})


def known(results: Mapping[str, Result], fleet: Fleet) -> tuple[Fleet, list[Shape], list[str]]:
    """Complete the traits of the devices: the shape of their change, and whether our way leads through them.

    Also returns the shapes, and notes for a person about what could not be decided.
    """
    shapes, numbers = classify((name, result.diff) for name, result in results.items() if result.diff)
    carriers, notes = _carriers(results)
    whole = {}
    for name in results:
        traits = fleet.get(name, NONE)
        shape = f"change {numbers[name]}" if name in numbers else ""
        whole[name] = replace(traits, shape=shape, last=traits.last or carriers.get(name, ""))
    return whole, shapes, notes


def _carriers(results: Mapping[str, Result]) -> tuple[dict[str, str], list[str]]:
    having: dict[str, list[str]] = defaultdict(list)
    for name, result in results.items():
        for hop in result.carries:
            having[hop].append(name)
    found: dict[str, str] = {}
    notes: list[str] = []
    for hop, names in having.items():
        if len(names) > _MOST_CARRIERS:
            notes.append(
                f"{len(names)} devices have the address {hop}, our next hop, so it is not known which of them carries "
                f"our management path ({listed(names, most=3)}): name it in network_rollout_last"
            )
            continue
        found.update((name, f"our way to the devices leads through it, next hop {hop}") for name in names)
    return found, notes


def held_apart(results: Mapping[str, Result], fleet: Fleet) -> dict[str, Result]:
    """Hold back the devices of every redundancy group of which a member cannot be reached, read or changed.

    What the others carry is all that is left of the group, as far as we know.
    """
    broken: dict[str, str] = {}
    for name, result in results.items():
        if result.outcome not in _FIT:
            for each in fleet.get(name, NONE).groups:
                broken.setdefault(each, f"{name} ({result.outcome})")
    whole = dict(results)
    for name, result in results.items():
        group = next((each for each in fleet.get(name, NONE).groups if each in broken), None)
        if group is not None and result.outcome == "pending":
            held = held_back(name, group, broken[group])
            whole[name] = replace(result, outcome=held.outcome, reason=held.reason, held_for=group)
    return whole


def judged(fleet: Fleet, names: Sequence[str], least: int) -> dict[str, tuple[str, ...]]:
    """What the breaker counts each device as: its strata, but for those with fewer devices than are ever judged."""
    sizes: Counter[str] = Counter()
    for name in names:
        sizes.update(fleet[name].strata)
    # The devices of one kind share one tuple.
    kept: dict[tuple[str, ...], tuple[str, ...]] = {}
    found = {}
    for name in names:
        strata = fleet[name].strata
        if strata not in kept:
            kept[strata] = tuple(each for each in strata if sizes[each] >= least)
        found[name] = kept[strata]
    return found
