# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the checks said of two nodes, of which the head has two flaws (see prepare.yml)."""

import json

import pytest


@pytest.fixture
def rows(run_directory):
    def of(name):
        found = json.loads((run_directory / f"prerequisites-{name}.json").read_text())
        return {row["check"]: row for row in found}

    return of


def test_a_port_that_somebody_holds_is_an_error_that_names_the_holder(rows, host):
    row = rows("head")["Port 8265 (dashboard)"]
    assert (row["ok"], row["severity"]) == (False, "error")
    assert "somebody-elses.service" in row["found"]
    assert "systemctl status" in row["fix"]


def test_a_port_that_a_firewall_drops_is_told_from_the_rest(rows, addresses):
    row = rows("worker1")["Ports of the other nodes are reachable"]
    assert row["found"] == f"head ({addresses['head']}) 6380: timed out"
    assert "allow TCP 6380" in row["fix"]


def test_the_head_reaches_its_worker(rows):
    assert rows("head")["Ports of the other nodes are reachable"]["ok"]


def test_only_the_head_needs_the_heads_ports(rows):
    assert "Port 6379 (gcs)" in rows("head")
    assert "Port 6379 (gcs)" not in rows("worker1")


@pytest.mark.parametrize("check", ["Operating system", "systemd", "Clock against head", "Python agrees between nodes"])
def test_what_is_well_is_said_to_be_well(rows, check):
    assert rows("worker1")[check]["ok"]


def test_nothing_is_left_behind(host):
    assert ":6383 " not in host.check_output("ss --tcp --listening --numeric")
    assert "raywright-fleet" not in host.check_output("cat /proc/net/unix")
    assert not host.file("/etc/raywright").exists
