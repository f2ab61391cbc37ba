# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where FRR configurations hold secrets.

From the command reference of FRR 10 (docs.frrouting.org), read for every line that takes a password, key or community.
Each pattern matches within a line, so that it holds in a diff and below any indentation; the group ``secret`` is what
is masked.
"""

import re

SECRETS: tuple[re.Pattern[str], ...] = tuple(
    re.compile(pattern)
    for pattern in (
        # vtysh and daemon logins: password [8] WORD, enable password [8] WORD
        r"^[\s+-]*(?:enable\s+)?password\s+(?:8\s+)?(?P<secret>\S.*?)\s*$",
        # bgpd, ldpd: neighbor X password LINE, which may hold spaces
        r"\bneighbor\s+\S+\s+password\s+(?P<secret>\S.*?)\s*$",
        # isisd, fabricd: area-password | domain-password (clear | md5) WORD [authenticate snp ...]
        r"\b(?:area-password|domain-password)\s+(?:clear|md5)\s+(?P<secret>\S+)",
        # isisd, fabricd on an interface: isis password (clear | md5) WORD
        r"\b(?:isis|openfabric)\s+password\s+(?:clear|md5)\s+(?P<secret>\S+)",
        # ospfd: ip ospf authentication-key WORD; area N virtual-link A authentication-key WORD
        r"\bauthentication-key\s+(?P<secret>\S+)",
        # ospfd: (ip ospf | area N virtual-link A) message-digest-key N md5 WORD
        r"\bmessage-digest-key\s+\d+\s+md5\s+(?P<secret>\S+)",
        # ospf6d: ipv6 ospf6 authentication key-id N hash-algo A key WORD
        r"\bhash-algo\s+\S+\s+key\s+(?P<secret>\S+)",
        # ripd: ip rip authentication string LINE
        r"\bip\s+rip\s+authentication\s+string\s+(?P<secret>\S.*?)\s*$",
        # key chains
        r"\bkey-string\s+(?P<secret>\S.*?)\s*$",
        # nhrpd: (ip) nhrp authentication WORD
        r"\bnhrp\s+authentication\s+(?P<secret>\S+)",
        # pimd: ip msdp peer A password WORD
        r"\bip\s+msdp\s+peer\s+\S+\s+password\s+(?P<secret>\S+)",
        # pathd: pcc tcp-md5-auth WORD
        r"\btcp-md5-auth\s+(?P<secret>\S+)",
        # SNMP: community names stand in snmpd.conf, and in traps of other platforms' syntax in shared templates
        r"\bsnmp-server\s+community\s+(?P<secret>\S+)",
        r"\b(?:ro|rw)community6?\s+(?P<secret>\S+)",
    )
)
