# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which devices a rollback concerns, and when it stops."""

import json
from collections import Counter

import pytest

from engine.ledger import Checkpoint, Target
from engine.rollout.rollback import due, judge, step_breaker, steps_of

# What the plan itself says of the way back is no sign that anybody went it.
PUSHED = {"change": "c", "before": "b", "rollback": "unprovable", "rollback_reason": "x"}


def checkpoint(name, position, **detail):
    return Checkpoint("r-1", name, position, "passed", False, False, None, detail, None, None)


def target(name, outcome, stage="all", **detail):
    return Target("r-1", stage, name, outcome, {**PUSHED, **detail})


STAGES = (checkpoint("plan", 0), checkpoint("first", 1), checkpoint("all", 2))


def found(targets, checkpoints=STAGES, journals=(), stage=None):
    return due(targets, checkpoints, stage=stage, journals=journals, patience=0)


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
        ("rolled_back", {"rollback_tried": True}, False, False),
        ("held_back", {"rollback_tried": True}, True, True),
        ("unreachable", {"rollback_tried": True}, True, True),
        ("unknown", {"after": "a", "rollback_tried": True}, True, False),
    ],
)
def test_what_a_push_may_have_left_something_on_is_restored_and_nothing_else(outcome, detail, concerned, touched):
    [*each] = found([target("d1", outcome, **detail)])
    assert [(one.name, one.touched) for one in each] == ([("d1", touched)] if concerned else [])


def test_a_device_without_a_change_was_never_ours():
    assert found([Target("r-1", "plan", "d1", "unknown", {"before": "b"})]) == []


def test_a_device_that_was_handed_out_and_of_which_nothing_is_known_is_read(tmp_path):
    journal = tmp_path / "02-push.jsonl"
    journal.write_text(json.dumps({"seq": 1, "event": "dispatched", "names": ["d1"]}) + "\n")
    each = found([target("d1", "pending"), target("d2", "pending")], journals=[journal])
    assert [(one.name, one.touched) for one in each] == [("d1", True)]


def test_they_stand_in_the_order_of_stages_and_waves_and_one_stage_can_be_had_alone():
    targets = [target("a", "changed", wave=1), target("b", "changed"), target("c", "changed", "first")]
    assert [each.name for each in found(targets)] == ["c", "b", "a"]
    assert [each.name for each in found(targets, stage="first")] == ["c"]


def test_after_a_rollback_that_may_have_died_on_any_of_them_all_may_be_half_restored():
    again = [*STAGES, checkpoint("rollback 1", 3, rollback="run")]
    [one] = found([target("d1", "changed", after="a")], again)
    assert (one.touched, one.tried, [each.name for each in steps_of(again)]) == (True, False, ["rollback 1"])
    [one] = found([target("d1", "failed", after="a", rollback_tried=True)], again)
    assert one.tried


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
