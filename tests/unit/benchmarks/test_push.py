# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the benchmarks make of what they measured."""

import os
import subprocess
import sys
import time

import pytest

from benchmarks import processes
from benchmarks.processes import Used, run, tree
from benchmarks.push.__main__ import _figures, _ratios
from benchmarks.push.clients import Cost
from benchmarks.push.exchange import LINES, Router, Work, lines
from benchmarks.scale import exponent

ROUTERS = [Router(f"r{number}", "192.0.2.1", 22, "user", "key", "known_hosts") for number in range(10)]


def cost(cpu, *, seconds=5.0, failed=0):
    return Cost(Used(seconds, cpu, 50.0), failed, start=1.0, start_seconds=1.0)


def test_a_device_costs_what_a_client_used_beyond_its_start():
    figures = _figures([cost(1.1), cost(1.2), cost(1.9)], "", Work(ROUTERS, [], 5))
    assert figures["cpu_ms_per_device"] == 20.0
    assert figures["devices_per_second"] == 2.5
    assert figures["runs"] == 3


def test_the_worst_run_says_how_many_failed():
    assert _figures([cost(1.1), cost(1.1, failed=4)], "", Work(ROUTERS, [], 5))["failed"] == 4


def test_a_client_that_never_came_to_its_end_is_named_and_not_fatal():
    figures = _figures([], "exit status 1", Work(ROUTERS, [], 5))
    assert figures == {"error": "exit status 1", "runs": 0, "failed": 10}
    ours, floor = {"cpu_ms_per_device": 12.0}, {"cpu_ms_per_device": 10.0}
    assert _ratios({"ours": ours, "floor": floor, "peer": figures}) == {"ours_to_floor": 1.2}


def test_a_peer_is_told_in_times_of_ours():
    assert _ratios({"ours": {"cpu_ms_per_device": 10.0}, "peer": {"cpu_ms_per_device": 25.0}}) == {"peer_to_ours": 2.5}


def test_every_run_pushes_lines_that_no_run_before_it_pushed():
    assert len(set(lines(1))) == LINES
    assert not set(lines(1)) & set(lines(2))


def test_a_line_that_is_not_read_back_is_a_failure():
    work = Work(ROUTERS, lines(1), 5)
    work.verify("r1", "\n".join(work.lines))
    work.verify("r2", "\n".join(work.lines[1:]))
    assert list(work.failed) == ["r2"]


@pytest.mark.parametrize(("power", "found"), [(1.0, 1.0), (2.0, 2.0), (0.0, 0.0)])
def test_the_growth_exponent_is_the_power_of_the_growth(power, found):
    rows = [{"devices": devices, "seconds": 3.0 * devices**power} for devices in (1_000, 10_000, 100_000)]
    assert exponent(rows, "seconds") == pytest.approx(found)


def test_a_process_counts_with_its_children():
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        _cpu, both = tree(os.getpid())
        _cpu, one = tree(child.pid)
        assert 0 < one < both
    finally:
        child.communicate(b"\n")


def test_what_ran_before_a_command_is_no_part_of_what_it_used(tmp_path):
    allocate = "held = bytearray(200 << 20); import sys; print(flush=True); input()"
    earlier = subprocess.Popen(
        [sys.executable, "-c", allocate], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert earlier.stdout.readline() == "\n"
        _cpu, everything = tree(os.getpid())
        used, status = run([sys.executable, "-c", "pass"], cwd=tmp_path, env={}, log=tmp_path / "log")
        assert status == 0
        assert used.rss_mb < (everything >> 20) - 100
    finally:
        earlier.communicate("\n")


FORGETFUL = """
import os, signal, sys, time
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
if os.fork() == 0:
    while time.process_time() < 0.3:
        pass
    print("worked", flush=True)
    os.read(0, 1)
    os._exit(0)
time.sleep(600)
"""


def test_the_cpu_of_a_process_whose_parent_does_not_wait_for_it_counts():
    command = [sys.executable, "-c", FORGETFUL]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout.readline() == b"worked\n"
        before = processes._descendants(parent.pid, ())
        parent.stdin.write(b"x")
        parent.stdin.flush()
        while len(now := processes._descendants(parent.pid, ())) > 1:
            time.sleep(0.01)
        forgotten = processes._forgotten(before, now)
        parent.kill()
    assert 0.2 < forgotten < 1.0
