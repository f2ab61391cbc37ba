# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal: what a crash left unfinished does no harm to what comes after it."""

import io
import json

import pytest

from engine.errors import FleetError
from engine.rollout.journal import Journal, replay


def written(path, *names):
    with Journal(path, io.StringIO()) as journal:
        for name in names:
            journal.emit("dispatched", {"names": [name]})


def names(path):
    return [event["names"][0] for event in replay(path, patience=0)]


@pytest.mark.parametrize("tail", ["", '{"seq":2,"event":"outc', "{", '{"seq":2,"event":"note"}'])
def test_a_line_that_a_crash_cut_off_is_gone_before_the_next_try_appends_its_own(tmp_path, tail):
    path = tmp_path / "01-push.jsonl"
    written(path, "r1", "r2")
    with path.open("a") as file:
        file.write(tail)
    written(path, "r3")
    assert names(path) == ["r1", "r2", "r3"]


def test_a_journal_that_cannot_be_opened_says_where_and_what_to_do(tmp_path):
    path = tmp_path / "nosuch" / "01-push.jsonl"
    with pytest.raises(FleetError, match=r"cannot be written: No such file or directory.*give write access there"):
        Journal(path, io.StringIO()).__enter__()


def test_where_the_disk_is_full_devices_are_not_handed_out_and_the_follower_still_hears_the_rest():
    follower = io.StringIO()
    with Journal("/dev/full", follower) as journal:
        with pytest.raises(FleetError, match="cannot be written: No space left on device"):
            journal.emit("dispatched", {"names": ["r1"]})
        journal.emit("outcome", {"name": "r0", "outcome": "changed"})
    assert [json.loads(line)["event"] for line in follower.getvalue().splitlines()] == ["outcome"]
