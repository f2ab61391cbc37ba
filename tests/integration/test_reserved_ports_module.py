# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reserved ports in a real kernel: that of a network namespace, which has a list of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
KERNEL = "/proc/sys/net/ipv4/ip_local_reserved_ports"
CAN_ISOLATE = os.access(KERNEL, os.W_OK) and subprocess.run(["unshare", "--net", "true"], check=False).returncode == 0

pytestmark = pytest.mark.skipif(not CAN_ISOLATE, reason="needs root and Linux network namespaces")

# The module as Ansible would run it: several times in one namespace, each with its own arguments.
DRIVER = f"""
import json, pathlib, subprocess, sys
kernel = pathlib.Path("{KERNEL}")
kernel.write_text("22-23\\n")
told = []
for arguments in json.load(sys.stdin):
    given = json.dumps({{"ANSIBLE_MODULE_ARGS": arguments}})
    command = [sys.executable, "-m", "ansible_collections.raywright.fleet.plugins.modules.reserved_ports", given]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False, text=True)
    told.append([json.loads(done.stdout), kernel.read_text().strip()])
print(json.dumps(told))
"""


@pytest.fixture
def reserve(tmp_path):
    """Run the module once for each set of arguments; return what it said and what the kernel reserves afterwards."""
    link = tmp_path / "ansible_collections" / "raywright" / "fleet"
    link.parent.mkdir(parents=True)
    link.symlink_to(ROOT)
    path = tmp_path / "sysctl.d" / "90-test.conf"

    def run(*several):
        arguments = [{"path": str(path), "_ansible_remote_tmp": str(tmp_path), **each} for each in several]
        done = subprocess.run(
            ["unshare", "--net", sys.executable, "-c", DRIVER],
            input=json.dumps(arguments),
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
            stdout=subprocess.PIPE,
            check=True,
            text=True,
        )
        return json.loads(done.stdout), path

    return run


def test_ports_are_added_to_those_that_are_reserved_and_given_up_again(reserve):
    check = {"ports": ["52365"], "_ansible_check_mode": True}
    wide, narrow = {"ports": ["52365", "20000-20999"]}, {"ports": ["52365"]}
    (checked, first, again, less), path = reserve(check, wide, wide, narrow)
    assert (checked[0]["changed"], checked[1]) == (True, "22-23")
    assert (first[0]["changed"], first[1]) == (True, "22-23,20000-20999,52365")
    assert (again[0]["changed"], again[0]["actions"]) == (False, [])
    assert (less[0]["changed"], less[1]) == (True, "22-23,52365")
    assert "release 20000-20999" in less[0]["actions"][1]
    assert path.read_text().endswith("net.ipv4.ip_local_reserved_ports = 22-23,52365\n")


def test_what_is_no_port_touches_nothing(reserve):
    ((said, kernel),), path = reserve({"ports": ["http"]})
    assert (said["failed"], kernel, path.exists()) == (True, "22-23", False)
    assert "'http' is no port" in said["msg"]
