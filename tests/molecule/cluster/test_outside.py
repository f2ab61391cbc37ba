# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cluster as others see it: a machine of the same network, and the controller."""

import os
import re

import pytest
import testinfra

testinfra_hosts = ["ansible://outsider"]

MACHINES = {"head", "worker1", "worker2", os.environ.get("RAYWRIGHT_TEST_MONITORING", "head")}


@pytest.fixture(scope="module")
def doors(addresses, request):
    """Every address and port that a machine of the deployment listens on, SSH included."""
    inventory = request.config.option.ansible_inventory
    found = set()
    for name in sorted(MACHINES):
        node = testinfra.get_host(f"ansible://{name}?ansible_inventory={inventory}&sudo=true")
        for line in node.check_output("ss -Htln").splitlines():
            address, unused, port = line.split()[3].rpartition(":")
            del unused
            if not re.match(r"127\.|\[::1\]|\[::ffff:127\.", address):
                found.add((addresses[name], int(port)))
    return found


def test_a_stranger_reaches_ssh_alone(doors, scan):
    assert {port for unused, port in scan(sorted(doors))} == {22}


def test_the_controller_reaches_ssh_alone(doors, scan_from_here):
    assert {port for unused, port in scan_from_here(sorted(doors))} == {22}


def test_there_is_something_to_keep_shut(doors):
    assert {port for unused, port in doors} >= {6379, 8265, 9090}
