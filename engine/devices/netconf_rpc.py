# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""NETCONF over SSH (RFC 6241, 6242): hello, one request at a time, what the device answered.

On asyncssh, which carries every other session here: ncclient needs a thread a session, and thousands are open at once.
"""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import asyncssh

from ..errors import CommandFailed, SessionLost
from .base import Device
from .netconf_framing import Framer, FramingError
from .netconf_xml import BASE, Element, XmlError, parse
from .ssh import connect, where

ANSWER_LIMIT = 32 * 1024 * 1024

_HELLO = (
    f'<hello xmlns="{BASE}"><capabilities>'
    "<capability>urn:ietf:params:netconf:base:1.0</capability><capability>urn:ietf:params:netconf:base:1.1</capability>"
    "</capabilities></hello>"
)
_CHUNKED = "urn:ietf:params:netconf:base:1.1"
_CAPABILITY = re.compile(r"urn:ietf:params:(?:xml:ns:)?netconf:capability:([\w-]+):(\d+\.\d+)")
_SHOWN = 3
# netconfd (yuma123, and what is made from it) looks at a request that it read together with the hello only when more
# bytes come. When the first answer is not there after these seconds, it gets an octet that the next request begins with
# in any case: nothing is sent twice, and to a netconfd that is only slow nothing has happened. Others get none, for one
# of them may take a message that is begun and does not go on for a dead session.
_YUMA = "http://netconfcentral.org/ns/yuma"
_MORE_AFTER = (0.2, 3.0)


class RpcError(Exception):
    """The device refused a request. ``tag`` is the first error's ``error-tag`` (RFC 6241, appendix A)."""

    def __init__(self, said: str, tag: str) -> None:
        super().__init__(said)
        self.tag = tag


class _Channel(asyncssh.SSHClientSession[bytes]):
    """The subsystem's channel: bytes in, whole messages out."""

    def __init__(self, framer: Framer) -> None:
        self._framer = framer
        self._channel: asyncssh.SSHClientChannel[bytes] | None = None
        self._answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        self._channel = chan

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        if datatype is not None or self._answer.cancelled():
            return
        try:
            messages = self._framer.feed(data)
        except FramingError as exc:
            # Whatever follows would be taken for the next answer.
            self.end()
            if not self._answer.done():
                self._answer.set_exception(exc)
            return
        for message in messages:
            if self._answer.done():
                # Nobody asked for it, so the next answer would be taken for another one.
                self.end()
                return
            self._answer.set_result(message)

    def connection_lost(self, exc: Exception | None) -> None:
        self._channel = None
        if not self._answer.done():
            self._answer.set_exception(exc or asyncssh.ConnectionLost("the device closed the session"))

    def send(self, message: bytes) -> None:
        if self._channel is None or self._channel.is_closing():
            raise asyncssh.ConnectionLost("the session is closed")
        self._channel.write(self._framer.frame(message))

    async def ask(self, message: bytes, more_after: Sequence[float] = ()) -> bytes:
        loop = asyncio.get_running_loop()
        self._answer = loop.create_future()
        self.send(message)
        more = [loop.call_later(seconds, self._send_ahead) for seconds in more_after]
        try:
            return await self._answer
        finally:
            for each in more:
                each.cancel()

    def _send_ahead(self) -> None:
        if self._channel is not None and not self._channel.is_closing():
            self._channel.write(self._framer.ahead())

    async def greeting(self) -> bytes:
        return await self._answer

    def end(self) -> None:
        if self._channel is not None:
            self._channel.abort()
        # Nobody waits any more; an exception that nobody fetches would be logged.
        if self._answer.done() and not self._answer.cancelled():
            self._answer.exception()


