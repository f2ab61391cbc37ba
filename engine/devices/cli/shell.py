# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A terminal on a network device, prompt by prompt.

What comes is taken for the answer only after the device has echoed what was sent: a banner that looks like a prompt, or
a late answer to an earlier command, cannot be mistaken for it. Pages are turned, whether or not paging could be
switched off.
"""

import asyncio
import re
from collections.abc import Sequence

import asyncssh

from ...errors import CommandFailed
from ..ssh import OUTPUT_LIMIT

_WIDTH, _HEIGHT = 511, 0
_MORE = re.compile(rb"(?:\A|\n)[ \t]*(?:<?-+ ?[Mm]ore ?-+>?|---\(more(?: \d+%)?\)---)[ \t]*\Z")
_MORE_TURNED = re.compile(r"[ \t]*(?:<?-+ ?[Mm]ore ?-+>?|---\(more(?: \d+%)?\)---)[ \t]*(?:[\b\r ]*[\b\r])?")
_QUESTION = re.compile(
    rb"(?:\[confirm\]|\(y/n\)\S*|\[yes/no\]\S*|\[no\]:?|\[yes,no\]\S*|\[cancel\]:?|[Pp]assword:)[ \t]*\Z"
)
_ESCAPES = re.compile(r"\x1b(?:\[[0-9;?]*[A-Za-z]|[=>])")
_TAIL = 256
"""Longer than any prompt: no more than this of the end is looked at when something comes."""
_HEAD = re.compile(r"[^>#(]*")
_BEFORE_NAME = re.compile(rb".*[@:]")
"""A user's name, or the place of a route processor: ``RP/0/RP0/CPU0:``."""
_AS_IT_IS = "\x16"
"""Ctrl-V: line editors take the next key for text."""
_SHOWN = 20
"""So much of a host name is in every prompt: IOS cuts longer ones off in configuration mode."""
_ECHOED = 40
"""So much of what was sent is looked for: the rest may be wrapped or scrolled by the device's line editor."""


class Asked(CommandFailed):
    """The device asked something that nobody foresaw."""


