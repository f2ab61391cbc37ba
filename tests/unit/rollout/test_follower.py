# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a stage shows of its own phases, from the events of its engine."""

import pytest
from ansible_collections.raywright.fleet.plugins.plugin_utils import _rollout
from ansible_collections.raywright.fleet.plugins.plugin_utils.progress import Progress


@pytest.fixture
def followed(monkeypatch):
    """Follow events to the end; the lines that were shown, without their times."""

    def follow(events, verdict="passed"):
        lines = []
        monkeypatch.setattr(Progress, "from_environment", lambda display: Progress(None, lines.append))
        follower = _rollout.Follower(run="r-1", name="10%", kind="stage", fleet={"a": "pending", "b": "pending"})
        for event in events:
            follower._event(event)
        follower.end(verdict)
        return [line.split(" in ")[0].removeprefix("r-1 ") for line in lines]

    return follow


PUSH = [{"event": "phase", "phase": "push", "total": 1}, {"event": "outcome", "name": "a", "outcome": "changed"}]
SOAK = [{"event": "phase", "phase": "soak", "seconds": 300}]
VALIDATE = [{"event": "phase", "phase": "validate", "total": 1}, {"event": "checked", "name": "a", "outcome": "passed"}]
PUSHED = ["stage 10%: 1 device | fleet 0/2", "+ stage 10% pushed"]
SOAKED = ["soaking for 300 s", "soaking 10% | fleet 1/2", "+ soak of 10% done"]


def test_each_phase_ends_before_the_next_begins(followed):
    validated = ["validating 10%: 1 device | fleet 1/2", "+ validation of 10% passed"]
    assert followed(PUSH + SOAK + VALIDATE) == PUSHED + SOAKED + validated


def test_a_stage_without_checks_ends_with_its_soak(followed):
    assert followed(PUSH + SOAK) == PUSHED + SOAKED
    assert followed(PUSH + SOAK, "interrupted")[-1] == "x soak of 10% interrupted"


def test_a_validation_is_not_pushed_when_the_next_wave_begins(followed):
    assert "+ validation of 10% done" in followed(PUSH + VALIDATE + PUSH)
