# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ruleset that is made of ports and peers."""

import pytest

from plugins.module_utils._peer_rules import (
    Ports,
    RuleError,
    comparable,
    merge,
    parse_peer,
    parse_port,
    refuse_protected,
    render,
)


@pytest.mark.parametrize(
    ("text", "ports"),
    [
        ("6379", Ports("tcp", 6379, 6379)),
        ("20000-20999", Ports("tcp", 20000, 20999)),
        ("4789/udp", Ports("udp", 4789, 4789)),
        (" 80/tcp ", Ports("tcp", 80, 80)),
    ],
)
def test_a_port_is_a_number_or_a_range_with_a_protocol(text, ports):
    assert parse_port(text) == ports


@pytest.mark.parametrize("text", ["", "ssh", "0", "65536", "10-9", "1-2-3", "80/sctp", "80;drop"])
def test_what_is_no_port_is_refused_with_an_example(text):
    with pytest.raises(RuleError, match="port"):
        parse_port(text)


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("192.0.2.7", "192.0.2.7/32"),
        ("192.0.2.7/24", "192.0.2.0/24"),
        ("2001:db8::1", "2001:db8::1/128"),
        ("::ffff:192.0.2.7", "192.0.2.7/32"),
    ],
)
def test_a_peer_is_an_address_or_a_network(text, network):
    assert str(parse_peer(text)) == network


@pytest.mark.parametrize("text", ["head.example", "192.0.2.300", "", "10.0.0.0/8; accept"])
def test_a_name_is_no_peer(text):
    with pytest.raises(RuleError, match="not an address"):
        parse_peer(text)


def test_ranges_that_overlap_or_touch_become_one():
    ports = [parse_port(each) for each in ("10-20", "15-30", "31", "40", "15/udp")]
    assert merge(ports) == [Ports("tcp", 10, 31), Ports("tcp", 40, 40), Ports("udp", 15, 15)]


@pytest.mark.parametrize("text", ["22", "1-65535", "20-30"])
def test_a_range_that_covers_ssh_is_refused_with_the_reason(text):
    with pytest.raises(RuleError, match="port 22, and that must stay open: it is SSH's"):
        refuse_protected([parse_port(text)], {22: "it is SSH's"})


def test_udp_on_the_same_number_is_no_danger_for_ssh():
    refuse_protected([parse_port("22/udp")], {22: "it is SSH's"})


def test_the_file_replaces_the_whole_table_in_one_transaction():
    lines = render([parse_port("6379")], [parse_peer("192.0.2.1")], "drop").splitlines()
    assert lines[1:4] == [
        "add table inet raywright_fleet",
        "delete table inet raywright_fleet",
        "table inet raywright_fleet {",
    ]


def test_without_ipv6_peers_nobody_comes_in_over_ipv6():
    text = render([parse_port("6379")], [parse_peer("192.0.2.1")], "drop")
    assert "ip6 saddr" not in text
    assert "peers6" not in text
    assert text.count("counter drop") == 1


def test_every_chain_that_sees_all_packets_accepts_by_default():
    text = render([parse_port("6379")], [parse_peer("192.0.2.1")], "drop")
    assert [line for line in text.splitlines() if "hook" in line] == [
        "\t\ttype filter hook prerouting priority mangle; policy accept;"
    ]


def test_a_rejection_resets_tcp_connections():
    assert "reject with tcp reset" in render([parse_port("6379")], [parse_peer("192.0.2.1")], "reject")


def test_handles_and_counters_do_not_make_two_loads_different():
    def listing(handle, packets):
        return {
            "nftables": [
                {"metainfo": {"version": str(handle)}},
                {"rule": {"handle": handle, "expr": [{"counter": {"packets": packets, "bytes": 1}}, {"drop": None}]}},
            ]
        }

    assert comparable(listing(1, 2)) == comparable(listing(3, 4)) != comparable({"nftables": []})
