# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The timer that runs on an FRR router, as a real process; here it has nothing to put back, so it needs no FRR."""

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.devices.frr_agent import timer

ROOT = Path(__file__).parents[3]
DEADLINE = 60
# The wall clock jumps a year each time somebody looks at it. The program is started in a process of its own, as on a
# router: it forks.
PROGRAM = """\
import sys, time, itertools
from pathlib import Path
years = itertools.count(1)
true = time.time
time.time = lambda: true() + next(years) * 31536000
from engine.devices.frr_agent import timer
timer.LOCK = sys.argv[2]
timer.start(Path(sys.argv[1]))
"""


def alive(folder: Path) -> bool:
    """Say whether the timer of a folder runs: it has locked a file there."""
    with contextlib.suppress(OSError), (folder / timer.ALIVE).open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "lock").mkdir()
    made = tmp_path / "held"
    made.mkdir(mode=0o700)
    yield made
    timer.end(made)


def start(folder, seconds):
    hold(folder, seconds)
    program = [sys.executable, "-c", PROGRAM, str(folder), str(folder.parent / "lock")]
    subprocess.run(program, check=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})


def hold(folder, seconds):
    timer.write(folder / timer.STATE, {"token": "r-1", "until": timer.now() + seconds, "boot": "b"})


def wait_for(condition):
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_it_runs_when_it_is_said_to_and_outlives_who_started_it(folder):
    start(folder, 300)
    assert alive(folder)


def test_a_wall_clock_that_jumps_does_not_fire_it(folder):
    start(folder, 300)
    [pid] = pids(folder)
    timer.wake(folder)
    wait_for(lambda: state(pid) == "S")
    assert alive(folder)


def test_when_its_time_is_over_it_leaves_a_note_and_nothing_else(folder):
    start(folder, 300)
    hold(folder, 0)
    timer.wake(folder)
    wait_for(lambda: not alive(folder))
    assert {path.name for path in folder.iterdir()} == {timer.STATE}
    assert json.loads((folder / timer.STATE).read_text()) == {"was": "r-1", "boot": "b"}
    assert (folder / timer.STATE).stat().st_mode & 0o777 == 0o644


def test_a_folder_that_is_removed_ends_it_at_once(folder):
    start(folder, 300)
    [pid] = pids(folder)
    timer.end(folder)
    assert not folder.exists()
    assert state(pid) in {"", "Z"}


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT, signal.SIGTERM])
def test_a_logout_does_not_end_it(folder, number):
    start(folder, 300)
    [pid] = pids(folder)
    os.kill(pid, number)
    hold(folder, 299)
    timer.wake(folder)
    # What it was woken for it has read: it lives.
    wait_for(lambda: state(pid) == "S")
    assert alive(folder)


def test_one_that_was_killed_is_seen_to_be_dead(folder):
    start(folder, 300)
    [pid] = pids(folder)
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not alive(folder))


def test_it_waits_for_whoever_has_the_routers_lock_and_then_looks_again(folder):
    handle = os.open(folder.parent / "lock", os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    start(folder, 0)
    assert alive(folder)
    hold(folder, 300)
    os.close(handle)
    # It gets the lock after its time was over, and there is time again: whoever had the lock was first.
    end = os.open(folder.parent / "lock", os.O_RDONLY)
    fcntl.flock(end, fcntl.LOCK_EX)
    os.close(end)
    assert alive(folder)
    assert timer.read(folder / timer.STATE)["token"] == "r-1"


def state(pid):
    """The letter that the kernel has for what a process does; nothing where there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def pids(folder):
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            words = (path / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if str(folder).encode() in words:
            found.append(int(path.name))
    return found
