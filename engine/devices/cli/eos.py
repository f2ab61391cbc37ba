# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Arista EOS: a named configuration session is the candidate, and a commit timer takes a change back.

A session outlives the connection that opened it, and EOS keeps five. So each of ours has a name of its own, which
begins with what tells it from other people's and ends with the run that it is held for; one that a lost connection has
left behind is aborted when the next is opened.
"""

import asyncio
import math
import re
import secrets
import time

from ...errors import CommandFailed, NotHeld, Rejected, SessionLost
from ..base import Held, Hold, Mode, Snapshot
from .candidate import CandidateSession
from .driver import CliDriver
from .platform import COMMON_SECRETS, Platform, patterns
from .session import lines_of

EOS = Platform(
    network_os=("eos", "arista.eos.eos", "arista.eos"),
    prompt=re.compile(r"[\w.\-@/:\[\]]{1,63}(?:\([\w.\-@/:+]{0,63}\)){0,3}[>#][ \t]?"),
    # cEOS closes the session at a width of 32767.
    setup=("terminal length 0", "terminal width 511"),
    running="show running-config",
    startup="show startup-config",
    save="write memory",
    saved=re.compile(r"Copy completed successfully"),
    whole=re.compile(r"(?:\A|\n)end\n*\Z"),
    failure=re.compile(r"^%(?![A-Z0-9_]+-\d-)(?! ?[Ww]arning)|number of pending sessions has been reached"),
    volatile=re.compile(r"(?m)^! (?:Command: |Startup-config last modified at |device: ).*\n"),
    configure="configure session",
    secrets=patterns(
        # In the patterns of IOS the kind of a secret (sha512) would pass for the secret.
        r"\b(?:secret|password|key|passphrase|shared-(?:secret|key))\s+(?:\S+\s+){0,3}?(?:0|5|7|8a|sha512|\*)\s+"
        r"(?P<secret>[^\s,]+)",
        r"\bntp\s+authentication-key\s+\d+\s+\S+\s+(?:\d+\s+)?(?P<secret>\S+)",
        r"\b(?:auth|priv)\s+(?:md5|sha\S*|des|3des|aes\S*)\s+(?P<secret>\S+)",
        r"(?P<secret>\$[156]\$[^\s\"]+)",
        *COMMON_SECRETS,
    ),
)

_INVITATION = re.compile(rb"control-d\s*\Z", re.IGNORECASE)
_COPIED = "Copy completed successfully"
_TOKEN = re.compile(r" ?\(at token \d+: .*?\)(?= at line |$)")
"""Where EOS repeats the word that it does not take, which may be a secret."""
_HEADERS = ("--- system:", "+++ session:", "@@ ", "\\ No newline")
_OURS = re.compile(r"raywright-(?P<since>[0-9a-f]{8})[0-9a-f]{4}-(?P<token>\S+)")
_WAITING = re.compile(r"(?m)^[* ] +(?P<name>\S+) +pending(?: +(?P<inside>\S.*?))? *$")
# Until 4.2x the state of the session says it and its row how long, later two lines above the table.
_ON_TRIAL = re.compile(r"(?m)^[* ] +(?P<name>\S+) +pendingCommitTimer\b.*?(?<!\S)(?P<left>(?:\d+[dhms])+)(?!\S)")
_TRIAL = re.compile(
    r"(?m)^Session with pending commit timer: (?P<name>\S+)\nTime left until commit timer expiry: (?:in )?(?P<left>.+)$"
)
_TRIAL_SAID = re.compile(r"pendingCommitTimer|Session with pending commit timer:")
_CLOCK = re.compile(r"(?:(?P<days>\d+) days?,? )?(?P<hours>\d+):(?P<minutes>\d+):(?P<seconds>\d+)")
_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_LONGEST = 24 * 3600.0
"""EOS discards a session that has waited for a day."""
_STALE = 3600
"""No candidate of ours is open for so many seconds, whoever EOS believes to be in it."""


class EosSession(CandidateSession):
    """A candidate for each session, none of which keeps another out."""

    _on_trial = ""
    """The name of the session that was found on trial last."""

    async def held(self) -> Held | None:
        answer = await self._sessions()
        trial = _TRIAL.search(answer) or _ON_TRIAL.search(answer)
        if trial is None:
            if _TRIAL_SAID.search(answer):
                raise CommandFailed(self._say("a change is on trial on it, but how long cannot be understood"))
            return None
        self._on_trial = trial["name"]
        ours = _OURS.fullmatch(trial["name"])
        return Held(ours["token"] if ours else trial["name"], _seconds(trial["left"]))

    async def confirm(self, token: str) -> None:
        asked = asyncio.get_running_loop().time()
        held = await self._held_under(token)
        await self._settle(token, "commit")
        if asyncio.get_running_loop().time() - asked > held.remaining - 1:
            # Nothing says that EOS refuses the name of a session that has been taken back meanwhile.
            raise SessionLost(self._say("it was confirmed when its time was over, so the outcome is unknown"))

    async def cancel(self, token: str) -> None:
        await self._held_under(token)
        self._shell.will_be_renamed()
        await self._settle(token, "abort")
        if (left := await self.held()) is not None and left.token == token:
            raise CommandFailed(self._say(f"it still holds the change of {token} although it was told to abort it"))

    async def restore(self, snapshot: Snapshot) -> None:
        await super().restore(snapshot)
        command = self._platform.startup
        if command is None or snapshot.startup is None or await self._read(command) == snapshot.startup:
            return
        if self._normal(snapshot.startup) == self._normal(snapshot.running):
            await self.save()
        else:
            await self._type_in("copy terminal: startup-config", snapshot.startup)

    async def _settle(self, token: str, verb: str) -> None:
        answer = await self._ask(f"configure session {self._on_trial} {verb}", changing=True)
        if reason := self._refusal(answer):
            if await self.held() is None:
                raise NotHeld(self._say(f"no change is held for {token} any more: {reason}"))
            raise SessionLost(
                self._say(f"it did not {verb} the change of {token}, so the outcome is unknown: {reason}")
            )

    async def _sessions(self) -> str:
        answer = await self._ask("show configuration sessions detail")
        if reason := self._refusal(answer):
            raise CommandFailed(self._say(f"it does not show its configuration sessions: {reason}"))
        return answer

    async def _enter(self, hold: Hold | None = None) -> None:
        await self._clear_away()
        # Nobody can be in a session of this name, so it begins as what runs now.
        name = f"raywright-{int(time.time()):08x}{secrets.token_hex(2)}-{hold.token if hold else 'unheld'}"
        await self._configure(f"{self._platform.configure} {name}")

    async def _clear_away(self) -> None:
        """Abort the sessions that lost connections of ours have left behind."""
        for session in _WAITING.finditer(await self._sessions()):
            ours = _OURS.fullmatch(session["name"])
            if ours and (not session["inside"] or time.time() - int(ours["since"], 16) > _STALE):
                await self._ask(f"{self._platform.configure} {session['name']} abort")

    def _configuring(self) -> bool:
        return "(config" in self._shell.prompt

    async def _load(self, mode: Mode, text: str) -> None:
        if mode == "replace" and self._refusal(answer := await self._ask("rollback clean-config")):
            raise self._refused(answer)
        await self._type_in("copy terminal: session-config", text)

    async def _type_in(self, command: str, text: str) -> None:
        """Give a command a text to read. Line by line it would be an exchange each, and a banner could not be told
        from the commands after it.
        """
        self._require_typable(text, edited=False)
        lines = lines_of(text)
        body = "".join(f"{line}\n" for line in lines)
        answer = await self._ask(command, typed=(_INVITATION, body.encode() + b"\x04"), replies=(("[confirm]", ""),))
        if reason := self._complaint(answer, set(lines)):
            raise Rejected(self._say(f"the device refused the configuration: {reason}"))
        if _COPIED not in answer:
            raise CommandFailed(self._say(f"its answer to '{command}' cannot be understood; look at it in a terminal"))

    def _complaint(self, answer: str, typed: set[str]) -> str:
        """What EOS refuses of a text, with the first word of the line. The text itself is echoed, and may hold lines
        that look like a refusal.
        """
        word = ""
        for line in answer.splitlines():
            if line.startswith("> ") and line not in typed:
                word = line.removeprefix("> ").split(maxsplit=1)[0] if line[2:].strip() else ""
            elif self._platform.failure.search(line) and line not in typed:
                reason = _TOKEN.sub("", line.strip().lstrip("% ").rstrip("."))
                return f"{reason} ('{word} ...')" if word else reason
        return ""

    async def _compare(self, mode: Mode) -> tuple[str, ...]:  # noqa: ARG002 - the same for both
        answer = await self._ask("show session-config diffs")
        shown = [line for line in answer.splitlines() if line.strip(" !") and not line.startswith(_HEADERS)]
        if self._refusal(answer) or (shown and not any(line[0] in "+-" for line in shown)):
            raise CommandFailed(self._say("it does not show what the change would be; look at it in a terminal"))
        return tuple(line if line[0] in "+- " else f" {line}" for line in shown)

    async def _commit(self, mode: Mode, hold: Hold | None = None) -> None:  # noqa: ARG002 - the same for both
        answer = await self._ask(f"commit timer {_clock(hold)}" if hold else "commit", changing=True)
        reason, refused = self._refusal(answer), self._configuring()
        if refused:
            await self._abandon()
            if reason:
                raise Rejected(self._say(f"the device refused the commit: {reason}"))
        if refused or reason:
            raise SessionLost(
                self._say(f"its answer to the commit cannot be understood, so the outcome is unknown: {reason}")
            )

    async def _drop(self) -> None:
        await self._ask("abort")


def _clock(hold: Hold) -> str:
    seconds = max(1, math.ceil(hold.seconds))
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def _seconds(text: str) -> float:
    """Seconds of ``4m56s`` or ``0:04:56``."""
    if clock := _CLOCK.search(text):
        days, hours, minutes, seconds = (int(part or 0) for part in clock.groups())
        return float(86400 * days + 3600 * hours + 60 * minutes + seconds)
    return float(sum(int(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+)([dhms])", text)))


DRIVERS = (CliDriver(EOS, EosSession, longest_hold=_LONGEST),)
