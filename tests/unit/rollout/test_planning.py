# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the devices' answers to a plan: who stands for whom, who waits for whom, who comes last, what counts as what."""

from dataclasses import replace

import pytest

from engine.ledger.records import Target
from engine.plan.policy import Policy
from engine.plan.traits import Traits
from engine.rollout.job import Result
from engine.rollout.planning import PLAN, make, recorded_digest, refusal


def answer(name, outcome="pending", *, line="+ntp server 192.0.2.1", **more):
    planned = {"diff": (line,), "before": "b", "change": "c"} if outcome == "pending" else {}
    return Result(name=name, outcome=outcome, reason=f"{name}: {outcome}", **{**planned, **more})


def plan_of(answers, fleet=None, **policy):
    given = {"max_failure_percentage": 100, "stages": ["10%", "100%"], **policy}
    return make({each.name: each for each in answers}, Policy.parse(given), None, fleet or {})


def names(count):
    return [f"r{number:02d}" for number in range(count)]


def test_the_shape_of_a_change_is_a_stratum_and_the_canary_has_one_of_each():
    plan = plan_of(
        [answer(name, line="+ip route x" if at % 10 else "-ip route x") for at, name in enumerate(names(20))]
    )
    shapes = {plan.fleet[name].shape for name in plan.stages["10%"]}
    assert shapes == {"change 1", "change 2"}
    assert plan.coverage.uncovered == ()
    assert [shape.devices for shape in plan.shapes] == [18, 2]


def test_a_device_that_fails_a_check_already_is_no_canary():
    first = plan_of([answer(name) for name in names(10)], stages=[1, "100%"]).stages["1"][0]
    answers = [answer(name, checks={"bgp": "failed"} if name == first else {}) for name in names(10)]
    plan = plan_of(answers, stages=[1, "100%"])
    assert plan.stages["1"] != [first]
    assert first in plan.stages["100%"]
    assert plan_of([replace(each, checks={"bgp": "failed"}) for each in answers], stages=[1, "100%"]).stages["1"]


def test_what_the_plan_says_can_still_be_touched_is_the_largest_wave_less_one():
    fleet = {name: Traits(groups=(f"pair {at // 2}",)) for at, name in enumerate(names(8))}
    assert plan_of([answer(name) for name in fleet], fleet, stages=["100%"]).in_flight == 3
    assert plan_of([answer(name) for name in fleet], {}, stages=["100%"]).in_flight == 7
    assert plan_of([answer(name) for name in fleet], {}, stages=["100%"], concurrency=2).in_flight == 1


@pytest.mark.parametrize("outcome", ["unreachable", "failed", "rejected", "refused"])
def test_a_member_that_cannot_be_planned_holds_back_the_others_and_counts_once(outcome):
    fleet = {name: Traits(groups=("pair 1",)) for name in ("r00", "r01", "r02")}
    answers = [answer("r00", outcome), *(answer(name) for name in names(12)[1:])]
    plan = plan_of(answers, fleet, on_unready="skip", max_failure_percentage=10)
    assert plan.counts == {outcome: 1, "held_back": 2, "pending": 9}
    assert plan.stopped is None
    held = [target for target in plan.targets() if target.outcome == "held_back"]
    assert {(target.name, target.checkpoint, target.detail["held_for"]) for target in held} == {
        ("r01", PLAN, "pair 1"),
        ("r02", PLAN, "pair 1"),
    }


def test_a_member_that_is_as_wanted_already_holds_nobody_back():
    fleet = {name: Traits(groups=("pair 1",)) for name in ("r00", "r01")}
    assert plan_of([answer("r00", "unchanged"), answer("r01")], fleet).counts == {"unchanged": 1, "pending": 1}


def test_the_device_that_our_way_leads_through_comes_last_and_the_plan_says_why():
    plan = plan_of([answer(name, carries=("192.0.2.1",) if name == "r03" else ()) for name in names(10)])
    assert plan.stages["100%"][-1] == "r03"
    assert plan.waves["r03"] == 1
    assert plan.last == {"r03": "our way to the devices leads through it, next hop 192.0.2.1"}


def test_an_address_that_many_devices_have_says_nothing_about_our_way():
    plan = plan_of([answer(name, carries=("192.0.2.1",)) for name in names(10)])
    assert plan.last == {}
    [note] = plan.notes
    assert note.startswith("10 devices have the address 192.0.2.1, our next hop, so it is not known which")


def test_strata_with_fewer_devices_than_are_ever_judged_are_not_counted():
    fleet = {name: Traits(kinds=("platform frr", f"site {at // 4}")) for at, name in enumerate(names(10))}
    plan = plan_of([answer(name) for name in fleet], fleet, stratum_min_sample=4)
    assert plan.strata["r00"] == ("platform frr", "site 0", "change 1")
    assert plan.strata["r09"] == ("platform frr", "change 1")


def test_the_ledger_holds_all_that_the_digest_covers():
    fleet = {name: Traits(kinds=(f"site {at % 2}",), groups=(f"pair {at // 2}",)) for at, name in enumerate(names(20))}
    fleet["r07"] = replace(fleet["r07"], last="named")
    plan = plan_of([answer(name) for name in fleet], fleet)
    kept = [Target("r-1", each.checkpoint, each.name, each.outcome, dict(each.detail)) for each in plan.targets()]
    policy = plan.policy.as_dict()
    assert recorded_digest(kept, policy) == plan.digest
    last = next(each for each in kept if each.name == "r07")
    for other in ({"wave": 0}, {"groups": []}, {"strata": []}):
        edited = [replace(each, detail={**each.detail, **other}) if each is last else each for each in kept]
        assert recorded_digest(edited, policy) != plan.digest


def test_a_refused_plan_says_what_to_change():
    said = refusal({"r1": Result(name="r1", outcome="failed", reason="r1: no answer to 'show version' within 20 s")})
    for way_out in ("network_rollout_timeout", "--limit", "network_rollout_on_unready=skip"):
        assert way_out in said
