# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the firewall of the head lets through, seen from a peer, from a stranger and from the head itself."""

import time

import pytest

testinfra_hosts = ["ansible://head"]
GUARDED = (6379, 9090, 20500)
OPEN = (22, 7777)


def reached_from(host, address, ports):
    script = (
        "import socket,sys\n"
        "for port in map(int, sys.argv[2:]):\n"
        "    try: socket.create_connection((sys.argv[1], port), 2).close(); print(port)\n"
        "    except OSError: pass\n"
    )
    found = host.check_output(f"python3 -c '{script}' {address} {' '.join(map(str, ports))}")
    return {int(port) for port in found.split()}


def test_a_peer_reaches_every_port(node, addresses):
    assert reached_from(node("worker1"), addresses["head"], GUARDED + OPEN) == {*GUARDED, *OPEN}


def test_a_stranger_reaches_only_what_is_not_guarded(node, addresses):
    assert reached_from(node("outsider"), addresses["head"], GUARDED + OPEN) == {*OPEN}


def test_the_controller_reaches_ssh_and_no_guarded_port(scan_from_here, addresses):
    head = addresses["head"]
    assert scan_from_here([(head, port) for port in GUARDED + OPEN]) == {(head, port) for port in OPEN}


def test_the_head_reaches_itself(host, addresses):
    assert reached_from(host, addresses["head"], GUARDED) == {*GUARDED}
    assert reached_from(host, "127.0.0.1", GUARDED) == {*GUARDED}


@pytest.mark.parametrize(
    "act",
    [
        "nft flush ruleset",
        "systemctl restart nftables",
        "systemctl stop nftables",
        "systemctl reload-or-restart nftables",
    ],
)
def test_the_rules_are_back_after_something_flushed_them(host, node, addresses, act):
    host.check_output(act)
    deadline = time.monotonic() + 10
    while host.run("nft list table inet raywright_fleet").rc != 0:
        assert time.monotonic() < deadline, host.check_output("journalctl --unit raywright-firewall --no-pager")
        time.sleep(0.1)
    assert reached_from(node("outsider"), addresses["head"], GUARDED) == set()


def test_the_rules_are_loaded_again_when_their_watcher_dies(host):
    host.check_output("systemctl kill --signal=KILL raywright-firewall")
    deadline = time.monotonic() + 20
    while host.check_output("systemctl show --property=ActiveState --value raywright-firewall") != "active":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert host.run("nft list table inet raywright_fleet").rc == 0


def test_the_unit_starts_with_the_host(host):
    assert host.service("raywright-firewall").is_enabled
    assert host.service("raywright-firewall").is_running