@dataclass(slots=True)
class Client:
    """One NETCONF session. ``capabilities`` maps the short name of each to its newest version."""

    device: Device
    session_id: str
    capabilities: dict[str, str]
    _connection: asyncssh.SSHClientConnection = field(repr=False)
    _channel: _Channel = field(repr=False)
    _more_after: Sequence[float] = ()
    _asked: int = 0

    def has(self, capability: str, version: str = "1.0") -> bool:
        return self.capabilities.get(capability, "") >= version

    async def call(self, operation: str) -> Element:
        """Send one operation and return the ``rpc-reply``. Raises ``RpcError`` where the device refused it,
        ``SessionLost`` when the session ends first, ``CommandFailed`` for no answer in time or one that is none.
        """
        self._asked += 1
        message = f'<rpc xmlns="{BASE}" message-id="{self._asked}">{operation}</rpc>'
        name = _name(operation)
        answer = await self._exchange(message, name)
        try:
            reply = parse(answer)
        except XmlError as exc:
            self._channel.end()
            raise CommandFailed(self._say(f"its answer to <{name}> is no XML that can be taken: {exc}")) from None
        if reply.kind != (BASE, "rpc-reply") or reply.attributes.get(("", "message-id"), "") not in {
            "",
            str(self._asked),
        }:
            self._channel.end()
            raise CommandFailed(self._say(f"its answer to <{name}> is an answer to something else"))
        _refuse(reply)
        return reply

    async def _exchange(self, message: str, name: str) -> bytes:
        more_after, self._more_after = self._more_after, ()
        try:
            async with asyncio.timeout(self.device.timeout):
                return await self._channel.ask(message.encode(), more_after)
        except TimeoutError as exc:
            self._channel.end()
            raise CommandFailed(self._say(f"no answer to <{name}> within {self.device.timeout:g} s")) from exc
        except FramingError as exc:
            raise CommandFailed(self._say(f"its answer to <{name}> cannot be understood: {exc}")) from exc
        except (asyncssh.Error, OSError) as exc:
            raise SessionLost(self._say(f"the session ended before <{name}> was answered")) from exc

    async def close(self) -> None:
        """End the session without waiting: the device gives up locks and drops a candidate when it sees that."""
        self._channel.end()
        self._connection.close()
        self._connection.abort()

    def _say(self, what: str) -> str:
        return f"{where(self.device)}: {what}"


async def open_session(device: Device) -> Client:
    """Log in and exchange greetings. Raises what ``ssh.connect`` does, or ``CommandFailed``/``SessionLost``."""
    connection = await connect(device)
    framer = Framer(ANSWER_LIMIT)
    try:
        async with asyncio.timeout(device.timeout):
            channel = _Channel(framer)
            await connection.create_session(lambda: channel, subsystem="netconf", encoding=None)
            channel.send(_HELLO.encode())
            hello = parse(await channel.greeting())
    except asyncssh.ChannelOpenError as exc:
        connection.abort()
        raise CommandFailed(
            f"{where(device)}: logged in, but it has no NETCONF there: {exc.reason}; switch NETCONF on, or set "
            "ansible_port to where it listens (usually 830)"
        ) from exc
    except (TimeoutError, XmlError, FramingError) as exc:
        connection.abort()
        raise CommandFailed(f"{where(device)}: logged in, but no NETCONF greeting came: {exc or 'no answer'}") from exc
    except (asyncssh.Error, OSError) as exc:
        connection.abort()
        raise SessionLost(f"{where(device)}: the session ended before the NETCONF greeting") from exc
    offered = [each.text.strip() for each in getattr(hello.find("capabilities"), "children", ())]
    if hello.kind != (BASE, "hello") or not any(":netconf:base:" in each for each in offered):
        connection.abort()
        raise CommandFailed(f"{where(device)}: its NETCONF greeting names no version of NETCONF")
    framer.chunked = _CHUNKED in offered
    more_after = _MORE_AFTER if any(each.startswith(_YUMA) for each in offered) else ()
    return Client(device, hello.value("session-id"), _newest(offered), connection, channel, more_after)


def _newest(offered: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, version in (match.groups() for each in offered if (match := _CAPABILITY.match(each))):
        found[name] = max(version, found.get(name, ""))
    return found


def _refuse(reply: Element) -> None:
    """Raise ``RpcError`` for errors in a reply; warnings, which some devices send beside ``ok``, are none."""
    errors = [
        each
        for each in reply.children
        if each.kind == (BASE, "rpc-error") and each.value("error-severity") != "warning"
    ]
    if not errors:
        return
    said = [_said(each) for each in errors[:_SHOWN]]
    more = [f"and {len(errors) - _SHOWN} more errors"] if len(errors) > _SHOWN else []
    raise RpcError("; ".join([*said, *more]), errors[0].value("error-tag"))


def _said(error: Element) -> str:
    message, tag = " ".join(error.value("error-message").split()), error.value("error-tag")
    path = re.sub(r"(?<=/)[\w.-]+:", "", error.value("error-path"))
    info = error.find("error-info")
    bad = [f"{each.name} {each.text.strip()}" for each in info.children if each.text.strip()] if info else []
    told = f"{message} ({tag})" if message else tag
    return f"{told}{f' at {path}' if path else ''}{f': {bad[0]}' if bad and bad[0].startswith('bad-') else ''}"


def _name(operation: str) -> str:
    found = re.match(r"<([\w:.-]+)", operation)
    return found[1] if found else "?"
