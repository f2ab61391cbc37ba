# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What hier_config works out, carried out on something that is not hier_config: where the way back is proved, it holds.

Random configurations, random changes. The commands are typed into an embedded IOS-like router, which knows nothing of
hier_config: what is called proved must lead exactly to what was wanted, and back exactly to what was there.
"""

from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.devices.cli.banners import fold, unfold
from engine.devices.cli.rules import FrrRules, IosRules
from engine.devices.cli.tree import remedy
from engine.embedded.config import load, render
from engine.embedded.faults import NONE
from engine.embedded.ios import IosCli

NAMES = st.sampled_from(["A", "B", "C"])
PEERS = st.sampled_from(["192.0.2.1", "192.0.2.2", "192.0.2.3"])
WORDS = st.sampled_from(["one", "two", "one two"])
ASNS = st.sampled_from(["65001", "65002"])


@st.composite
def interface(draw, number):
    lines = [f"interface Ethernet{number}"]
    lines += [f" description {draw(WORDS)}"] if draw(st.booleans()) else []
    lines += [f" mtu {draw(st.sampled_from(['1500', '9000']))}"] if draw(st.booleans()) else []
    lines += [f" ip address 10.0.{number}.{draw(st.sampled_from(['1', '2']))}/24"] if draw(st.booleans()) else []
    lines += [" shutdown"] if draw(st.booleans()) else []
    return lines


@st.composite
def neighbour(draw, peer):
    lines = [f" neighbor {peer} remote-as {draw(ASNS)}"]
    lines += [f" neighbor {peer} description {draw(WORDS)}"] if draw(st.booleans()) else []
    lines += [f" neighbor {peer} password {draw(st.sampled_from(['x', 'y']))}"] if draw(st.booleans()) else []
    lines += [f" neighbor {peer} route-map in {draw(NAMES)}"] if draw(st.booleans()) else []
    lines += [f" neighbor {peer} shutdown"] if draw(st.booleans()) else []
    return lines


@st.composite
def configurations(draw):
    lines = [f"hostname {draw(NAMES)}"]
    lines += [f"banner login {draw(WORDS)}"] if draw(st.booleans()) else []
    lines += [f"username {name} secret {draw(WORDS).split()[0]}" for name in draw(st.sets(NAMES))]
    lines += [
        f"ntp server 10.9.9.{n}{draw(st.sampled_from(['', ' prefer']))}" for n in draw(st.sets(st.integers(1, 3)))
    ]
    lines += [f"snmp-server community {name} {draw(st.sampled_from(['ro', 'rw']))}" for name in draw(st.sets(NAMES))]
    lines += [f"ip route 10.{n}.0.0/16 Null0" for n in draw(st.sets(st.integers(1, 4)))]
    for name in draw(st.sets(NAMES)):
        for number in draw(st.sets(st.sampled_from([10, 20, 30]), min_size=1)):
            action = draw(st.sampled_from(["permit", "deny"]))
            lines += [f"ip prefix-list {name} seq {number} {action} 10.{number}.0.0/16"]
    for number in draw(st.sets(st.integers(1, 3))):
        lines += draw(interface(number))
    for name in draw(st.sets(NAMES)):
        lines += [f"route-map {name} permit 10"]
        lines += [f" set metric {draw(st.sampled_from(['5', '6']))}"] if draw(st.booleans()) else []
    if draw(st.booleans()):
        lines += [f"router bgp {draw(ASNS)}"]
        lines += [f" maximum-paths {draw(st.sampled_from(['2', '4']))}"] if draw(st.booleans()) else []
        for peer in draw(st.sets(PEERS)):
            lines += draw(neighbour(peer))
    return render(load("\n".join(lines)))


class Desk:
    """A router's state without files, timers or faults."""

    def __init__(self, running):
        self.running = running
        self.node = SimpleNamespace(name="desk")
        self.fault = NONE
        self.revision = 0
        self.history = []

    def edit(self, candidate, _session):
        self.running = render(candidate)
        self.revision += 1


