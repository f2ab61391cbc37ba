# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who stands for a fleet, and what nobody stands for."""

import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from engine.plan.cohorts import arrange, cohorts
from engine.plan.coverage import Uncovered, coverage, representatives
from engine.plan.stages import parse
from engine.plan.traits import Traits


def fleet_of(*rows):
    """Devices r000, r001, ... with the strata of each row, which stands for a count of alike devices."""
    alike = [strata for count, strata in rows for _device in range(count)]
    return {f"r{at:03d}": Traits(kinds=tuple(strata)) for at, strata in enumerate(alike)}


def test_the_largest_strata_come_first_and_one_device_stands_for_several():
    fleet = fleet_of((60, ("role leaf", "site a")), (30, ("role leaf", "site b")), (10, ("role spine", "site b")))
    [first, second] = representatives(arrange(list(fleet), "shuffle", fleet), fleet, 2)
    assert [fleet[first].kinds, fleet[second].kinds] == [("role leaf", "site a"), ("role spine", "site b")]


def test_when_every_stratum_is_covered_the_most_frequent_combinations_follow():
    fleet = fleet_of((60, ("role leaf", "site a")), (30, ("role leaf", "site b")), (10, ("role spine", "site b")))
    chosen = representatives(list(fleet), fleet, 9)
    assert [fleet[name].kinds for name in chosen[2:]] == [("role leaf", "site b")]


def test_a_device_that_cannot_be_reached_stands_for_nothing():
    fleet = fleet_of((1, ("site a",)), (2, ("site b",)))
    assert set(representatives(list(fleet), fleet, 3, unfit={"r001"})) == {"r000", "r002"}
    found = coverage(list(fleet), fleet, ["r000", "r001"], mute={"r001"})
    assert found.uncovered == (Uncovered("site b", 2, "r001"),)


def test_what_the_canary_does_not_cover_is_listed_largest_first_with_counts_and_an_example():
    fleet = fleet_of((5, ("role leaf", "site a")), (9, ("role leaf", "site b")), (2, ("role spine", "site a")))
    found = coverage(list(fleet), fleet, ["r000"])
    assert found.uncovered == (Uncovered("site b", 9, "r005"), Uncovered("role spine", 2, "r014"))
    assert (found.strata, found.combinations, found.combined) == (4, 2, 11)


strata = st.fixed_dictionaries(
    {"role": st.sampled_from("abc"), "site": st.sampled_from("uvwxyz"), "change": st.integers(1, 4)}
)


@given(rows=st.lists(st.tuples(strata, st.booleans()), min_size=2, max_size=60), percent=st.integers(1, 60))
def test_the_canary_covers_what_can_be_covered(rows, percent):
    names = [f"r{at:02d}" for at in range(len(rows))]
    fleet = {
        name: Traits(kinds=(f"role {own['role']}", f"site {own['site']}"), shape=f"change {own['change']}")
        for name, (own, _dead) in zip(names, rows, strict=True)
    }
    dead = {name for name, (_own, dead) in zip(names, rows, strict=True) if dead}
    divided = cohorts(names, parse([f"{percent}%", "100%"]), "shuffle", dead, fleet)
    canary = next(iter(divided.values()))
    alive = [name for name in names if name not in dead]
    found = coverage(names, fleet, canary, dead)
    possible = {stratum for name in alive for stratum in fleet[name].strata}
    missed = {each.stratum for each in found.uncovered} & possible
    # Every slot of the canary that a stratum is missed for went to a larger or as large one, of a device that is alive.
    assert not missed or len(dead & set(canary)) == 0
    if len(canary) >= len(possible):
        assert missed == set()
    if missed and len(canary) > 1:
        sizes = Counter(stratum for name in alive for stratum in fleet[name].strata)
        covered = {stratum for name in canary for stratum in fleet[name].strata}
        assert max(sizes[stratum] for stratum in covered) >= max(sizes[stratum] for stratum in missed)


def test_the_same_fleet_gives_the_same_canary_in_whatever_order_it_comes_and_whoever_is_unreachable_keeps_its_place():
    fleet = fleet_of(*((10, (f"role {role}", f"site {site}")) for role in "ab" for site in "xyz"))
    stages = parse(["50%", "100%"])
    names = list(fleet)
    [canary, _rest] = cohorts(names, stages, "shuffle", (), fleet).values()
    shuffled = names[:]
    random.Random(1).shuffle(shuffled)
    assert next(iter(cohorts(shuffled, stages, "shuffle", (), fleet).values())) == canary
    holed = next(iter(cohorts(names, stages, "shuffle", canary[:5], fleet).values()))
    assert set(canary[:5]) <= set(holed)


def test_every_stage_holds_its_share_of_each_kind():
    fleet = fleet_of((300, ("role leaf",)), (80, ("role spine",)), (20, ("role core",)))
    divided = cohorts(list(fleet), parse(["1%", "10%", "50%", "100%"]), "shuffle", (), fleet)
    share = {kind: Counter(fleet[name].kinds[0] for name in divided[kind]) for kind in divided}
    assert share["50%"] == {"role leaf": 120, "role spine": 32, "role core": 8}
    assert set(share["1%"]) == {"role leaf", "role spine", "role core"}


def test_the_inventorys_order_is_kept_whatever_the_canary_then_covers():
    fleet = fleet_of((5, ("site a",)), (5, ("site b",)))
    divided = cohorts(list(fleet), parse([3, "100%"]), "inventory", (), fleet)
    assert [*divided["3"], *divided["100%"]] == list(fleet)
    assert coverage(list(fleet), fleet, divided["3"]).uncovered == (Uncovered("site b", 5, "r005"),)
