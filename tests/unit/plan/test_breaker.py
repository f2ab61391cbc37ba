# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The arithmetic of the breaker."""

import pytest

from engine.rollout.breaker import FAILURES, Breaker, most_after


def breaker(**other):
    return Breaker(**{"max_failure_percentage": 10, "min_sample": 10, "fleet": 100, **other})


def after(outcomes, *, end=True, **other):
    """Why a stage with these outcomes, all started at once, stops; ``None`` where it does not."""
    each = breaker(**other)
    each.start(len(outcomes))
    for outcome in outcomes:
        each.finish(outcome)
    if end:
        each.close()
    return each.tripped


CASES = [
    # fine, failed, what was before, and whether it stops
    ("exactly at the limit goes on", 9, 1, {}, None),
    ("one above the limit stops", 18, 2 + 1, {}, "3 of 21 devices failed in this stage (14%, limit 10%)"),
    ("a canary of one that fails stops at its end", 0, 1, {}, "1 of 1 devices failed in this stage (100%, limit 10%)"),
    ("no failure is allowed at 0%", 99, 1, {"max_failure_percentage": 0}, "1 of 100 devices failed of the fleet"),
    ("everything may fail at 100%", 0, 20, {"max_failure_percentage": 100}, None),
    (
        "failures of earlier stages count for the fleet",
        48,
        2,
        {"fleet_failed": 9},
        "11 of 100 devices failed of the fleet (11%, limit 10%)",
    ),
    (
        "a third of the canary that was missing before counts in its rate",
        7,
        0,
        {"stage_missing": 3},
        "3 of 10 devices failed in this stage (30%, limit 10%)",
    ),
    ("8 missing of 100 that are not the canary's go on", 90, 0, {"fleet_failed": 8}, None),
    (
        "what a resumed stage had done before counts",
        8,
        0,
        {"started": 2, "failed": 2},
        "2 of 10 devices failed in this stage (20%, limit 10%)",
    ),
]


@pytest.mark.parametrize(("fine", "failed", "before", "says"), [case[1:] for case in CASES], ids=[c[0] for c in CASES])
def test_a_stage_is_held_against_the_limit(fine, failed, before, says):
    found = after(["changed"] * fine + ["failed"] * failed, **before)
    assert (found is None) if says is None else found.startswith(says), found


def test_while_a_stage_runs_its_rate_waits_for_the_smallest_sample():
    assert after(["failed"] * 9, end=False) is None
    assert after(["failed"] * 10, end=False) is not None


def test_a_small_fleet_is_judged_when_the_stage_ends():
    assert after(["failed"] + ["changed"] * 3, fleet=9, end=False) is None
    assert after(["failed"] + ["changed"] * 3, fleet=9) == "1 of 4 devices failed in this stage (25%, limit 10%)"


def test_the_first_reason_stays():
    each = breaker(fleet=10)
    each.start(10)
    for _device in range(5):
        each.finish("failed")
    assert each.tripped == "2 of 10 devices failed of the fleet (20%, limit 10%)"


@pytest.mark.parametrize("outcome", sorted(FAILURES))
def test_whatever_is_not_as_wanted_counts(outcome):
    assert after([outcome]) is not None


@pytest.mark.parametrize("outcome", ["changed", "unchanged", "rolled_back"])
def test_what_is_as_wanted_does_not_count(outcome):
    assert after([outcome] * 20) is None


STRATA = {"max_stratum_failure_percentage": 50, "stratum_min_sample": 5, "fleet": 100}


def test_a_small_stratum_of_which_all_fail_trips_though_it_is_5_percent_of_the_fleet():
    each = breaker(**STRATA)
    for device in range(100):
        stratum = ["change 2" if device % 20 == 0 else "change 1"]
        each.start(1, stratum)
        each.finish("failed" if stratum == ["change 2"] else "changed", stratum)
        if device < 80:
            assert each.tripped is None
    assert each.tripped == "5 of 5 devices failed of change 2 (100%, limit 50%)"


def test_a_stratum_is_judged_over_the_whole_run_and_from_its_smallest_sample_on():
    before = {"strata": {"site a": [3, 3]}, "fleet_failed": 3}
    each = breaker(**STRATA, **before)
    each.start(1, ["site a"])
    each.finish("failed", ["site a"])
    assert each.tripped is None, "four of it were tried"
    each.start(1, ["site a"])
    each.finish("changed", ["site a"])
    assert each.tripped == "4 of 5 devices failed of site a (80%, limit 50%)"


def test_devices_in_flight_count_in_a_stratum_so_that_failures_which_come_first_are_not_the_whole_of_it():
    each = breaker(**{**STRATA, "max_failure_percentage": 100})
    each.start(20, ["site a"] * 20)
    for _device in range(10):
        each.finish("failed", ["site a"])
    assert each.tripped is None
    each.finish("failed", ["site a"])
    assert each.tripped == "11 of 20 devices failed of site a (55%, limit 50%)"


def test_a_wave_of_which_too_many_do_not_pass_their_checks_stops_whatever_the_stage_did_before():
    each = breaker(started=90, fleet=1000)
    each.start(10)
    for _device in range(10):
        each.finish("changed")
    for _device in range(2):
        each.regress()
    each.close(checked=10, regressed=2)
    assert each.tripped == "2 of 10 devices do not pass their checks after the change"


@pytest.mark.parametrize(("concurrency", "wave", "most"), [(100, 50, 49), (100, 500, 99), (1, 500, 0), (5, 0, 0)])
def test_after_it_trips_only_what_is_in_flight_is_touched(concurrency, wave, most):
    assert most_after(concurrency, wave) == most


def test_an_empty_stage_has_no_rate():
    assert after([]) is None
