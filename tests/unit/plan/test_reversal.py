# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""In which steps a rollback restores devices."""

import pytest

from engine.errors import InvalidInput
from engine.plan.reversal import DEFAULT_STAGES, parse, steps

NAMES = [f"r{at:03d}" for at in range(200)]


def test_a_small_step_comes_first_and_the_last_that_was_changed_is_the_first_to_be_restored():
    first, rest = steps(NAMES, parse(DEFAULT_STAGES), "reverse")
    assert (first, len(rest), rest[-1]) == (["r199", "r198"], 198, "r000")
    assert steps(NAMES[:3], parse(DEFAULT_STAGES), "rollout") == [["r000"], ["r001", "r002"]]
    assert steps(NAMES[:1], parse(DEFAULT_STAGES), "reverse") == [["r000"]]


def test_who_could_not_be_restored_before_comes_after_the_others_and_who_carries_the_way_at_the_end():
    [order] = steps(NAMES[:6], parse(["100%"]), "reverse", behind=[["r005"], ["r002"]], last=["r004"])
    assert order == ["r003", "r001", "r000", "r005", "r002", "r004"]


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        ([{"hosts": "core"}], "'core': a stage of a rollback has a name and a size only"),
        ([{"size": "100%", "soak": 5}], "a name and a size only"),
        ([{"size": "100%", "approval": True}], "a name and a size only"),
        (["50%"], 'end the list with "100%"'),
    ],
)
def test_what_a_rollback_cannot_have_is_refused(raw, says):
    with pytest.raises(InvalidInput, match=says):
        parse(raw)


def test_counts_that_end_early_are_refused():
    with pytest.raises(InvalidInput, match="ends at 20 of 200 devices to restore"):
        steps(NAMES, parse([5, 20]), "reverse")
