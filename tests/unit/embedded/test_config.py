# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration language: what is taken, what is refused, and how a change is shown."""

import pytest

from engine.embedded.config import check, diff, load, render
from engine.embedded.fabric import build
from engine.embedded.grammar import ConfigError
from engine.embedded.initial import Secrets, initial_config

SMALL = """hostname leaf-001
ntp server 10.0.0.1
snmp-server community topsecret ro
interface Ethernet10
 ip address 10.0.0.0/31
interface Ethernet2
 mtu 9214
ip prefix-list A seq 10 permit 10.0.0.0/8 ge 9 le 32
route-map B permit 10
 match ip address prefix-list A
router bgp 65001
  neighbor 10.0.0.1 description the other one
  neighbor 10.0.0.1 remote-as 65002
  neighbor 10.0.0.1 route-map in B
"""


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("frobnicate", "line 1: unknown command"),
        ("ntp server ten", "line 1: ntp server ^ expected <ip>"),
        ("hostname a\nsnmp-server community topsecret rx", "line 2: snmp-server community <word> ^ expected (ro|rw)"),
        ("hostname a\n mtu 9214", "line 2: indented"),
        ("interface Ethernet1\n mtu 20", "line 2: mtu ^ expected <mtu 68-9216>"),
        ("interface Ethernet1\n  mtu 1500\n shutdown", "line 3: indented"),
        ("ip prefix-list A seq 5 permit 10.0.0.1/8", "(permit|deny) ^ expected <prefix>"),
        ("hostname a b", "line 1: hostname <name> ^ expected end of line"),
        ("no frobnicate", "'no' of an unknown command"),
    ],
)
def test_a_bad_line_is_named_by_number_and_never_repeated(text, says):
    with pytest.raises(ConfigError) as caught:
        load(text)
    assert says in str(caught.value)
    assert "topsecret" not in str(caught.value)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ("route-map B permit 20\n match ip address prefix-list C", "prefix-list C is not defined"),
        ("router bgp 65001\n neighbor 10.0.0.9 description x", "neighbor 10.0.0.9: remote-as is missing"),
        ("router bgp 65001\n neighbor 10.0.0.1 route-map out X", "route-map X is not defined"),
        ("router bgp 65099", "BGP runs in AS 65001"),
        ("interface Ethernet2\n ip address 10.0.0.0/24", "already on Ethernet"),
    ],
)
def test_what_cannot_work_is_refused_as_a_whole(more, says):
    with pytest.raises(ConfigError, match=says):
        check(load(more, load(SMALL)))


def test_the_same_lines_in_any_order_give_the_same_text():
    text = render(load(SMALL))
    assert render(load(text)) == text
    blocks = SMALL.split("interface Ethernet10\n ip address 10.0.0.0/31\n")
    assert render(load("".join(blocks) + "interface Ethernet10\n ip address 10.0.0.0/31\n")) == text
    assert text.index("Ethernet2") < text.index("Ethernet10")


def test_a_merge_replaces_single_values_adds_to_lists_and_removes_with_no():
    before = load(SMALL)
    after = load(
        "hostname leaf-002\nntp server 10.0.0.2\ninterface Ethernet2\n no mtu\n"
        "router bgp 65001\n no neighbor 10.0.0.1 route-map\n",
        before,
    )
    assert list(diff(before, after)) == [
        "-hostname leaf-001",
        "+hostname leaf-002",
        "+ntp server 10.0.0.2",
        " interface Ethernet2",
        "- mtu 9214",
        " router bgp 65001",
        "- neighbor 10.0.0.1 route-map in B",
    ]
    assert list(diff(before, load(SMALL))) == []


def test_every_new_router_has_a_valid_configuration():
    for node in build(60, "127.64.0.1").values():
        text = initial_config(node, Secrets("new", "old", "bgp", "admin"))
        check(load(text))
        assert render(load(text)) == text
