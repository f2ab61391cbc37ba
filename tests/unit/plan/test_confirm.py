# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a change must be held: what is known of it beforehand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidInput
from engine.plan.confirm import needed, require_time
from engine.plan.policy import Policy

CHECKS = [
    {"command": "a", "match": "x", "retries": 3, "delay": 2},
    {"command": "b", "match": "x", "retries": 0, "delay": 9},
]


def policy(**given):
    return Policy.parse({"stages": [{"name": "all", "size": "100%", "soak": 30}], "timeout": 20, **given})


@pytest.mark.parametrize(
    ("given", "waves", "seconds"),
    [
        ({}, [7], 30 + 20),
        ({"validate": CHECKS}, [7], 30 + 6 + 20),
        ({"validate": CHECKS, "concurrency": 3}, [7], 30 + 3 * 6 + 20),
        ({"validate": CHECKS, "concurrency": 3}, [7, 1], (30 + 3 * 6) + (30 + 6) + 20),
    ],
)
def test_soak_and_what_checks_may_wait_count_for_each_wave(given, waves, seconds):
    made = policy(**given)
    assert needed(made, made.stages[0], waves) == seconds


def test_a_stage_without_checks_waits_for_none():
    made = policy(validate=CHECKS, stages=[{"name": "all", "size": "100%", "validate": False}])
    assert needed(made, made.stages[0], [1000]) == 20


@given(timeout=st.integers(1, 300), devices=st.integers(1, 500), concurrency=st.integers(1, 50))
def test_a_time_is_taken_exactly_when_it_is_longer_than_what_is_needed(timeout, devices, concurrency):
    made = policy(validate=CHECKS, concurrency=concurrency, confirm_timeout=timeout)
    least = needed(made, made.stages[0], [devices])
    if timeout > least:
        require_time(made, {"all": [devices]})
    else:
        with pytest.raises(InvalidInput, match=rf"confirm_timeout: {timeout} s are not enough.*may take {least:g} s"):
            require_time(made, {"all": [devices]})


def test_without_a_timer_and_for_a_stage_without_devices_there_is_nothing_to_check():
    require_time(policy(validate=CHECKS), {"all": [500]})
    require_time(policy(validate=CHECKS, confirm_timeout=1), {"all": []})
    require_time(policy(validate=CHECKS, confirm_timeout=1), {})


def test_the_time_is_part_of_the_policy_so_of_the_digest():
    assert policy(confirm_timeout="10m").as_dict()["confirm_timeout"] == 600
    assert policy().as_dict()["confirm_timeout"] == 0
