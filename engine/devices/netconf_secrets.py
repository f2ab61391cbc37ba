# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where configurations in XML hold secrets: in leafs whose names say so, whatever the model is.

Both in lines as ``netconf_xml.lines`` writes them and in XML as devices quote it in their errors. YANG names read:
ietf-system, ietf-snmp, ietf-key-chain, ietf-keystore, OpenConfig and Junos.
"""

import re

_LEAF = (
    r"[\w.-]*(?:pass(?:word|wd|phrase|code)|secret|credential|token|psk|private-key|pre-shared|shared-key|"
    r"auth(?:entication)?-key|encryption-key|priv(?:acy)?-key|key-(?:string|data|value|material)|keystring|"
    r"hexadecimal-string|community-(?:name|string)|crypt-hash)[\w.-]*"
)

SECRETS: tuple[re.Pattern[str], ...] = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # a leaf in a diff: name, perhaps its module and attributes, value to the end of the line
        rf"^[-+\s]*{_LEAF}(?: \(\S+\))?(?: @\S+=\S+)* (?P<secret>\S.*)$",
        r"^[-+\s]*(?:key|community)(?: \(\S+\))? (?P<secret>[^\[(].*)$",
        # a list entry that is known by a secret: Junos' and others' SNMP communities
        r"^[-+\s]*community \[\S+ (?P<secret>[^\]]*)\]",
        rf"\[{_LEAF} (?P<secret>[^\]]*)\]",
        # XML itself
        rf"<(?:[\w.-]+:)?(?:{_LEAF}|key|community)(?:\s[^>]*)?>(?P<secret>[^<]+)<",
    )
)