class Shell(asyncssh.SSHClientSession[bytes]):
    """One channel with a terminal."""

    def __init__(self, prompt: re.Pattern[str]) -> None:
        self._prompt = re.compile(rb"(?:\A|[\r\n])(?P<prompt>" + prompt.pattern.encode() + rb")\Z")
        self._channel: asyncssh.SSHClientChannel[bytes] | None = None
        self._buffer = bytearray()
        self._echo = b""
        self._from: int | None = 0
        self._reply: dict[bytes, str] = {}
        self._input: tuple[re.Pattern[bytes], bytes] | None = None
        self._heads: list[bytes] = []
        self._answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.prompt = ""
        """The prompt that was seen last: it says in which mode the device is."""

    @classmethod
    async def open(
        cls, connection: asyncssh.SSHClientConnection, prompt: re.Pattern[str], command: str | None = None
    ) -> "Shell":
        """Open a terminal and wait for its first prompt; ``command`` starts the CLI where the login gives none."""
        shell = cls(prompt)
        await connection.create_session(
            lambda: shell, command or (), term_type="dumb", term_size=(_WIDTH, _HEIGHT), encoding=None
        )
        await shell._answer
        shell._note_prompt()
        return shell

    def may_be_renamed(self, name: str) -> None:
        """Take prompts with this host name, too: a change that is about to be made gives it to the device."""
        before = _BEFORE_NAME.match(self._heads[0])
        self._heads.append((before[0] if before else b"") + name[:_SHOWN].encode())

    def will_be_renamed(self) -> None:
        """Take the next prompt whatever name is in it: one that nobody here knows is about to come back."""
        self._heads.clear()

    def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        self._channel = chan

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:  # noqa: ARG002 - asyncssh's signature
        if self._answer.done():
            return
        self._buffer += data
        if len(self._buffer) > OUTPUT_LIMIT:
            self._answer.set_exception(CommandFailed(f"more than {OUTPUT_LIMIT >> 20} MiB of answer"))
            self.end()
            return
        if self._from is None:
            found = self._buffer.find(self._echo)
            ended = self._buffer.find(b"\n", found + len(self._echo)) if found >= 0 else -1
            if ended < 0:
                return
            self._from = ended
        self._look(bytes(self._buffer[max(self._from, len(self._buffer) - _TAIL) :]))

    def _look(self, tail: bytes) -> None:
        seen = self._prompt.search(tail)
        if seen and (not self._heads or seen["prompt"].startswith(tuple(self._heads))):
            self._answer.set_result(None)
        elif self._channel is not None and _MORE.search(tail):
            self._channel.write(b" ")
        elif self._channel is not None and self._input is not None and self._input[0].search(tail):
            self._from = len(self._buffer)
            self._channel.write(self._input[1])
            self._input = None
        elif asked := _QUESTION.search(tail):
            question = tail[: asked.end()].splitlines()[-1].decode(errors="replace").strip()
            reply = next((text for key, text in self._reply.items() if key in tail), None)
            if reply is None or self._channel is None:
                self._answer.set_exception(Asked(f"the device asks '{question}'"))
            else:
                self._from = len(self._buffer)
                self._channel.write(reply.encode() + b"\n")

    def connection_lost(self, exc: Exception | None) -> None:
        self._channel = None
        if not self._answer.done():
            self._answer.set_exception(exc or asyncssh.ConnectionLost("the device closed the session"))

    async def ask(
        self,
        text: str,
        *,
        replies: Sequence[tuple[str, str]] = (),
        end: bytes = b"\n",
        typed: tuple[re.Pattern[bytes], bytes] | None = None,
    ) -> bytes:
        """Send a command and wait for the next prompt; gives what came between, as it came.

        ``replies`` are questions, in part, with what is answered to them. Raises ``Asked`` at any other. ``typed`` is
        what the command reads from the terminal, and what the device says once it does: what came before that would
        go to its line editor.
        """
        if self._channel is None or self._channel.is_closing():
            raise asyncssh.ConnectionLost("the session is closed")
        self._buffer.clear()
        first = text.partition("\n")[0].strip()
        self._echo = first.replace(_AS_IT_IS, "")[:_ECHOED].encode()
        self._from = None if self._echo else 0
        self._reply = {question.encode(): reply for question, reply in replies}
        self._input = typed
        self._answer = asyncio.get_running_loop().create_future()
        self._channel.write(text.encode() + end)
        await self._answer
        self._note_prompt()
        return self._taken()

    def _note_prompt(self) -> None:
        seen = self._prompt.search(bytes(self._buffer[-_TAIL:]))
        assert seen is not None
        self.prompt = seen["prompt"].decode(errors="replace").strip()
        if not self._heads:
            self._heads.append(_HEAD.match(self.prompt)[0][:_SHOWN].encode())  # type: ignore[index]  # it may be empty

    def _taken(self) -> bytes:
        """Cut the echo's line off in front and the prompt off behind."""
        whole = bytes(self._buffer[self._from or 0 :])
        seen = self._prompt.search(whole)
        return (whole[: seen.start("prompt")] if seen else whole).partition(b"\n")[2]

    def end(self) -> None:
        # Nobody waits any more; an exception that nobody fetches would be logged.
        self._answer.cancel()
        if self._channel is not None:
            self._channel.close()


def literally(command: str) -> str:
    """Type a command so that the line editor takes a question mark for text and not for a question."""
    return command.replace("?", f"{_AS_IT_IS}?")


def cleaned(answer: str) -> str:
    """The lines of an answer as they would stand in a file: no terminal's carriage returns, escapes or page breaks."""
    text = _MORE_TURNED.sub("", _ESCAPES.sub("", answer))
    return text.replace("\r\n", "\n").replace("\r", "")
