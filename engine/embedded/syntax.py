# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The router's configuration language, in the order in which it shows it."""

from collections.abc import Sequence

from .grammar import Entry, table

_INTERFACE: Sequence[Sequence[Entry]] = (
    ("description = <text>",),
    ("mtu = <mtu>",),
    ("ip address = <ip/len>",),
    ("shutdown",),
)

_ROUTE_MAP: Sequence[Sequence[Entry]] = (
    ("description = <text>",),
    ("match ip address prefix-list = <name>",),
    ("set community = <community> [additive]",),
    ("set local-preference = <number>",),
    ("set metric = <number>",),
    ("set as-path prepend = <text>",),
)

_BGP: Sequence[Sequence[Entry]] = (
    ("router-id = <ip>",),
    ("maximum-paths = <paths>",),
    ("timers bgp = <seconds> <seconds>",),
    ("graceful-restart",),
    ("redistribute (connected|static)",),
    ("network <prefix>",),
    (
        "neighbor <ip> remote-as = <asn>",
        "neighbor <ip> description = <text>",
        "neighbor <ip> password = <word>",
        "neighbor <ip> shutdown",
        "neighbor <ip> maximum-routes = <number>",
        "neighbor <ip> send-community",
        "neighbor <ip> route-map in = <name>",
        "neighbor <ip> route-map out = <name>",
    ),
)

SYNTAX = table(
    (
        (
            "hostname = <name>",
            "domain-name = <name>",
            "banner login = <text>",
            "username <name> secret = <word>",
        ),
        ("ntp server <ip> = [prefer]",),
        (
            "logging level = (emergencies|alerts|critical|errors|warnings|notifications|informational|debugging)",
            "logging host <ip>",
        ),
        (
            "snmp-server location = <text>",
            "snmp-server contact = <text>",
            "snmp-server community <word> = (ro|rw)",
        ),
        (("key chain <name>", ((("key <number>", (("key-string = <word>",),)),),)),),
        (("interface <interface>", _INTERFACE),),
        ("ip route <prefix> <next-hop>",),
        ("ip prefix-list <name> seq <seq> = (permit|deny) <prefix> [ge <length>] [le <length>]",),
        (("route-map <name> (permit|deny) <seq>", _ROUTE_MAP),),
        (("router bgp <asn>", _BGP),),
    ),
)
