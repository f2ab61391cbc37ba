# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan makes of a rollback that was proved, was not, or cannot be."""

import pytest

from engine.errors import InvalidInput
from engine.plan.policy import Policy
from engine.rollout.job import Result
from engine.rollout.planning import make

RESULTS = {
    "a": Result("a", "pending", before="b", change="c", rollback="proved"),
    "b": Result("b", "pending", before="b", change="c", rollback="not_proved", rollback_reason="2 lines stay"),
    "c": Result("c", "pending", before="b", change="c", rollback="unprovable", rollback_reason="no candidate"),
    "d": Result("d", "unchanged", before="b"),
}


def test_a_plan_says_of_every_device_that_would_change_what_is_known_of_its_way_back():
    plan = make(RESULTS, Policy.parse({"stages": ["100%"]}))
    assert plan.rollback == {
        "proved": {"a": ""},
        "not_proved": {"b": "2 lines stay"},
        "unprovable": {"c": "no candidate"},
    }
    details = {target.name: target.detail for target in plan.targets()}
    assert details["b"]["rollback_reason"] == "2 lines stay"
    assert [details[name].get("rollback") for name in "abcd"] == ["proved", "not_proved", "unprovable", None]


def test_where_the_proof_is_required_a_device_without_it_refuses_the_plan_and_the_reason_is_said():
    with pytest.raises(
        InvalidInput, match=r"2 of the devices cannot be planned.*b: its rollback does not hold: 2 lines"
    ):
        make(RESULTS, Policy.parse({"stages": ["100%"], "rollback_proof": "require"}))


def test_where_the_proof_is_required_devices_without_it_can_be_left_out():
    policy = Policy.parse({"stages": ["100%"], "rollback_proof": "require", "on_unready": "skip", "min_sample": 10})
    plan = make(RESULTS, policy)
    assert dict(plan.stages) == {"100%": ["a"]}
    assert plan.counts == {"pending": 1, "failed": 2, "unchanged": 1}
