# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the FRR driver knows about configurations without a router: equality, differences, order, secrets."""

import pickle

import pytest

from engine.devices import frr_tree
from engine.devices.frr import DRIVER
from engine.devices.frr_agent.order import keep

RUNNING = """\
Building configuration...

Current configuration:
!
frr version 8.4.4
frr defaults traditional
hostname leaf1
!
ip route 10.1.0.0/16 blackhole
!
interface eth1
 description to spine1
 ip address 192.0.2.1/24
exit
!
router bgp 65001
 no bgp ebgp-requires-policy
 neighbor 192.0.2.2 remote-as 65002
 !
 address-family ipv4 unicast
  network 10.0.0.1/32
 exit-address-family
exit
!
route-map OUT permit 10
 set metric 5
exit
!
end
"""


def test_what_the_command_adds_is_no_difference() -> None:
    file = "\n".join(line for line in RUNNING.splitlines()[4:] if line not in ("!", "end"))
    older = file.replace("frr version 8.4.4", "frr version 8.4.1") + "\nline vty\n"
    assert DRIVER.normalise(RUNNING) == DRIVER.normalise(file) == DRIVER.normalise(older)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("hostname leaf1", "hostname leaf2"),
        ("frr defaults traditional", "frr defaults datacenter"),
        (" set metric 5", " set metric 6"),
    ],
)
def test_what_means_something_is_a_difference(before: str, after: str) -> None:
    assert DRIVER.normalise(RUNNING) != DRIVER.normalise(RUNNING.replace(before, after))


FLAT = """\
router bgp 65001
neighbor 192.0.2.2 remote-as 65002
address-family ipv4 unicast
network 10.0.0.1/32
exit-address-family
exit
ip route 10.1.0.0/16 blackhole
"""
WITHOUT_EXIT = """\
router bgp 65001
 neighbor 192.0.2.2 remote-as 65002
 !
 address-family ipv4 unicast
  network 10.0.0.1/32
 exit-address-family
!
ip route 10.1.0.0/16 blackhole
"""


@pytest.mark.parametrize("config", [FLAT, WITHOUT_EXIT])
def test_blocks_are_found_by_words_with_and_without_indentation_or_exit(config: str) -> None:
    assert frr_tree.contexts(config) == {
        (): ["ip route 10.1.0.0/16 blackhole"],
        ("router bgp 65001",): ["neighbor 192.0.2.2 remote-as 65002"],
        ("router bgp 65001", "address-family ipv4 unicast"): ["network 10.0.0.1/32"],
    }


@pytest.mark.parametrize(
    ("fragment", "expected"),
    [
        ("router bgp 65001\n neighbor 192.0.2.2 remote-as 65002\n", ()),
        ("no ip route 10.9.0.0/16 blackhole\n", ()),
        ("router bgp 65001\n no bgp ebgp-requires-policy\n", ()),
        ("route-map OUT permit 10\n set metric 6\n", (" route-map OUT permit 10", "+ set metric 6")),
        ("route-map NEW permit 10\n set metric 6\n", ("+route-map NEW permit 10", "+ set metric 6")),
        ("no route-map OUT permit 10\n", ("-route-map OUT permit 10", "- set metric 5")),
        ("interface eth1\n no description\n", (" interface eth1", "- description to spine1")),
        ("router bgp 65001\n no bgp default ipv4-unicast\n", (" router bgp 65001", "+ no bgp default ipv4-unicast")),
    ],
)
def test_a_merge_shows_only_what_is_missing_or_there_to_go(fragment: str, expected: tuple[str, ...]) -> None:
    assert frr_tree.diff(RUNNING, *frr_tree.missing(RUNNING, fragment)) == expected


def test_a_replacement_reads_as_blocks_with_their_lines_below() -> None:
    lines = frr_tree.diff(
        RUNNING,
        deletes=[
            ["router bgp 65001", "no neighbor 192.0.2.2 remote-as 65002"],
            ["router bgp 65001", "bgp ebgp-requires-policy"],
            ["no route-map OUT permit 10"],
        ],
        adds=[
            ["no ip route 10.1.0.0/16 blackhole"],
            ["router bgp 65001", "neighbor 192.0.2.2 remote-as 65003"],
            ["router bgp 65001", "address-family ipv4 unicast", "network 10.0.0.2/32"],
        ],
    )
    assert lines == (
        " router bgp 65001",
        "- neighbor 192.0.2.2 remote-as 65002",
        "- no bgp ebgp-requires-policy",
        "+ neighbor 192.0.2.2 remote-as 65003",
        "  address-family ipv4 unicast",
        "+  network 10.0.0.2/32",
        "-route-map OUT permit 10",
        "- set metric 5",
        "-ip route 10.1.0.0/16 blackhole",
    )


@pytest.mark.parametrize(
    ("goal", "have", "kept"),
    [("abc", "abc", 3), ("abc", "bca", 1), ("abc", "acb", 2), ("abc", "bac", 1), ("abc", "cab", 2), ("abc", "ab", 2)],
)
def test_only_what_may_stay_in_place_stays(goal: str, have: str, kept: int) -> None:
    assert keep(list(goal), list(have)) == kept


@pytest.mark.parametrize(
    "line",
    [
        "password s3cret",
        "enable password 8 s3cret",
        "+ neighbor 192.0.2.2 password s3cret",
        "- neighbor FABRIC password s3cret",
        "   ip ospf authentication-key s3cret",
        " ip ospf message-digest-key 1 md5 s3cret",
        " area 0 virtual-link 192.0.2.1 message-digest-key 1 md5 s3cret",
        " ipv6 ospf6 authentication key-id 5 hash-algo hmac-sha-256 key s3cret",
        " ip rip authentication string s3cret",
        "  key-string s3cret",
        " area-password md5 s3cret authenticate snp validate",
        " domain-password clear s3cret",
        " isis password md5 s3cret",
        " ip nhrp authentication s3cret",
        "ip msdp peer 192.0.2.1 password s3cret",
        "snmp-server community s3cret RO",
        "rocommunity s3cret default",
    ],
)
def test_every_line_that_holds_a_secret_is_known(line: str) -> None:
    assert {match.group("secret") for match in (p.search(line) for p in DRIVER.secrets) if match} == {"s3cret"}


def test_a_line_about_passwords_that_holds_none_is_left_readable() -> None:
    lines = ["service password-encryption", "neighbor 192.0.2.2 description password reset desk", "key chain K"]
    assert not [line for line in lines for pattern in DRIVER.secrets if pattern.search(line)]


def test_the_driver_travels_to_a_worker() -> None:
    assert pickle.loads(pickle.dumps(DRIVER)).network_os == ("frr", "frr.frr.frr")
