# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which devices a rollback concerns, and when it stops."""

import dataclasses
import json
from collections import Counter
from pathlib import Path

import pytest

from engine.ledger import Checkpoint, Target
from engine.rollout.rollback import behind, due, judge, step_breaker, steps_of

# What the plan itself says of the way back is no sign that anybody went it.
PUSHED = {"change": "c", "before": "b", "rollback": "unprovable", "rollback_reason": "x"}


def checkpoint(name, position, **detail):
    return Checkpoint("r-1", name, position, "passed", False, False, None, detail, None, None)


def target(name, outcome, stage="all", **detail):
    return Target("r-1", stage, name, outcome, {**PUSHED, **detail})


STAGES = (checkpoint("plan", 0), checkpoint("first", 1), checkpoint("all", 2))


def found(targets, checkpoints=STAGES, folder=Path("/nonexistent"), stage=None):
    def journal_of(position, kind):
        return folder / f"{position:02d}-{kind}.jsonl"

    return due(targets, checkpoints, stage=stage, journal_of=journal_of, patience=0)


def handed_out(path, *names):
    path.write_text(json.dumps({"seq": 1, "event": "dispatched", "names": names}) + "\n")


@pytest.mark.parametrize(
    ("outcome", "detail", "concerned", "touched"),
    [
        ("changed", {"after": "a"}, True, False),
        ("failed", {"after": "a"}, True, False),
        ("unknown", {}, True, True),
        ("pending", {}, False, False),
        ("unchanged", {}, False, False),
        ("unreachable", {}, False, False),
        ("rejected", {"after": "b"}, False, False),
        ("held_back", {}, False, False),
        ("held_back", {"after": "a"}, True, False),
        ("rolled_back", {"rollback_tried": "rollback 1"}, False, False),
        ("held_back", {"after": "a", "rollback_tried": "rollback 1"}, True, False),
        ("unreachable", {"rollback_tried": "rollback 1"}, True, True),
        ("unknown", {"after": "a", "rollback_tried": "rollback 1"}, True, False),
    ],
)
def test_what_a_push_may_have_left_something_on_is_restored_and_nothing_else(outcome, detail, concerned, touched):
    [*each] = found([target("d1", outcome, **detail)])
    assert [(one.name, one.touched) for one in each] == ([("d1", touched)] if concerned else [])


def test_a_device_without_a_change_was_never_ours():
    assert found([Target("r-1", "plan", "d1", "unknown", {"before": "b"})]) == []


def test_a_device_that_was_handed_out_and_of_which_nothing_is_known_is_read(tmp_path):
    handed_out(tmp_path / "02-push.jsonl", "d1")
    each = found([target("d1", "pending"), target("d2", "pending")], folder=tmp_path)
    assert [(one.name, one.touched) for one in each] == [("d1", True)]


def test_they_stand_in_the_order_of_stages_and_waves_and_one_stage_can_be_had_alone():
    targets = [target("a", "changed", wave=1), target("b", "changed"), target("c", "changed", "first")]
    assert [each.name for each in found(targets)] == ["c", "b", "a"]
    assert [each.name for each in found(targets, stage="first")] == ["c"]


def step(name, position, state="running", verdict=None, hosts=()):
    detail = {"rollback": "run", "hosts": hosts}
    return Checkpoint("r-1", name, position, state, False, False, verdict, detail, None, None)


def touched(targets, steps, folder=Path("/nonexistent")):
    return {each.name for each in found(targets, [*STAGES, *steps], folder) if each.touched}


def test_only_what_an_earlier_rollback_may_have_half_restored_is_taken_for_that(tmp_path):
    """Anything else that is not as the run left it was changed by somebody."""
    waits = target("waits", "changed", after="a")
    held = target("held", "held_back", after="a", rollback_tried="rollback 1")
    half = target("half", "failed", after="a", rollback_tried="rollback 1", restoring=True)
    targets = [waits, held, half]
    assert touched(targets, [step("rollback 1", 3, "failed", "1 of 1 devices failed", ["held", "half"])]) == {"half"}
    assert touched(targets, [step("rollback 1", 3, "passed", "passed", ["held", "half"])]) == {"half"}
    assert [each.name for each in found(targets, STAGES) if each.tried] == ["held", "half"]


@pytest.mark.parametrize(("state", "verdict"), [("running", None), ("failed", "interrupted")])
def test_a_rollback_that_died_leaves_those_in_doubt_that_were_handed_out_and_not_recorded(tmp_path, state, verdict):
    out, waits = target("out", "changed", after="a"), target("waits", "changed", after="a")
    told = target("told", "held_back", after="a", rollback_tried="rollback 2")
    before = target("before", "held_back", after="a", rollback_tried="rollback 1")
    steps = [
        step("rollback 1", 3, "failed", "too many"),
        step("rollback 2", 4, state, verdict, ["out", "waits", "told"]),
    ]
    handed_out(tmp_path / "04-rollback.jsonl", "out", "told", "before")
    assert [each.name for each in steps_of([*STAGES, *steps])] == ["rollback 1", "rollback 2"]
    assert touched([out, waits, told, before], steps, tmp_path) == {"out", "before"}
    # Its journal was on a machine that is gone: what is found on a device may be somebody else's.
    assert touched([out, waits, told, before], steps) == set()


def test_a_stage_that_broke_off_and_whose_journal_is_gone_may_have_touched_all_of_its_devices(tmp_path):
    begun = [
        STAGES[0],
        dataclasses.replace(STAGES[1], state="running"),
        dataclasses.replace(STAGES[2], state="pending"),
    ]
    targets = [target("a", "pending", "first"), target("b", "pending"), target("c", "unchanged", "first")]
    assert [(each.name, each.touched) for each in found(targets, begun)] == [("a", True)]
    handed_out(tmp_path / "01-push.jsonl", "z")
    assert found(targets, begun, tmp_path) == []


def test_whoever_waits_for_a_device_that_could_not_be_restored_comes_after_it():
    targets = [
        target("new", "changed", after="a"),
        target("partner", "changed", after="a", groups=["g1"]),
        target("dead", "unknown", after="a", groups=["g1"], rollback_tried="rollback 1"),
        target("waits", "held_back", after="a", groups=["g1"], rollback_tried="rollback 1", held_for="g1"),
        target("alone", "failed", after="a", rollback_tried="rollback 1"),
    ]
    assert behind(found(targets)) == [{"dead", "alone"}, {"partner", "waits"}]


@pytest.mark.parametrize(
    ("devices", "earlier", "outcomes", "stops"),
    [
        (9, {}, {"rolled_back": 1}, None),
        (9, {}, {"failed": 1}, "1 of 1 devices failed in this stage"),
        (9, {}, {"held_back": 1, "rolled_back": 20}, None),
        (200, {"unknown": 2}, {"unknown": 19, "rolled_back": 179}, "21 of 200 devices failed of the fleet"),
        (200, {}, {"failed": 20, "rolled_back": 178}, "20 of 198 devices failed in this stage"),
    ],
)
def test_a_step_stops_the_rest_when_too_many_could_not_be_restored(devices, earlier, outcomes, stops):
    begun = step_breaker(devices, Counter(earlier), limit=10.0, min_sample=10)
    said = judge(begun, Counter(outcomes), None)
    assert said is None if stops is None else said.startswith(stops)
    assert judge(begun, Counter(outcomes), "tripped while it ran") == "tripped while it ran"
