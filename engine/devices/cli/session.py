# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all platforms have in common: reading, saving, running a command, and telling what went wrong."""

import asyncio
import re
from collections.abc import Sequence

import asyncssh

from ...errors import CommandFailed, LoginRefused, Rejected, SessionLost
from ..base import Device, Snapshot
from ..ssh import connect, where
from .platform import Platform
from .shell import Shell, cleaned


class CliSession:
    """One open session with one device. Platforms add how a change is proposed, made and taken back."""

    def __init__(
        self, device: Device, platform: Platform, connection: asyncssh.SSHClientConnection, shell: Shell
    ) -> None:
        self._device = device
        self._platform = platform
        self._connection = connection
        self._shell = shell

    async def snapshot(self) -> Snapshot:
        running = await self.running()
        startup = await self._read(self._platform.startup) if self._platform.startup else None
        return Snapshot(running, startup)

    async def running(self) -> str:
        return await self._read(self._platform.running)

    async def save(self) -> None:
        if self._platform.save is None:
            return
        answer = await self._ask(self._platform.save, replies=(("[confirm]", ""), ("filename", "")))
        if not self._platform.saved.search(answer):
            raise CommandFailed(self._say(f"could not save the configuration: {_first(answer) or 'no answer'}"))

    async def command(self, line: str, *, shell: bool = False) -> str:
        if shell:
            raise CommandFailed(self._say("a network device's CLI gives no shell; use a command of the CLI"))
        if not line.isprintable():
            raise CommandFailed(self._say("only one command at a time can be run as a check"))
        answer = await self._ask(line, errors="replace")
        if reason := self._refusal(answer):
            raise CommandFailed(self._say(f"it refused '{line}': {reason}"))
        return answer

    async def close(self) -> None:
        self._shell.end()
        self._connection.close()
        # A device that does not answer any more must not hold up the rest.
        self._connection.abort()
        await asyncio.sleep(0)

    async def open(self) -> None:
        """Bring a fresh terminal to where commands can be given."""
        if self._device.become and self._shell.prompt.endswith(">"):
            password = self._device.become_password or ""
            await self._ask("enable", replies=(("assword:", password),))
            if not self._shell.prompt.endswith("#"):
                raise LoginRefused(self._say("enable was refused; check ansible_become_password"))
        for command in self._platform.setup:
            await self._ask(command)

    async def _read(self, command: str) -> str:
        """Read a configuration whole, without the lines that change by themselves."""
        answer = self._platform.volatile.sub("", await self._ask(command)).lstrip("\n")
        if not self._platform.whole.search(answer):
            raise CommandFailed(
                self._say(
                    f"its answer to '{command}' is not a whole configuration: {self._refusal(answer) or 'cut off'}"
                )
            )
        return answer

    async def _ask(
        self,
        text: str,
        *,
        replies: Sequence[tuple[str, str]] = (),
        changing: bool = False,
        errors: str = "strict",
        end: bytes = b"\n",
        typed: tuple[re.Pattern[bytes], bytes] | None = None,
    ) -> str:
        """Exchange one command for its answer. ``changing``: without an answer the outcome is unknown."""
        what = text.partition("\n")[0] if not changing else "a line of the change"
        try:
            async with asyncio.timeout(self._device.timeout):
                answer = await self._shell.ask(text, replies=replies, end=end, typed=typed)
            return cleaned(answer.decode(errors=errors))
        except UnicodeDecodeError as exc:
            raise CommandFailed(
                self._say(
                    f"its answer to '{what}' is not UTF-8 (byte {exc.start}); find the line with characters in another "
                    "encoding, often a description, and write it in ASCII or UTF-8"
                )
            ) from None
        except TimeoutError as exc:
            # What comes now would be taken for the answer to the next question.
            self._shell.end()
            raise self._silent(changing, f"no answer to '{what}' within {self._device.timeout:g} s") from exc
        except CommandFailed as exc:
            self._shell.end()
            raise self._silent(changing, f"at '{what}': {exc}") from exc
        except (asyncssh.Error, OSError) as exc:
            raise SessionLost(self._say("the session ended before the device had answered")) from exc

    def _silent(self, changing: bool, reason: str) -> CommandFailed | SessionLost:  # noqa: FBT001 - one caller
        if changing:
            return SessionLost(self._say(f"{reason}, so the outcome is unknown"))
        return CommandFailed(self._say(reason))

    def _refusal(self, answer: str) -> str:
        """The reason by which an answer refuses a command, or nothing. It never repeats the command."""
        for line in answer.splitlines():
            if self._platform.failure.search(line):
                return line.strip().lstrip("% ").rstrip(".")
        return ""

    def _require_typable(self, text: str, *, edited: bool = True) -> None:
        """Refuse what does not reach the device as it stands: control characters and, where a line editor takes the
        text, tabs. Raises ``Rejected``.
        """
        for line in lines_of(text):
            if not (line if edited else line.replace("\t", " ")).isprintable():
                word = (line.split(maxsplit=1) or [""])[0]
                reason = "holds a character that cannot be typed in (a tab, or a control character); remove it"
                raise Rejected(self._say(f"line '{word} ...' of the configuration {reason}"))

    def _expect_renaming(self, *texts: str) -> None:
        for text in texts:
            for found in self._platform.rename.finditer(text):
                self._shell.may_be_renamed(found[1].strip('";'))

    def _normal(self, text: str) -> str:
        return normalise(self._platform, text)

    def _say(self, what: str) -> str:
        return f"{where(self._device)}: {what}"


def lines_of(text: str) -> list[str]:
    """The lines of a text. Other than ``splitlines``, which takes a form feed for the end of one, too."""
    return text.replace("\r\n", "\n").removesuffix("\n").split("\n")


def normalise(platform: Platform, config: str) -> str:
    """Drop what changes by itself and what says nothing; everything else keeps its place and its indentation."""
    lines = (line.rstrip() for line in platform.volatile.sub("", config).splitlines())
    return "".join(f"{line}\n" for line in lines if line and not line.lstrip().startswith(platform.comment))


async def opened(kind: type[CliSession], device: Device, platform: Platform) -> CliSession:
    """Log in and wait for the prompt. Raises as ``Driver.connect`` does, and ``CommandFailed`` without a prompt."""
    connection = await connect(device)
    try:
        async with asyncio.timeout(device.timeout):
            shell = await Shell.open(connection, platform.prompt, platform.start)
    except (TimeoutError, CommandFailed) as exc:
        connection.abort()
        raise CommandFailed(
            f"{where(device)}: logged in, but no prompt of {platform.network_os[0]} came; is ansible_network_os right?"
        ) from exc
    except (asyncssh.Error, OSError) as exc:
        connection.abort()
        raise SessionLost(f"{where(device)}: the session ended before a prompt came") from exc
    session = kind(device, platform, connection, shell)
    try:
        await session.open()
    except BaseException:
        await session.close()
        raise
    return session


def _first(answer: str) -> str:
    return next((line.strip() for line in answer.splitlines() if line.strip()), "")
