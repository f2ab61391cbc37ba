# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where configurations, command lines and data files of any vendor keep secrets.

In doubt these mask: a masked word costs a glance, a shown secret costs a key. A platform's driver adds what only its
configurations say.
"""

import re

# A word, or what stands in quotes, however often those are escaped. Quotes, and a comma or semicolon that ends the
# statement, stay visible.
_WORD = r"""(?P<quote>\\*["'])?(?P<secret>(?(quote)(?:(?!(?P=quote))(?:\\.|.))+|\S+?(?=[;,]?(?:\s|$))))"""

# What stands between a keyword and its secret: `password 7 ...`, `secret sha512 ...`, `"token": ...`, `key = ...`.
_THEN = r"""(?:\\*["']?\s*[:=]\s*|\s+)"""
_KIND = (
    r"(?:(?:\d{1,2}|type\s+\d+|level\s+\d+|md5|sha\d*|sha-?\d+|hmac-\S+|aes(?:[- ]\d+)?|3des|des|encrypted|encryption|"
    r"hash(?:ed)?|hex(?:adecimal)?|ascii(?:-text)?|clear(?:-?text)?|plain(?:-?text)?|local|remote)\s+(?=\S))*"
)
# An error that speaks about a password is no password.
_NOT_PROSE = (
    r"(?!(?:a|an|and|are|as|at|be|because|by|can|cannot|differs|does|file|for|from|given|has|in|is|it|may|must|no|not|"
    r"of|on|or|set|should|that|the|this|to|was|were|which|will|with)\s)"
)


def _line(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


GENERIC_SECRETS: tuple[re.Pattern[str], ...] = (
    # password, secret and their kin, in a configuration, a data file or a command line
    _line(
        r"(?:pass(?:word|wd|phrase)|secret|credential|token|api[-_]?key|(?:access|auth|encryption|private|secret)[-_]?key)"
        + _THEN
        + _KIND
        + _NOT_PROSE
        + _WORD
    ),
    # the rest of the line is the secret, blanks included
    _line(
        r"^[-+\s]*(?:set\s+)?(?:neighbor\s+\S+\s+password|(?:enable\s+)?password|key-string|"
        r"ip\s+(?:ospf\s+authentication-key|rip\s+authentication\s+string))\s+(?:\d\s+(?=\S))?"
        r"(?P<secret>\S.*?)\s*;?\s*$"
    ),
    # keys: `key 7 ...` and `... server 10.0.0.1 key ...`, not `key chain ISP` nor the number of a key in a chain
    _line(
        r"(?<![\w-])(?:key|key-string|keystring|authentication-key)(?!-)"
        + _THEN
        + r"(?!chain\b|chains\b|generate\b|\d+\s*[;{]?\s*$)"
        + r"(?:\d{1,5}\s+(?=(?:md5|sha)))?"
        + _KIND
        + _NOT_PROSE
        + _WORD
    ),
    _line(r"(?<![\w-])(?:message-digest-key|authentication-key)\s+\d+\s+" + _KIND + _WORD),
    _line(r"(?<![\w-])md5\s+(?!key-?(?:string|chain)\b|auth)" + _KIND + _WORD),
    _line(r"(?:pre-?shared(?:-key|-secret)?|(?<![a-z])psk)" + _THEN + _KIND + _NOT_PROSE + _WORD),
    # SNMP: communities and the two passphrases of a v3 user; a BGP community (65000:1, members, a list's name) is none
    _line(r"(?:snmp\S*\s(?:.*\s)?|^[-+\s]*r[ow])community6?\s+(?:\d\s+(?=\S))?" + _WORD),
    _line(r"^[-+\s]*community\s+(?!\d+:)(?!\S+\s+(?:members|invert-match)\b)" + _WORD),
    _line(r"snmp\S*\s.*?\b(?:trap|inform)s?\s+(?:version\s+\S+\s+)?(?:(?:no)?auth\s+|priv\s+)?" + _WORD),
    _line(r"snmp-server\s+host\s+\S+\s+(?:vrf\s+\S+\s+)?version\s+(?:1|2c)\s+" + _WORD),
    _line(r"com2sec6?\s+\S+\s+\S+\s+" + _WORD),
    _line(r"\bauth\s+(?:md5|sha\S*)\s+" + _WORD),
    _line(r"\bpriv\s+(?:aes\S*(?:\s+(?:128|192|256))?|3?des)\s+" + _WORD),
    # hashes of crypt(3) and of the vendors who write theirs the same way
    _line(r"""(?P<secret>\$(?:1|2[abxy]?|5|6|7|8|9|14|y|gy|sha\d+)\$[^\s"';,]+)"""),
    # what HTTP and URLs carry
    _line(r"\b(?:bearer|basic)\s+(?P<secret>[\w.~+/=-]{8,})"),
    _line(r"://[^\s/:@]*:(?P<secret>\S+)@"),
    # A key in PEM form; re.DOTALL marks a pattern for the whole text. One whose end is cut off is masked to the end.
    re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----(?P<secret>.*?)(?:\\n|[-+\s])*(?:-----END|\Z)", re.DOTALL),
)
