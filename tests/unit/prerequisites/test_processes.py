# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel says of processes, read."""

import os
import signal

import pytest

from plugins.module_utils._processes import Process, alive, parse_cgroup, parse_stat, read, send

ID = "a" * 64


def process(cgroup):
    return Process(1, 0, 0, 0, "x", ("x",), cgroup)


def test_a_name_may_hold_brackets_and_spaces():
    fields = " ".join(["S", "7", *("0" for unused in range(17)), "4242", "0"])
    assert parse_stat(f"12 (a) b (c) {fields}") == ("a) b (c", 7, 4242)


@pytest.mark.parametrize(
    ("cgroup", "container", "unit"),
    [
        (f"/system.slice/docker-{ID}.scope", ID, ""),
        (f"/docker/{ID}", ID, ""),
        (f"/kubepods/pod1/{ID}", ID, ""),
        ("/system.slice/ray.service", "", "ray.service"),
        ("/user.slice/user-0.slice/session-1.scope", "", ""),
        ("/system.slice/ray.service/sub", "", "ray.service"),
    ],
)
def test_a_cgroup_tells_container_and_unit(cgroup, container, unit):
    assert (process(cgroup).container, process(cgroup).unit) == (container, unit)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("0::/system.slice/a.service\n", "/system.slice/a.service"),
        ("4:memory:/docker/x\n1:name=systemd:/docker/x\n0::/docker/x\n", "/docker/x"),
        ("4:memory:/docker/x\n1:name=systemd:/\n", "/docker/x"),
    ],
)
def test_both_versions_of_cgroups_are_read(text, path):
    assert parse_cgroup(text) == path


def test_a_process_is_not_taken_for_another_that_had_its_pid():
    mine = read(os.getpid())
    other = Process(mine.pid, mine.ppid, mine.start + 1, mine.uid, mine.name, mine.argv, mine.cgroup)
    assert alive(mine)
    assert not alive(other)
    assert not send(other, signal.SIGTERM)
