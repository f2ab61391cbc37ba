# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which device carries our own way to the others."""

import shutil
import threading
import time

import pytest

from engine.rollout import paths
from engine.rollout.paths import canonical, carried, next_hops

HOPS = ("192.0.2.1", "fd00::1")


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (" ip address 192.0.2.1/24", True),
        (" ip address 192.0.2.1 255.255.255.0", True),
        (" ip address virtual 192.0.2.1/24", True),
        (" ipv4 address 192.0.2.1 255.255.255.0", True),
        ("            address 192.0.2.1/24;", True),
        ("set interfaces ge-0/0/0 unit 0 family inet address 192.0.2.1/24", True),
        (" ipv6 address FD00:0::1/64", True),
        (" ip address 192.0.2.11/24", False),
        (" ip address 192.0.2.0/24", False),
        (" match ip address prefix-list 192.0.2.1", False),
        (" description ip address 192.0.2.1/24", False),
        (" neighbor 192.0.2.1 remote-as 65000", False),
        ("ip route 0.0.0.0/0 192.0.2.1", False),
        (" set ip next-hop 192.0.2.1", False),
    ],
)
def test_a_device_carries_our_way_when_the_next_hop_is_an_address_of_an_interface(line, found):
    assert bool(carried(HOPS, "10.0.0.9", f"hostname x\n{line}\nend\n")) == found


def test_or_when_it_is_the_address_that_we_reach_it_at():
    assert carried(HOPS, "192.0.2.1", "") == ("192.0.2.1",)
    assert carried((), "192.0.2.1", " ip address 192.0.2.1/24\n") == ()


@pytest.mark.skipif(shutil.which("ip") is None, reason="asks the system's ip")
def test_there_is_no_next_hop_to_what_is_on_this_machine():
    assert next_hops([f"127.0.{number}.1" for number in range(200)]) == ()
    assert next_hops(["localhost", "no-such-name.invalid"]) == ()
    assert next_hops([]) == ()


def test_a_resolver_that_does_not_answer_holds_no_plan_up(monkeypatch):
    ended = threading.Event()
    monkeypatch.setattr(paths.socket, "getaddrinfo", lambda *_args, **_options: ended.wait(30))
    monkeypatch.setattr(paths, "_RESOLVER_SECONDS", 0.2)
    began = time.monotonic()
    try:
        assert next_hops([f"router-{number}" for number in range(600)]) == ()
    finally:
        ended.set()
    assert time.monotonic() - began < 15


@pytest.mark.parametrize(
    ("spelled", "common"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.002.010", "192.0.2.8"),  # octal, as the system reads it
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("FD00:0::1", "fd00::1"),
        ("999.0.2.1", "999.0.2.1"),
        ("r1.example.net", "r1.example.net"),
    ],
)
def test_an_address_has_one_spelling_and_a_name_its_own(spelled, common):
    assert canonical(spelled) == common
