# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a job's log: events once and in order, whatever else is written there."""

import io
import json
import secrets

import pytest

from engine.errors import FleetError
from engine.rollout.journal import Journal
from engine.rollout.parcel import SEPARATOR
from engine.rollout.submission import Submission
from engine.sealing.key import FleetKey


@pytest.fixture
def told():
    return io.StringIO()


@pytest.fixture
def submission(told):
    header = {"settings": {"run": "r-abcdefgh23", "stage": "10%"}, "ray": "http://127.0.0.1:1"}
    return Submission(header, FleetKey(secrets.token_bytes(32)), Journal(None, told))


def read(submission, *lines):
    for line in lines:
        submission._take(line)


def event(seq, kind="worker_lost", **data):
    return SEPARATOR + json.dumps({"seq": seq, "event": kind, **data})


def kinds(told):
    return [json.loads(line)["event"] for line in told.getvalue().splitlines()]


def test_a_log_that_is_read_again_from_its_beginning_tells_nothing_twice(submission, told):
    read(submission, event(1, "phase"), "Ray says something", event(2, "dispatched"))
    read(submission, event(1, "phase"), "a line without an end" + event(2, "dispatched"), event(3, "outcome"))
    assert kinds(told) == ["phase", "dispatched", "outcome"]


def test_an_event_that_is_missing_is_an_error_and_never_passed_over(submission):
    with pytest.raises(FleetError, match="events 2 to 3 of the job are missing"):
        read(submission, event(1), event(4))


def test_a_last_line_that_the_engines_death_cut_off_is_no_event(submission, told):
    read(submission, event(1), event(2)[:-3])
    assert kinds(told) == ["worker_lost"]


@pytest.mark.parametrize(
    "said", ["ModuleNotFoundError: No module named 'asyncssh'", "/bin/sh: 1: exec: python: not found"]
)
def test_a_cluster_that_cannot_run_the_engine_is_told_what_it_lacks(submission, said):
    read(submission, "Running entrypoint", said)
    words = submission._last_words("raywright-1", "FAILED")
    assert said.removeprefix("/bin/sh: 1: exec: ") in words
    assert "requirements/engine.txt" in words


def test_a_job_that_just_dies_is_not_blamed_on_its_packages(submission):
    read(submission, event(1), "ImportError: something on the way")
    assert "reads back what was in flight" in submission._last_words("raywright-1", "FAILED")
