# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks that are full or cannot be written: real file systems in memory, mounted for the test."""

import contextlib
import os
import re
import subprocess

import pytest
from promises import never_blind, no_secret_leaked, one_outcome_each
from rollouts import DEADLINE, wait_for

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
DEVICES = 8
PAGE = os.sysconf("SC_PAGE_SIZE")
GIVEN = {"stages": [2, "100%"], "concurrency": 2, "timeout": 10, "requester": "anna"}


@contextlib.contextmanager
def small_disk(path, size="4m"):
    path.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "raywright-test", path], check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", "--lazy", path], check=True)


def fill(disk):
    """Write until nothing more fits."""
    with (disk / "ballast").open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"\0" * 65536):
            pass
    with (disk / "ballast").open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"\0" * 64):
            pass


def fill_to_the_brim(disk, journal):
    """Fill a disk, and the last page of a file on it as well, with an event that says nothing."""
    fill(disk)
    room = PAGE - journal.stat().st_size % PAGE
    event = '{"event":"note","text":""}'
    if room > len(event):
        with journal.open("ab", buffering=0) as file:
            file.write((event.replace('""', f'"{"." * (room - len(event) - 1)}"') + "\n").encode())


def free(disk):
    (disk / "ballast").unlink()


def read_only(disk):
    """A file system that a file is open on for writing is busy: the ledger opens its own for each transaction only."""
    wait_for(lambda: subprocess.run(["mount", "-o", "remount,ro", disk], check=False).returncode == 0, "a quiet moment")


def writable(disk):
    subprocess.run(["mount", "-o", "remount,rw", disk], check=True)


def in_the_second_stage(project, process, outcomes=1):
    def reached():
        for journal in project.path.glob(".raywright/runs/*/02-push.jsonl"):
            return journal.read_text().count('"event":"outcome"') >= outcomes
        return process.poll() is not None

    wait_for(reached, "the second stage")
    assert process.poll() is None, project.output


def finished_as_if_nothing_had_been(project, *outputs):
    code, output = project.run(**GIVEN)
    assert code == 0, output
    assert set(one_outcome_each(project, project.fleet.names).values()) == {"changed"}
    assert set(project.fleet.commits().values()) == {1}
    assert all(running == saved for running, saved in project.fleet.configurations().values())
    never_blind(project.fleet)
    no_secret_leaked(project, output, *outputs)


@pytest.mark.long
def test_a_ledger_whose_disk_fills_up_for_a_moment_loses_nothing_and_the_run_goes_on(project_of):
    project = project_of(DEVICES, 40.0)
    with small_disk(project.path / "ledger") as disk:
        process = project.start(**GIVEN)
        in_the_second_stage(project, process)
        fill(disk)
        wait_for(lambda: "it is waited for" in project.output, "the word that the ledger is away")
        free(disk)
        assert process.wait(DEADLINE) == 0, project.output
        assert "the ledger is back, nothing was lost" in project.output
        assert set(one_outcome_each(project, project.fleet.names).values()) == {"changed"}
        assert set(project.fleet.commits().values()) == {1}
        never_blind(project.fleet)
        no_secret_leaked(project, project.output)


@pytest.mark.long
@pytest.mark.parametrize(("strike", "mend"), [(fill, free), (read_only, writable)])
def test_a_ledger_whose_disk_stays_full_or_read_only_ends_the_run_and_the_same_command_goes_on(
    project_of, strike, mend
):
    project = project_of(DEVICES, 40.0)
    with small_disk(project.path / "ledger") as disk:
        process = project.start(**GIVEN)
        in_the_second_stage(project, process)
        strike(disk)
        assert process.wait(DEADLINE) == 2, project.output
        said = " ".join(project.output.split())
        # SQLite's words depend on which of its files it was that could not be written.
        words = "database or disk is full|disk I/O error|attempt to write|unable to open"
        assert re.search(rf"The ledger \S+ cannot be used: ({words})", said), said
        assert "It was waited for 40 s; what was in flight is finished" in said
        assert "run the same command" in said
        mend(disk)
        finished_as_if_nothing_had_been(project, project.output)


def test_a_journal_whose_disk_is_full_stops_the_run_before_anything_is_handed_out_off_the_record(project_of):
    project = project_of(DEVICES, 40.0)
    with small_disk(project.path / ".raywright") as disk:
        process = project.start(**GIVEN)
        in_the_second_stage(project, process)
        [journal] = disk.glob("runs/*/02-push.jsonl")
        fill_to_the_brim(disk, journal)
        assert process.wait(DEADLINE) == 2, project.output
        said = " ".join(project.output.split())
        assert "cannot be written: No space left on device" in said, said
        assert "Run the same command to go on" in said
        outcomes = one_outcome_each(project, project.fleet.names)
        # What was in flight was finished and is in the ledger, though the journal could not take it.
        assert {name for name, commits in project.fleet.commits().items() if commits} == {
            name for name, outcome in outcomes.items() if outcome == "changed"
        }
        free(disk)
        finished_as_if_nothing_had_been(project, project.output)


def test_a_folder_that_cannot_be_written_is_named_before_anything_is_touched(project_of):
    project = project_of(2)
    with small_disk(project.path / ".raywright") as disk:
        read_only(disk)
        code, output = project.run(**GIVEN)
        said = " ".join(output.split())
        assert (code, ".raywright" in said, "Read-only file system" in said) == (2, True, True), said
        assert "Traceback" not in said
        assert set(project.fleet.commits().values()) == {0}
        writable(disk)
        finished_as_if_nothing_had_been(project, output)
