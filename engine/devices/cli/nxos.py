# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cisco NX-OS. Its CLI has no confirmed commit: a hold is refused."""

import re
from dataclasses import replace

from .driver import CliDriver
from .ios import HARMLESS, IOS
from .lines import LinesSession
from .platform import COMMON_SECRETS, patterns

NXOS = replace(
    IOS,
    network_os=("nxos", "cisco.nxos.nxos", "cisco.nxos"),
    prompt=re.compile(r"[\w.\-]{1,63}(?:\(maint-mode\))?(?:\(conf[\w.\-@/:+]{0,40}\))?[>#][ \t]?"),
    save="copy running-config startup-config",
    saved=re.compile(r"100%|[Cc]opy complete"),
    whole=re.compile(r"(?m)^(?:hostname|switchname|version|feature|interface) "),
    failure=re.compile(rf"^%(?![A-Z0-9_]+-\d-)(?! ?(?:{HARMLESS}))|^(?:ERROR|Error): |^Syntax error"),
    volatile=re.compile(
        r"(?m)^(?:!Command: .*|!Running configuration last done at: .*|!Startup config saved at: .*|!Time: .*|"
        r"ntp clock-period .*)\n"
    ),
    secrets=patterns(*COMMON_SECRETS),
    rules="NxosRules",
)

DRIVERS = (CliDriver(NXOS, LinesSession),)
