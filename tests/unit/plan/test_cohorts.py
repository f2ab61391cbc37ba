# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which device is in which stage."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidInput
from engine.plan.cohorts import arrange, cohorts
from engine.plan.stages import parse

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
    divided = cohorts(FLEET, STAGES, "inventory", unreachable=FLEET[:1])
    assert divided["1%"] == ["r001"]
    assert divided["10%"][0] == "r000"


def test_unreachable_devices_keep_their_place_so_that_a_hole_in_the_canary_is_seen():
    divided = cohorts(FLEET, parse([10, "100%"]), "inventory", unreachable=FLEET[:3])
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
