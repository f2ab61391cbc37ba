# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which device is in which stage."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import InvalidInput
from engine.plan.cohorts import arrange, cohorts, turns, waves
from engine.plan.stages import parse
from engine.plan.traits import Traits

FLEET = [f"r{number:03d}" for number in range(100)]
STAGES = parse(["1%", "10%", "50%", "100%"])


def test_stages_are_cumulative_and_hold_every_device_once():
    divided = cohorts(FLEET, STAGES, "shuffle")
    assert {name: len(names) for name, names in divided.items()} == {"1%": 1, "10%": 9, "50%": 40, "100%": 50}
    assert sorted(name for names in divided.values() for name in names) == FLEET


def test_the_order_is_the_same_each_time_and_does_not_depend_on_the_rest_of_the_fleet():
    assert arrange(FLEET, "shuffle") == arrange(list(reversed(FLEET)), "shuffle") != FLEET
    without = [name for name in FLEET if name != "r050"]
    assert arrange(without, "shuffle") == [name for name in arrange(FLEET, "shuffle") if name != "r050"]
    assert arrange(FLEET, "inventory") == FLEET


def test_a_stage_that_would_add_no_device_is_left_out():
    assert list(cohorts(FLEET[:9], STAGES, "inventory")) == ["1%", "50%", "100%"]
    assert cohorts(FLEET[:1], STAGES, "inventory") == {"1%": ["r000"]}


def test_counts_that_end_before_the_fleet_are_refused_with_how_many_are_missed():
    with pytest.raises(InvalidInput, match="ends at 60 of 100 devices, so 40 would never be reached"):
        cohorts(FLEET, parse([10, 60]), "inventory")


def test_a_stage_is_never_made_of_unreachable_devices_alone():
    divided = cohorts(FLEET, STAGES, "inventory", mute=FLEET[:1])
    assert divided["1%"] == ["r001"]
    assert divided["10%"][0] == "r000"


def test_unreachable_devices_keep_their_place_so_that_a_hole_in_the_canary_is_seen():
    divided = cohorts(FLEET, parse([10, "100%"]), "inventory", mute=FLEET[:3])
    assert divided["10"] == FLEET[:10]


@given(fleet=st.integers(1, 60), dead=st.sets(st.integers(0, 59)), sizes=st.sets(st.integers(1, 99), max_size=4))
def test_whatever_is_unreachable_every_device_is_in_exactly_one_stage(fleet, dead, sizes):
    names = FLEET[:fleet]
    stages = parse([*(f"{size}%" for size in sorted(sizes)), "100%"])
    lost = {names[at] for at in dead if at < fleet}
    divided = cohorts(names, stages, "shuffle", lost)
    assert sorted(name for each in divided.values() for name in each) == names
    begun = [set(each) <= lost for each in divided.values()]
    # Stages of dead devices alone can only come last: when all that can be reached stands before them.
    assert begun == sorted(begun)


def pairs_of(names, size=2):
    """Traits of neighbours in the inventory that are never together."""
    return {name: Traits(groups=(f"pair {at // size}",)) for at, name in enumerate(names)}


def test_members_of_a_group_go_to_different_stages_while_the_sizes_allow_it():
    fleet = pairs_of(FLEET)
    divided = cohorts(FLEET, STAGES, "shuffle", (), fleet)
    assert {name: len(names) for name, names in divided.items()} == {"1%": 1, "10%": 9, "50%": 40, "100%": 50}
    assert all(len(waves(names, fleet)) == 1 for names in divided.values())


def test_where_they_must_share_a_stage_it_is_done_in_waves():
    fleet = pairs_of(FLEET[:6], size=3)
    assert waves(FLEET[:6], fleet) == [["r000", "r003"], ["r001", "r004"], ["r002", "r005"]]
    assert cohorts(FLEET[:6], parse([2, "100%"]), "inventory", (), fleet) == {
        "2": ["r000", "r001"],
        "100%": ["r002", "r003", "r004", "r005"],
    }, "the inventory's order is kept"


def test_who_comes_last_comes_in_the_last_stage_alone_and_after_all_others():
    fleet = {"r000": Traits(last="it is our way"), "r004": Traits(last="named")}
    divided = cohorts(FLEET[:9], parse([2, "100%"]), "inventory", (), fleet)
    assert divided["2"] == ["r001", "r002"]
    assert waves(divided["100%"], fleet) == [["r003", "r005", "r006", "r007", "r008"], ["r000"], ["r004"]]
    only = {name: Traits(last="named") for name in FLEET[:2]}
    assert cohorts(FLEET[:2], STAGES, "inventory", (), only) == {"100%": FLEET[:2]}


@settings(deadline=None)
@given(
    rows=st.lists(st.tuples(st.lists(st.integers(0, 9), max_size=2), st.booleans(), st.booleans()), max_size=50),
    sizes=st.sets(st.integers(1, 99), max_size=4),
    order=st.sampled_from(["shuffle", "inventory"]),
)
def test_every_device_is_in_one_stage_and_wave_and_no_wave_holds_two_of_a_group(rows, sizes, order):
    names = FLEET[: len(rows)]
    fleet = {
        name: Traits(groups=tuple(f"g{number}" for number in set(groups)), last="named" if last else "")
        for name, (groups, last, _dead) in zip(names, rows, strict=True)
    }
    dead = {name for name, (_groups, _last, dead) in zip(names, rows, strict=True) if dead}
    divided = cohorts(names, parse([*(f"{size}%" for size in sorted(sizes)), "100%"]), order, dead, fleet)
    turn = turns(divided, fleet)
    assert sorted(name for each in divided.values() for name in each) == names == sorted(turn)
    stage = {name: at for at, each in enumerate(divided.values()) for name in each}
    together = [(stage[name], turn[name], group) for name in names for group in fleet[name].groups]
    assert len(together) == len(set(together))
    last = [(stage[name], turn[name]) for name in names if fleet[name].last]
    others = [(stage[name], turn[name]) for name in names if not fleet[name].last]
    assert len(last) == len(set(last))
    assert not last or not others or min(last) > max(others)
