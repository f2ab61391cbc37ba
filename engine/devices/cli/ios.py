# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cisco IOS and IOS-XE. Confirmed commit is the archive's revert timer."""

import math
import re

from ...errors import CommandFailed, NotHeld, Rejected, SessionLost
from ..base import Change, Held, Hold
from .driver import CliDriver
from .lines import LinesSession
from .platform import COMMON_SECRETS, Platform, patterns

HARMLESS = r"[Ww]arning|Note|Generating|Applying|Use '|The (?:key|fully)|Interface \S+ IPv4 disabled|.*\bwill be\b"
"""What IOS says after a percent sign of a line that it takes. Anything else stops the change: of a refusal that was
taken for a remark nobody would know."""

IOS = Platform(
    network_os=("ios", "cisco.ios.ios", "cisco.ios", "iosxe", "cisco.iosxe"),
    prompt=re.compile(r"[\w.\-@/:]{1,63}(?:\([\w.\-@/:+]{0,40}\))?[>#][ \t]?"),
    setup=("terminal length 0", "terminal width 511"),
    running="show running-config",
    startup="show startup-config",
    save="write memory",
    saved=re.compile(r"\[OK\]"),
    whole=re.compile(r"(?:\A|\n)end\n*\Z"),
    failure=re.compile(rf"^%(?![A-Z0-9_]+-\d-)(?! ?(?:{HARMLESS}))|^Command authorization failed"),
    volatile=re.compile(
        r"(?m)^(?:Building configuration\.\.\.|Current configuration : .*|Using \d+ out of \d+ bytes.*|"
        r"! (?:Last configuration change|NVRAM config last updated|No configuration change since last restart).*|"
        r"ntp clock-period .*)\n"
    ),
    secrets=patterns(*COMMON_SECRETS),
    rules="IosRules",
)

_TIMER = re.compile(r"Timer value: (?P<minutes>\d+) min")
_SINCE = re.compile(r"Time configured\S*\s*:?\s*(?P<when>.+)")
_CLOCK = re.compile(r"(?P<h>\d+):(?P<m>\d+):(?P<s>\d+)")
_DAY = 24 * 3600
_LONGEST = 120 * 60.0


class IosSession(LinesSession):
    """IOS takes a change back by replacing its configuration with the one that it archived when the change began."""

    async def apply(self, change: Change, hold: Hold | None = None) -> None:
        if hold is None:
            await self._change(change.wanted, change.mode)
            return
        minutes = max(1, math.ceil(hold.seconds / 60))
        if await self.held() is not None:
            raise Rejected(self._say("another change is held on it; confirm it or wait until it is taken back"))
        try:
            await self._change(change.wanted, change.mode, f"configure terminal revert timer {minutes}")
        except Rejected:
            if await self.held() is not None:
                await self._ask("configure revert now", changing=True)
            raise

    async def held(self) -> Held | None:
        """IOS does not say whose change it holds, nor takes a name for it."""
        if "not enabled" in await self._ask("show archive"):
            raise Rejected(
                self._say("IOS holds a change only with an archive; configure 'archive' with a 'path' on it")
            )
        answer = await self._ask("show archive config rollback timer")
        timer, since = _TIMER.search(answer), _SINCE.search(answer)
        if timer is None or since is None:
            return None
        now, then = _seconds(await self._ask("show clock")), _seconds(since["when"])
        return Held(None, float(int(timer["minutes"]) * 60 - (now - then) % _DAY))

    async def confirm(self, token: str) -> None:
        await self._settle("configure confirm", token)

    async def cancel(self, token: str) -> None:
        await self._settle("configure revert now", token)

    async def _settle(self, command: str, token: str) -> None:
        self._read_last = None
        answer = await self._ask(command, changing=True)
        if "No Rollback" in answer or "not" in answer.lower():
            raise NotHeld(self._say(f"no change is held for {token} any more: {answer.strip().lstrip('% ')}"))
        if self._refusal(answer):
            raise SessionLost(self._say(f"it refused '{command}', so the outcome is unknown: {self._refusal(answer)}"))


def _seconds(text: str) -> int:
    found = _CLOCK.search(text)
    if found is None:
        raise CommandFailed(f"'{text.strip()[:80]}' is not a time of day")
    return int(found["h"]) * 3600 + int(found["m"]) * 60 + int(found["s"])


DRIVERS = (CliDriver(IOS, IosSession, longest_hold=_LONGEST),)
