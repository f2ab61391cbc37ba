# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The embedded fleet's routers: a candidate configuration, loaded, checked and committed over one interactive shell.

The device itself computes the change, so the plan shows what this router would do and not what a model of it would.
"""

import asyncio
import math
import re
from collections.abc import Sequence

import asyncssh

from ..errors import CommandFailed, NotHeld, Rejected, SessionLost
from .base import UNPROVABLE, Change, Device, Held, Hold, Mode, Proof, Session, Snapshot
from .candidate import not_taken_back, proof_of
from .ssh import OUTPUT_LIMIT, connect, where

_PROMPT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}(?:>|\(config\)#) ")
_PROMPT_OF_A_LINE = re.compile(rf"^{_PROMPT.pattern}", re.MULTILINE)
_PROMPT_ENDS = ("> ", "# ")
_BEGINNING = 1 << 20
_RUNNING = "show running-config"
_STARTUP = "show startup-config"
_ERROR = "% "
_REFUSED = "% Commit refused:"
_COMMITTED = "Commit complete"
_CHECKED = "Configuration check succeeded"
_PENDING = re.compile(r"Persist id (?P<whose>\S+): the commit is undone in (?P<seconds>\d+) s unless it is confirmed\n")
_NONE_PENDING = "No commit waits for its confirmation\n"


class _Shell(asyncssh.SSHClientSession[str]):
    """One shell channel, prompt by prompt. Without a terminal: there is no echo to take out again."""

    def __init__(self) -> None:
        self._channel: asyncssh.SSHClientChannel[str] | None = None
        self._parts: list[str] = []
        self._size = 0
        self._expected = 1
        self.configuring = False
        self._answers: asyncio.Future[list[str]] = asyncio.get_running_loop().create_future()

    def connection_made(self, chan: asyncssh.SSHClientChannel[str]) -> None:
        self._channel = chan

    def data_received(self, data: str, datatype: asyncssh.DataType) -> None:  # noqa: ARG002 - asyncssh's signature
        if self._answers.done() and self._size > OUTPUT_LIMIT:
            return
        self._parts.append(data)
        self._size += len(data)
        if self._answers.done():
            return
        if self._size > OUTPUT_LIMIT:
            # What follows would be held in memory for nothing; the beginning tells whose answer it is.
            self._parts = ["".join(self._parts)[:_BEGINNING]]
            if self._channel is not None:
                self._channel.abort()
            self._answers.set_exception(CommandFailed(f"more than {OUTPUT_LIMIT >> 20} MiB"))
        elif "".join(self._parts[-2:]).endswith(_PROMPT_ENDS):
            found, rest = _cut("".join(self._parts))
            # More than one each where it took the input of one for commands: its answer will say so.
            if len(found) >= self._expected and not rest:
                self._answers.set_result(found[: self._expected])

    def connection_lost(self, exc: Exception | None) -> None:
        self._channel = None
        if not self._answers.done():
            self._answers.set_exception(exc or asyncssh.ConnectionLost("the device closed the session"))

    async def ask(self, *commands: str) -> list[str]:
        """Send commands together and wait for the prompt after the last; gives what came for each, in order.

        Each must be one that gives one prompt, whatever became of those before it.
        """
        if self._channel is None or self._channel.is_closing():
            raise asyncssh.ConnectionLost("the session is closed")
        self._parts, self._size, self._expected = [], 0, len(commands)
        self._answers = asyncio.get_running_loop().create_future()
        self._channel.write("".join(f"{command}\n" for command in commands))
        return await self.prompt()

    async def prompt(self) -> list[str]:
        answers = await self._answers
        self.configuring = "".join(self._parts[-2:]).endswith("# ")
        return answers

    @property
    def answered(self) -> int:
        """How many of the commands have had their answer."""
        return len(_cut("".join(self._parts))[0])

    def end(self) -> None:
        # Nobody waits any more; an exception that nobody fetches would be logged.
        self._answers.cancel()
        if self._channel is not None:
            self._channel.close()


def _cut(text: str) -> tuple[list[str], str]:
    """Cut what came at its prompts; gives the answers before them, and what comes after the last."""
    answers, begin = [], 0
    # An answer without a line leaves its prompt where the last one ended.
    while prompt := _PROMPT.match(text, begin) or _PROMPT_OF_A_LINE.search(text, begin):
        answers.append(text[begin : prompt.start()])
        begin = prompt.end()
    return answers, text[begin:]


class EmbeddedSession:
    """One open session with one embedded router."""

    def __init__(self, device: Device, connection: asyncssh.SSHClientConnection, shell: _Shell) -> None:
        self._device = device
        self._connection = connection
        self._shell = shell

    async def snapshot(self) -> Snapshot:
        running, startup = await self._ask_all(_RUNNING, _STARTUP)
        return Snapshot(self._whole(_RUNNING, running), self._whole(_STARTUP, startup))

    async def running(self) -> str:
        return self._whole(_RUNNING, await self._ask(_RUNNING))

    async def propose(self, running: str, wanted: str, mode: Mode) -> Change:
        commands = (
            self._typed(f"load {mode}", wanted),
            *("compare", "check"),
            # The way back, in the same candidate.
            *(self._typed("load replace", running), "compare"),
            "abort",
        )
        await self._configure()
        loaded, compared, checked, restored, left, _aborted = await self._ask_all(*commands)
        self._require_loaded(loaded, wanted)
        diff = self._lines(compared)
        self._require_checked(checked)
        return Change(mode, wanted, diff, self._proof(restored, left, running) if diff else UNPROVABLE)

    def _proof(self, restored: str, left: str, running: str) -> Proof:
        try:
            self._require_loaded(restored, running)
        except Rejected as exc:
            return not_taken_back(exc)
        return proof_of(self._lines(left))

    def _lines(self, compared: str) -> tuple[str, ...]:
        lines = tuple(compared.splitlines())
        if any(line[:1] not in ("+", "-", " ") for line in lines):
            raise self._not_understood("compare")
        return lines

    async def apply(self, change: Change, hold: Hold | None = None) -> str:
        # The device counts whole seconds; one more is better than one less.
        how = f"commit confirmed {math.ceil(hold.seconds)} persist {hold.token}" if hold else "commit"
        return await self._commit(change.mode, change.wanted, how)

    async def held(self) -> Held | None:
        answer = await self._command("show commit")
        if answer == _NONE_PENDING:
            return None
        pending = _PENDING.fullmatch(answer)
        if pending is None:
            raise self._not_understood("show commit")
        whose = pending["whose"]
        return Held(token=None if whose == "none" else whose, remaining=float(pending["seconds"]))

    async def confirm(self, token: str) -> None:
        await self._settle(f"commit persist {token}", "Commit confirmed")

    async def cancel(self, token: str) -> None:
        await self._settle(f"commit abort persist {token}", "Commit undone")

    async def _settle(self, command: str, done: str) -> None:
        await self._configure()
        answer = await self._ask(command)
        if answer.startswith(_ERROR):
            await self._abandon()
            raise NotHeld(self._say(answer.removeprefix(_ERROR).strip()))
        if not answer.startswith(done):
            raise self._not_understood(command)
        await self._ask("end")

    async def save(self) -> None:
        await self._command("write memory")

    async def restore(self, snapshot: Snapshot) -> None:
        now = await self.snapshot()
        if now.running != snapshot.running:
            await self._commit("replace", snapshot.running)
        if snapshot.startup is not None and now.startup != snapshot.startup:
            answer = await self._ask(self._typed("copy terminal: startup-config", snapshot.startup))
            self._require_loaded(answer, snapshot.startup)
        if await self.running() != snapshot.running:
            raise CommandFailed(
                self._say("the configuration that was restored is not what runs now; look at the device")
            )

    async def command(self, line: str, *, shell: bool = False) -> str:
        if shell:
            raise CommandFailed(self._say("an embedded router has no shell; use a command of its CLI"))
        if not line.startswith("show ") or not line.isprintable():
            raise CommandFailed(self._say("only one 'show' command at a time can be run as a check"))
        return await self._command(line)

    async def close(self) -> None:
        self._shell.end()
        self._connection.close()
        # A device that does not answer any more must not hold up the rest.
        self._connection.abort()

    async def _configure(self) -> None:
        await self._ask("configure")
        if not self._shell.configuring:
            raise self._not_understood("configure")

    async def _commit(self, mode: Mode, text: str, how: str = "commit") -> str:
        """Load, check and commit; gives what runs then."""
        typed = self._typed(f"load {mode}", text)
        await self._configure()
        try:
            loaded, checked = await self._ask_all(typed, "check")
            self._require_loaded(loaded, text)
            self._require_checked(checked)
            answer = await self._ask_to_commit(how)
        except Rejected:
            await self._abandon()
            raise
        if answer.startswith(_REFUSED):
            await self._abandon()
            raise Rejected(self._say(f"the device refused the commit: {answer.removeprefix(_REFUSED).strip()}"))
        if not answer.startswith(_COMMITTED):
            raise SessionLost(self._say("its answer to the commit cannot be understood, so the outcome is unknown"))
        _ended, running = await self._ask_all("end", _RUNNING)
        return self._whole(_RUNNING, running)

    async def _ask_to_commit(self, how: str) -> str:
        try:
            return await self._ask(how)
        except CommandFailed as exc:
            raise SessionLost(self._say("no answer to the commit, so the outcome is unknown")) from exc

    def _typed(self, command: str, text: str) -> str:
        """A command with the configuration that is typed in after it."""
        lines = text.splitlines()
        for number, line in enumerate(lines, start=1):
            if line.strip() in (".", "\x04"):
                raise Rejected(self._say(f"line {number} of the configuration would end the input; remove it"))
        return "\n".join([command, *lines, "."])

    def _require_loaded(self, answer: str, text: str) -> None:
        outcome = answer.splitlines()[-1] if answer else ""
        if outcome.startswith(_ERROR):
            raise Rejected(self._say(f"the device refused the configuration: {_explain(outcome, text.splitlines())}"))
        if not outcome.startswith("Loaded "):
            raise self._not_understood("load")

    def _require_checked(self, answer: str) -> None:
        if answer.startswith(_ERROR):
            raise Rejected(self._say(f"the device refused the configuration: {answer.removeprefix(_ERROR).strip()}"))
        if not answer.startswith(_CHECKED):
            raise self._not_understood("check")

    async def _abandon(self) -> None:
        """Drop the candidate. It is private to this session, so a session that is gone took it along."""
        try:
            await self._ask("abort")
        except (SessionLost, CommandFailed):
            return

    def _whole(self, command: str, answer: str) -> str:
        """A configuration that was read whole: the device ends it with a line of its own."""
        if answer.startswith(_ERROR):
            raise self._refused(command, answer)
        if not answer.endswith("\nend\n"):
            raise CommandFailed(self._say(f"its answer to '{command}' is not a whole configuration"))
        return answer

    async def _command(self, line: str) -> str:
        answer = await self._ask(line)
        if answer.startswith(_ERROR):
            raise self._refused(line, answer)
        return answer

    async def _ask(self, command: str) -> str:
        return (await self._ask_all(command))[0]

    async def _ask_all(self, *commands: str) -> list[str]:
        """Send commands together, as many as do no harm whatever becomes of those before them: each exchange costs
        the way there and back.
        """
        try:
            async with asyncio.timeout(self._device.timeout):
                return await self._shell.ask(*commands)
        except TimeoutError as exc:
            # What comes now would be taken for the answer to the next question.
            self._shell.end()
            what = self._waited_for(commands)
            raise CommandFailed(self._say(f"no answer to '{what}' within {self._device.timeout:g} s")) from exc
        except CommandFailed as exc:
            self._shell.end()
            what = self._waited_for(commands)
            raise CommandFailed(
                self._say(f"its answer to '{what}' is {exc}; the rest was not read. Look at it in a terminal")
            ) from exc
        except (asyncssh.Error, OSError) as exc:
            raise SessionLost(self._say("the session ended before the device had answered")) from exc

    def _waited_for(self, commands: Sequence[str]) -> str:
        return commands[min(self._shell.answered, len(commands) - 1)].partition("\n")[0]

    def _refused(self, command: str, answer: str) -> CommandFailed:
        return CommandFailed(self._say(f"it refused '{command}': {answer.removeprefix(_ERROR).strip()}"))

    def _not_understood(self, command: str) -> CommandFailed:
        # Whatever is on the way now would be taken for the next answer, so this session is of no more use.
        self._shell.end()
        return CommandFailed(self._say(f"its answer to '{command}' cannot be understood; look at it in a terminal"))

    def _say(self, what: str) -> str:
        return f"{where(self._device)}: {what}"


def _explain(outcome: str, lines: Sequence[str]) -> str:
    """Add the first word of the line that is meant; the rest of it may be a secret."""
    reason = outcome.removeprefix(_ERROR).strip()
    number = re.search(r"at line (\d+)", reason)
    if number is None or not 0 < int(number[1]) <= len(lines):
        return reason
    first = lines[int(number[1]) - 1].split()[:1]
    return reason.replace(number[0], f"{number[0]} ('{' '.join(first)} ...')", 1)


class EmbeddedDriver:
    network_os = ("embedded", "raywright.fleet.embedded")
    secrets: Sequence[re.Pattern[str]] = (
        re.compile(r"\bsnmp-server community (?P<secret>\S+)"),
        re.compile(r"\busername \S+ secret (?P<secret>\S+)"),
        re.compile(r"\bneighbor \S+ password (?P<secret>\S+)"),
        re.compile(r"\bkey-string (?P<secret>\S+)"),
    )
    saves_what_it_shows = True
    longest_hold = math.inf

    async def connect(self, device: Device) -> Session:
        connection = await connect(device)
        try:
            async with asyncio.timeout(device.timeout):
                shell = _Shell()
                await connection.create_session(lambda: shell)
                await shell.prompt()
        except (TimeoutError, CommandFailed) as exc:
            connection.abort()
            raise CommandFailed(f"{where(device)}: logged in, but no prompt of an embedded router came") from exc
        except (asyncssh.Error, OSError) as exc:
            connection.abort()
            raise SessionLost(f"{where(device)}: the session ended before a prompt came") from exc
        return EmbeddedSession(device, connection, shell)

    def normalise(self, config: str) -> str:
        """Drop comments and separators; the router itself writes everything else in one order."""
        lines = (line.rstrip() for line in config.splitlines())
        return "".join(f"{line}\n" for line in lines if line and not line.startswith("!"))


DRIVER = EmbeddedDriver()