def typed(running, commands):
    """Type commands into a router that runs this; gives what it runs then, and what it refused."""
    desk = Desk(running)
    cli = IosCli(desk, {}, {})
    cli.line("configure terminal")
    refused = [command for command in commands if "%" in cli.line(command)]
    return desk.running, refused


def plain(config):
    return "\n".join(line for line in config.splitlines() if line != "!")


@settings(max_examples=150)
@given(configurations(), configurations())
def test_what_is_proved_holds_on_a_router_and_what_is_not_is_said(running, wanted):
    there = remedy(IosRules, plain(running), plain(wanted), "replace")
    if there.proof.verdict != "proved":
        assert there.proof.reason
        return
    after, refused = typed(running, there.commands)
    assert (after, refused) == (wanted, [])
    back = remedy(IosRules, plain(after), plain(running), "replace")
    assert typed(after, back.commands) == (running, [])
    assert bool(there.diff) == (running != wanted)
    assert remedy(IosRules, plain(after), plain(wanted), "replace").commands == ()


@settings(max_examples=100)
@given(configurations(), configurations())
def test_a_merge_that_is_proved_leaves_what_it_does_not_name(running, added):
    there = remedy(IosRules, plain(running), plain(added), "merge")
    if there.proof.verdict != "proved":
        assert there.proof.reason
        return
    after, refused = typed(running, there.commands)
    if not refused:  # a second BGP instance is the device's to refuse
        assert render(load(plain(added), load(plain(running)))) == after


BEFORE = "interface Ethernet1\n description a\n"


@pytest.mark.parametrize(
    ("why", "rules", "running", "wanted", "reason"),
    [
        (
            "entries without numbers stand in an order that hier_config makes up",
            IosRules,
            "ip access-list extended X\n permit ip any any\n",
            "ip access-list extended X\n deny ip any any\n permit ip any any\n",
            "not understood, first 'ip access-list extended X / permit ip any any'",
        ),
        (
            "a line that hier_config drops while it reads could not be brought back",
            IosRules,
            "interface Ethernet1\n no ip address\n description a\n",
            "interface Ethernet1\n description b\n ip address 10.0.0.1 255.255.255.0\n",
            "not understood, first 'interface Ethernet1 / no ip address'",
        ),
    ],
)
def test_what_cannot_be_carried_there_and_back_is_not_called_proved(why, rules, running, wanted, reason):
    proof = remedy(rules, running, wanted, "replace").proof
    assert proof.verdict == "not_proved", why
    assert reason in proof.reason


def test_remarks_of_access_lists_are_kept():
    running = "ip access-list extended X\n 10 remark let them in\n 20 permit ip any any\n"
    found = remedy(IosRules, running, running.replace("let them in", "and out"), "replace")
    assert found.proof.verdict == "proved"
    assert "10 remark and out" in found.commands


def test_a_neighbour_that_goes_is_not_named_after_it_is_gone():
    running = "router bgp 1\n neighbor 192.0.2.1 remote-as 2\n neighbor 192.0.2.1 description x\n"
    assert remedy(FrrRules, running, "router bgp 1\n", "replace").commands[-2] == "no neighbor 192.0.2.1 remote-as 2"


@pytest.mark.parametrize(
    "banner",
    [
        "banner login ^CAuthorised  only^C",
        "banner motd ^C\n  two\n\n  lines\n^C",
        "banner motd #\nhello #",
        "banner motd\nArista\nEOF",
        "banner login no mark at all",
        "banner motd ^C\nnever ended",
    ],
)
def test_a_banner_is_one_line_and_swallows_nothing_that_follows(banner):
    text = f"hostname a\n{banner}\nntp server 10.9.9.9\n"
    folded = fold(text).splitlines()
    assert folded[0] == "hostname a"
    assert folded[-1] == "ntp server 10.9.9.9"
    assert "\n".join(map(unfold, folded)) + "\n" == text
    found = remedy(IosRules, text, text.replace("10.9.9.9", "10.9.9.8"), "replace")
    assert found.commands == ("no ntp server 10.9.9.9", "ntp server 10.9.9.8")
    assert found.proof.verdict == "proved"
