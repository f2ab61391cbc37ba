# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cisco IOS-XR: a target configuration that is typed in, and committed over what runs or in its place.

A hold is refused although IOS-XR has ``commit confirmed``: only the session that began the trial can confirm it, to
any other it says that there is nothing to commit, and whoever confirms a rollout comes in another session. Over NETCONF
a trial has a name (``:confirmed-commit:1.1``), so there it can be held.
"""

import difflib
import re
from collections.abc import Iterator

from ...errors import CommandFailed, Rejected, SessionLost
from ..base import Change, Hold, Mode, WithoutHold
from .banners import fold, unfold
from .candidate import CandidateSession
from .driver import CliDriver
from .indented import raw_paths
from .platform import COMMON_SECRETS, Platform, patterns
from .session import lines_of
from .shell import literally

IOSXR = Platform(
    network_os=("iosxr", "cisco.iosxr.iosxr", "cisco.iosxr"),
    prompt=re.compile(r"[\w.\-@/:]{1,80}(?:\([\w.\-@/:+]{0,60}\))?#[ \t]?"),
    setup=("terminal length 0", "terminal width 511", "terminal exec prompt no-timestamp"),
    running="show running-config",
    whole=re.compile(r"(?:\A|\n)end\n*\Z"),
    failure=re.compile(
        r"^%(?![A-Z0-9_]+-\d-)(?! ?(?:WARNING|[Ww]arning|No configuration changes to commit))|^Cannot (?:enter|commit)"
    ),
    volatile=re.compile(
        r"(?m)^(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z]{2} +\d+ \d+:\d+:\d+(?:\.\d+)? \S+|"
        r"(?:!! ?)?Building configuration\.\.\.|!! IOS XR Configuration .*|!! Last configuration change at .*)\n"
    ),
    configure="configure exclusive",
    secrets=patterns(
        r"\b(?:encrypted|clear)\s+(?P<secret>\S+)",
        r"\bkey-string\s+password\s+(?P<secret>\S+)",
        r"\b(?:password|secret|key)\s+(?:[0-9]|10)\s+(?P<secret>\S+)",
        r"(?P<secret>\$[156]\$[^\s\"]+)",
        *COMMON_SECRETS,
    ),
)

_OPAQUE = re.compile(r"(?:route-policy|policy-global|[a-z-]+-set) ?")
"""What holds lines that are no commands: it has an end of its own and is left by that alone."""
_CLOSED = re.compile(r"end-(?:policy|global|set)\b")
_REASON = re.compile(r"(?m)^!!% ?(?P<why>.+)$")
_MARKS = {"+": "+", "+>": "+", "-": "-", "<-": "-", "": " "}
"""How a line of a replacement begins in its first three columns; ``#`` marks one that changes, old value and new."""
_REPLACING = ("Do you wish to proceed?", "yes")
_OVERTAKEN = ("with this commit anyway", "no")


class IosxrSession(WithoutHold, CandidateSession):
    """One target configuration for each session; this one locks the others out."""

    _typed = False
    """Something has been typed into the target configuration."""

    async def apply(self, change: Change, hold: Hold | None = None) -> None:
        self.refuse_hold(hold)
        await super().apply(change)

    async def _enter(self, hold: Hold | None = None) -> None:
        await super()._enter(hold)
        self._typed = False

    async def _load(self, mode: Mode, text: str) -> None:  # noqa: ARG002 - the commit tells them apart
        self._require_typable(text)
        if self._typed:
            await self._drop()
            await self._enter()
        self._typed = True
        # The indentation of the lines whose submodes are open; comments end none of them.
        levels: list[int] = []
        opaque = False
        for number, line in enumerate(lines_of(fold(text)), start=1):
            command = unfold(line.lstrip(" "))
            if not command or (not opaque and (command.startswith("!") or command == "end")):
                continue
            if not opaque:
                await self._leave(levels, len(line) - len(line.lstrip(" ")))
            opens = not levels and _OPAQUE.match(command) is not None
            opaque = not _CLOSED.match(command) and (opaque or opens)
            before = self._shell.prompt
            await self._take(number, command)
            if self._on_top():
                levels.clear()
            elif self._shell.prompt != before:
                levels.append(len(line) - len(line.lstrip(" ")))
        await self._leave(levels, 0)

    async def _take(self, number: int, command: str) -> None:
        answer = await self._ask(literally(command))
        if reason := self._refusal(answer):
            word = command.split(maxsplit=1)[0]
            raise Rejected(self._say(f"the device refused the configuration: {reason} at line {number} ('{word} ...')"))
        if not self._configuring():
            raise CommandFailed(self._say(f"it left configuration mode at line {number}; look at it in a terminal"))

    async def _leave(self, levels: list[int], indent: int) -> None:
        while levels and levels[-1] >= indent:
            levels.pop()
            await self._ask("exit")

    def _on_top(self) -> bool:
        return self._shell.prompt.endswith("(config)#")

    async def _compare(self, mode: Mode) -> tuple[str, ...]:
        running = await self._read(f"do {self._platform.running}")
        if mode == "replace":
            answer = await self._ask("show configuration changes diff")
            if not self._platform.whole.search(answer):
                raise CommandFailed(self._say("it does not show what the change would be; look at it in a terminal"))
            return tuple(_marked(self._platform.volatile.sub("", answer), running))
        # What IOS-XR shows itself of a merge ('show commit changes diff') is known to be wrong.
        after = await self._read("show configuration merge")
        found = difflib.unified_diff(_meaningful(running), _meaningful(after), lineterm="")
        return tuple(line for line in found if not line.startswith(("--- ", "+++ ", "@@ ")))

    async def _commit(self, mode: Mode, hold: Hold | None = None) -> None:  # noqa: ARG002 - held there is none
        command = "commit replace" if mode == "replace" else "commit"
        answer = await self._ask(command, replies=(_OVERTAKEN, _REPLACING), changing=True)
        if reason := self._refusal(answer):
            why = _REASON.search(await self._ask("show configuration failed"))
            await self._abandon()
            raise Rejected(self._say(f"the device refused the commit: {why['why'].rstrip('.') if why else reason}"))
        if not self._configuring():
            raise SessionLost(self._say("its answer to the commit cannot be understood, so the outcome is unknown"))
        await self._ask(self._platform.leave, changing=True)

    async def _drop(self) -> None:
        await self._ask("abort")


def _meaningful(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines() if line.strip() not in ("", "!", "end")]


def _marked(answer: str, running: str) -> Iterator[str]:
    """The lines of a replacement as those of ``Change.diff``."""
    there = set(raw_paths(running))
    lines = [line for line in answer.splitlines() if line[3:].strip() not in ("", "!") and line.strip() != "end"]
    texts = [line[3:] for line in lines]
    depths = [len(text) - len(text.lstrip(" ")) for text in texts]
    for number, (line, path) in enumerate(zip(lines, raw_paths("\n".join(texts)), strict=True)):
        mark = line[:3].strip()
        if mark != "#":
            sign = _MARKS.get(mark, " ")
        elif depths[number + 1 : number + 2] > depths[number : number + 1]:
            sign = " "
        else:
            sign = "-" if path in there else "+"
        yield f"{sign}{texts[number]}"


DRIVERS = (CliDriver(IOSXR, IosxrSession),)
