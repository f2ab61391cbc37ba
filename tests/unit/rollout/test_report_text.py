# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person is shown of a run that has ended."""

from ansible_collections.raywright.fleet.plugins.action.rollout_report import _text


def failed(name, outcome):
    return {"name": name, "stage": "100%", "outcome": outcome, "reason": f"{name}: it is {outcome}"}


def test_devices_that_need_somebody_are_named_before_those_that_are_as_they_were_before():
    restored = [failed(f"leaf-{number:03}", "rolled_back") for number in range(15)]
    others = [failed("spine-001", "held_back"), failed("spine-002", "unknown")]
    outcomes = {"rolled_back": 15, "held_back": 1, "unknown": 1}
    report = {"run": "r-1", "state": "failed", "devices": 17, "outcomes": outcomes, "stages": [], "read_back": []}
    named = [line[4:] for line in _text({**report, "failures": restored + others}, None).splitlines()[1:]]
    assert named[:2] == [each["reason"] for each in others]
    rolled_back = [f"leaf-{number:03} was rolled back: it is rolled_back" for number in range(8)]
    assert named[2:] == [*rolled_back, "and 7 more"]


def test_a_run_of_which_only_a_part_could_be_taken_back_is_not_headed_as_if_it_had_ended_well():
    report = {"run": "r-1", "devices": 3, "stages": [], "read_back": [], "failures": []}
    step = {"name": "rollback 1", "devices": 3, "outcomes": {"rolled_back": 2, "unknown": 1}, "seconds": 1.0}
    report |= {"outcomes": {"rolled_back": 2, "unknown": 1}, "rollbacks": [{**step, "verdict": "passed"}]}
    assert _text({**report, "state": "completed"}, None).startswith("Run r-1 completed, rolled back in part: 3 devices")
    assert _text({**report, "state": "rolled_back"}, None).startswith("Run r-1 rolled back: 3 devices")
