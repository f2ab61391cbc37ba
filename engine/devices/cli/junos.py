# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Juniper Junos: a candidate, compared and checked by the device itself, committed on trial where that is asked for."""

import math
import re

from ...errors import CommandFailed, NotHeld, Rejected, SessionLost
from ..base import Held, Hold, Mode
from .candidate import CandidateSession
from .driver import CliDriver
from .platform import Platform, patterns

JUNOS = Platform(
    network_os=("junos", "junipernetworks.junos.junos", "junipernetworks.junos"),
    prompt=re.compile(r"[\w\-@()/:.]{1,80}[>#][ \t]?"),
    setup=("set cli screen-length 0", "set cli screen-width 511", "set cli complete-on-space off"),
    running="show configuration | no-more",
    whole=re.compile(r"[;}](?: ## \S+)?\n*\Z"),
    failure=re.compile(
        r"^(?:error: |unknown command|missing argument|invalid )|\bsyntax error|is ambiguous|"
        r"^(?:commit|configuration check) failed|^load complete \(\d+ errors\)"
    ),
    volatile=re.compile(r"(?m)^## Last (?:commit|changed): .*\n"),
    comment="##",
    rename=re.compile(r"(?m)^\s*host-?name +(\S+?);"),
    configure="configure exclusive",
    leave="exit configuration-mode",
    secrets=patterns(
        r"(?P<secret>\"[^\"]*\"|\S+);\s*## SECRET-DATA",
        r"\b(?:encrypted-password|authentication-key|simple-password|secret|password)\s+(?P<secret>\"[^\"]*\"|[^\s;]+)",
        r"\bpre-shared-key\s+(?:ascii-text|hexadecimal)\s+(?P<secret>\"[^\"]*\"|[^\s;]+)",
        r"\b(?:(?:authentication|privacy|auth)-password|key-string|md5\s+\d+\s+key)\s+(?P<secret>\"[^\"]*\"|[^\s;]+)",
        r"\bsnmp(?:-server)?\s+community\s+(?P<secret>[^\s;{]+)",
        r"^[\s+-]*community\s+(?P<secret>[^\s;{]+)\s*\{",
        r"(?P<secret>\$[1569]\$[^\s;\"]+)",
    ),
)

_LOADED = re.compile(r"(?m)^load complete$")
_LEVEL = re.compile(r"(?m)^\[edit[^\]\n]*\]\n?(?=\Z)")
_ENTRY = re.compile(
    r"^(?P<number>\d+) +.* by (?P<user>\S+) via \S+"
    r"(?: commit confirmed, rollback in (?P<left>\d+) ?(?P<unit>mins?|secs?))?"
)
_LONGEST = 65535 * 60.0


class JunosSession(CandidateSession):
    """One candidate for all, which is locked for this session."""

    async def held(self) -> Held | None:
        entries = await self._entries()
        if not entries or not entries[0][0]["left"]:
            return None
        entry, comment = entries[0]
        return Held(comment or None, float(entry["left"]) * (60 if entry["unit"].startswith("min") else 1))

    async def confirm(self, token: str) -> None:
        await self._held_under(token)
        await self._enter()
        await self._make("commit")
        # Had the time been over before our commit came, one of root's would stand between it and the one on trial.
        entries = await self._entries()
        if len(entries) < 2 or entries[1][1] != token:  # noqa: PLR2004 - ours, and the one that it confirms
            raise NotHeld(self._say(f"the change held for {token} was taken back before it could be confirmed"))

    async def cancel(self, token: str) -> None:
        await self._held_under(token)
        await self._enter()
        answer = await self._ask("rollback 1")
        if not _LOADED.search(answer):
            await self._abandon()
            raise CommandFailed(self._say(f"it does not load what ran before: {self._refusal(answer)}"))
        self._expect_renaming(await self._ask("show | no-more"))
        await self._make("commit")

    async def _entries(self) -> list[tuple[dict[str, str], str]]:
        """The last commits with their comments, the latest first."""
        found: list[tuple[dict[str, str], str]] = []
        for line in (await self._ask("show system commit | no-more")).splitlines():
            entry = _ENTRY.match(line)
            if entry:
                found.append((entry.groupdict(default=""), ""))
            elif line.startswith("    ") and found and not found[-1][1]:
                found[-1] = (found[-1][0], line.strip())
        return found

    async def _may_check(self) -> bool:
        # 'commit check' confirms what is on trial, whoever's it is.
        return await self.held() is None

    def _configuring(self) -> bool:
        return self._shell.prompt.endswith("#")

    async def _commit(self, mode: Mode, hold: Hold | None = None) -> None:  # noqa: ARG002 - the same for both
        await self._make(f'commit confirmed {_minutes(hold)} comment "{hold.token}"' if hold else "commit")

    async def _make(self, command: str) -> None:
        answer = await self._ask(command, changing=True)
        if "commit complete" in answer:
            await self._ask(self._platform.leave, changing=True)
            return
        reason = self._refusal(answer)
        await self._abandon()
        if not reason:
            raise SessionLost(self._say("its answer to the commit cannot be understood, so the outcome is unknown"))
        raise Rejected(self._say(f"the device refused the commit: {reason}"))

    async def _load(self, mode: Mode, text: str) -> None:
        if "\x04" in text:
            raise Rejected(self._say("the configuration holds an end-of-file character; remove it"))
        how = "override" if mode == "replace" else "merge"
        body = text if text.endswith("\n") else f"{text}\n"
        answer = await self._ask(f"load {how} terminal\n{body}", end=b"\x04")
        if not _LOADED.search(answer):
            raise self._refused(answer)

    async def _check(self) -> None:
        answer = await self._ask("commit check")
        if "configuration check succeeds" not in answer:
            raise self._refused(answer)

    async def _compare(self, mode: Mode) -> tuple[str, ...]:  # noqa: ARG002 - the same for both
        answer = _LEVEL.sub("", (await self._ask("show | compare | no-more")).rstrip("\n") + "\n").strip("\n")
        return tuple(line if line[:1] in "+-" else f" {line}" for line in answer.splitlines() if line.strip())

    async def _drop(self) -> None:
        # It was locked for this session, so a session that is gone took it along.
        await self._ask("rollback 0")
        await self._ask(self._platform.leave)


def _minutes(hold: Hold) -> int:
    return max(1, math.ceil(hold.seconds / 60))


DRIVERS = (CliDriver(JUNOS, JunosSession, longest_hold=_LONGEST),)
