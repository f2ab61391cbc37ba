# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people write as stages, and how far each stage reaches."""

import pytest

from engine.errors import InvalidInput
from engine.plan.stages import Stage, parse, seconds


@pytest.mark.parametrize(
    ("size", "fleet", "reaches"),
    [
        ("1%", 10_000, 100),
        ("1%", 200, 2),
        ("1%", 9, 1),
        ("10%", 24, 3),
        ("33%", 100, 33),
        ("12.5%", 16, 2),
        ("100%", 7, 7),
        (25, 200, 25),
        (25, 9, 9),
    ],
)
def test_a_share_is_rounded_up_and_never_beyond_the_fleet(size, fleet, reaches):
    assert Stage(name="s", size=size).reach(fleet) == reaches


def test_what_is_left_out_has_the_safe_value():
    [stage] = parse([{"size": "100%"}])
    assert stage == Stage(name="100%", size="100%", approval=False, soak=0.0, validate=True)


def test_approval_before_each_stage_can_be_taken_back_for_one():
    stages = parse(["1%", {"size": "100%", "approval": False}], approve_each=True)
    assert [stage.approval for stage in stages] == [True, False]


def test_counts_may_come_before_shares_and_strings_of_digits_are_counts():
    assert [stage.size for stage in parse(["5", 20, "100%"])] == [5, 20, "100%"]


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        ([], "expected a list"),
        ("100%", "expected a list"),
        ({"size": "100%"}, "expected a list"),
        (["10%", "50%"], 'the last stage ends at 50%.*end the list with "100%"'),
        (["50%", "10%", "100%"], "'10%' does not go beyond '50%'"),
        (["10%", "10.0%", "100%"], "the name '10%' stands twice"),
        ([{"name": "a", "size": 5}, {"name": "b", "size": 5}], "'b' does not go beyond 'a'"),
        ([{"name": "a", "size": "1%"}, {"name": "a", "size": "100%"}], "the name 'a' stands twice"),
        (["0%", "100%"], "entry 1: 0% is not above 0%"),
        (["101%"], "entry 1: 101% is not above 0% and at most 100%"),
        ([0, "100%"], "entry 1: a stage needs at least one device"),
        ([True, "100%"], "entry 1: True is neither a percentage"),
        ([0.1, "100%"], "entry 1: 0.1 is neither a percentage"),
        (["ten", "100%"], "entry 1: 'ten' is neither a percentage"),
        (["1%", {"name": "rest"}], 'entry 2: "size" is missing'),
        (["1%", {"size": "100%", "soack": 1}], "entry 2: unknown key 'soack'; known are name, size"),
        ([{"size": "100%", "approval": "yes"}], "entry 1: approval must be true or false"),
        ([{"size": "100%", "soak": "soon"}], "entry 1: soak: 'soon' is no duration"),
    ],
)
def test_a_wrong_list_is_refused_naming_the_entry(raw, says):
    with pytest.raises(InvalidInput, match=f"(?s)^stages: .*{says}|^stages: {says}"):
        parse(raw)


@pytest.mark.parametrize(("text", "value"), [(90, 90), ("90", 90), ("1.5m", 90), ("2h", 7200), ("1d", 86400), (0, 0)])
def test_a_duration_has_a_unit_or_is_in_seconds(text, value):
    assert seconds(text, "soak") == value


@pytest.mark.parametrize("text", ["", "soon", "-1", "1w", True, None, "nan"])
def test_what_is_no_duration_is_refused_naming_the_option(text):
    with pytest.raises(InvalidInput, match=r"^soak: "):
        seconds(text, "soak")
