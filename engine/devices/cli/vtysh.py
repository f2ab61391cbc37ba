# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""FRR by its shell, vtysh, as if it were any network device. For tests: the driver for FRR is ``frr``.

scrapli's definition for vtysh has a typo in its way to configuration mode, so this is our own.
"""

import re
from dataclasses import replace

from ..frr_secrets import SECRETS
from .driver import CliDriver
from .ios import IOS
from .lines import LinesSession

VTYSH = replace(
    IOS,
    network_os=("vtysh", "raywright.fleet.vtysh"),
    start="vtysh",
    setup=("terminal length 0",),
    startup=None,
    save="write memory",
    saved=re.compile(r"\[OK\]|saved to"),
    failure=re.compile(r"^% |^(?:Configuration failed|line \d+: )|^Error "),
    volatile=re.compile(r"(?m)^(?:Building configuration\.\.\.|Current configuration:)\n"),
    secrets=SECRETS,
    rules="FrrRules",
)

DRIVERS = (CliDriver(VTYSH, LinesSession),)
