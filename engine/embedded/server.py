# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The embedded fleet's SSH: one listening socket for all devices, told apart by the address that was called."""

import asyncio
import hmac
import resource
import socket
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import asyncssh

from ..errors import InvalidInput
from .cli import Bye, Cli, Hang
from .dialects import DIALECTS, PLAIN, spoken
from .fabric import Node
from .faults import NONE, Faults
from .router import Router, SessionCut
from .state import USER, State

# Cheap on purpose: the handshake is most of what a session costs, and one process answers for thousands of routers.
_KEY_EXCHANGE = ("curve25519-sha256", "curve25519-sha256@libssh.org", "ecdh-sha2-nistp256")
# No chacha20: clients prefer it, and it costs three times as much here.
_ENCRYPTION = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr", "aes256-ctr")
_BACKLOG = 4096
_LINE_LIMIT = 65536


@dataclass(slots=True)
class Fleet:
    """All routers of one server."""

    routers: dict[str, Router]
    by_address: dict[str, Router]
    origins: dict[str, str]
    password: str = field(repr=False)
    user_key: asyncssh.SSHKey = field(repr=False)
    dialects: Mapping[str, type[Cli]] = field(default_factory=dict)
    """The command line that each router speaks."""
    connections: set[asyncssh.SSHServerConnection] = field(default_factory=set, repr=False)
    latency: float = 0.0
    """Seconds until a router answers what it was sent, as a long line would have it."""


def assemble(nodes: Mapping[str, Node], state: State, latency: float, dialects: Sequence[str] = (PLAIN,)) -> Fleet:
    secrets, faults = state.secrets(), Faults(state.faults)
    routers = {name: Router(node, state, secrets, faults) for name, node in nodes.items()}
    return Fleet(
        routers=routers,
        by_address={router.node.host: router for router in routers.values()},
        origins={prefix: node.name for node in nodes.values() for prefix in (f"{node.loopback}/32", *node.prefixes)},
        password=state.password(),
        user_key=state.key("user_key").convert_to_public(),
        latency=latency,
        dialects={name: DIALECTS[dialect] for name, dialect in spoken(nodes, dialects).items()},
    )


async def serve(fleet: Fleet, state: State, port: int) -> tuple[asyncssh.SSHAcceptor, int]:
    """Begin to answer; gives the acceptor and the port. Raises ``InvalidInput`` when the port is taken."""
    _now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    listener = _listener(port)
    acceptor = await asyncssh.listen(
        sock=listener,
        backlog=_BACKLOG,
        server_factory=lambda: _Connection(fleet),
        server_host_keys=[state.key("host_key")],
        kex_algs=_KEY_EXCHANGE,
        encryption_algs=_ENCRYPTION,
        compression_algs=["none"],
        line_editor=False,
        errors="replace",
        allow_scp=False,
        agent_forwarding=False,
        gss_host=None,
        login_timeout=120,
    )
    return acceptor, int(listener.getsockname()[1])


def _listener(port: int) -> socket.socket:
    """Open one socket for the whole of 127/8: ten thousand of them would cost as many descriptors."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        # The wildcard address, but on the loopback interface only: this must not be reachable from a network.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
        listener.bind(("", port))
    except (OSError, OverflowError) as exc:
        listener.close()
        reason = getattr(exc, "strerror", None) or "not between 0 and 65535"
        raise InvalidInput(
            f"port {port} on the loopback interface cannot be used: {reason}; choose another port, or 0 for a free one",
        ) from exc
    listener.setblocking(False)
    return listener


class _Connection(asyncssh.SSHServer):
    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._router: Router | None = None
        self._connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        address, caller = (conn.get_extra_info(name)[0] for name in ("sockname", "peername"))
        router = self._fleet.by_address.get(address)
        if router is None or not caller.startswith("127."):
            _reset(conn)
            return
        fault = router.fault
        if fault.unreachable and fault.strike():
            _reset(conn)
            return
        self._router = router
        self._connection = conn
        self._fleet.connections.add(conn)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncssh's signature
        if self._connection is not None:
            self._fleet.connections.discard(self._connection)

    async def begin_auth(self, username: str) -> bool:  # noqa: ARG002 - asyncssh's signature
        fault = self._router.fault if self._router else NONE
        await asyncio.sleep(self._fleet.latency + fault.slow_login)
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return self._may_enter(username) and key == self._fleet.user_key

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return self._may_enter(username) and hmac.compare_digest(password.encode(), self._fleet.password.encode())

    def _may_enter(self, username: str) -> bool:
        return username == USER and self._router is not None and not self._router.fault.wrong_password

    def session_requested(self) -> "_Terminal | bool":
        return _Terminal(self._router, self._fleet) if self._router else False


def _reset(conn: asyncssh.SSHServerConnection) -> None:
    """End the connection as a dead address would: without a word and without a lingering socket."""
    connected = conn.get_extra_info("socket")
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    conn.abort()


class _Terminal(asyncssh.SSHServerSession[str]):
    """One channel: a shell with or without a terminal, or one command."""

    def __init__(self, router: Router, fleet: Fleet) -> None:
        self._cli = fleet.dialects[router.node.name](router, fleet.routers, fleet.origins)
        self._latency = fleet.latency
        self._channel: asyncssh.SSHServerChannel[str] | None = None
        self._terminal = False
        self._command: str | None = None
        self._input = ""
        self._line = ""
        self._literal = False
        self._written: list[str] = []
        self._leaving: int | None = None
        self._scheduled: asyncio.TimerHandle | None = None
        self._greeted = False
        self._hung = False
        self._ended = False

    def connection_made(self, chan: asyncssh.SSHServerChannel[str]) -> None:
        self._channel = chan

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncssh's signature
        self._channel = None
        self._cli.gone()
        if self._scheduled is not None:
            self._scheduled.cancel()

    def pty_requested(self, term_type: str, term_size: object, term_modes: object) -> bool:  # noqa: ARG002 - asyncssh calls it so
        self._terminal = True
        return True

    def shell_requested(self) -> bool:
        return True

    def exec_requested(self, command: str) -> bool:
        self._command = command
        return True

    def session_started(self) -> None:
        self._schedule()

    def data_received(self, data: str, datatype: asyncssh.DataType) -> None:  # noqa: ARG002 - asyncssh calls it so
        if not self._hung:
            self._input += data
            self._schedule()

    def eof_received(self) -> bool:
        self._ended = True
        self._schedule()
        return True

    def _schedule(self) -> None:
        """Answer after the latency, once for all that has come by then: what is sent together travels together."""
        if self._scheduled is None:
            self._scheduled = asyncio.get_running_loop().call_later(self._latency, self._answer)

    def _answer(self) -> None:
        self._scheduled = None
        try:
            self._act()
        finally:
            # Key by key it would be a packet for each character of the echo.
            written, self._written = "".join(self._written), []
            if self._channel is not None and written and not self._channel.is_closing():
                self._channel.write(written)
        if self._leaving is not None and self._channel is not None:
            self._channel.exit(self._leaving)

    def _act(self) -> None:
        try:
            if self._command is not None:
                self._execute(self._command)
            else:
                self._converse()
        except Hang:
            self._hung = True
        except Bye:
            self._close(0)
        except SessionCut:
            if self._channel is not None:
                self._channel.get_connection().abort()

    def _execute(self, command: str) -> None:
        if self._hung:
            return
        answer = self._cli.line(command)
        self._write(answer)
        self._close(1 if answer.startswith("% ") else 0)

    def _converse(self) -> None:
        if not self._greeted:
            self._greeted = True
            self._write(self._cli.prompt)
        text, self._input = self._input, ""
        if self._terminal:
            self._type(text)
        else:
            *lines, self._line = (self._line + text).split("\n")
            for line in lines:
                self._take(line.removesuffix("\r"))
        if len(self._line) > _LINE_LIMIT:
            raise Bye
        if self._ended and not self._hung:
            raise Bye

    def _type(self, text: str) -> None:
        """Take keys one by one and echo them, as a terminal expects."""
        for key in text.replace("\r\n", "\r").replace("\n", "\r"):
            if self._cli.paging:
                self._write(self._cli.turn(key) + self._cli.prompt)
            elif key == "\r":
                self._write("\n")
                line, self._line = self._line, ""
                self._take(line)
            else:
                self._edit(key)

    def _edit(self, key: str) -> None:
        literal, self._literal = self._literal, False
        if key in "\x7f\b":
            if self._line:
                self._line = self._line[:-1]
                self._write("\b \b")
        elif key == "\x03":
            self._line = ""
            self._write("^C\n" + self._cli.prompt)
        elif key == "\x04":
            self._end_of_file()
        elif key == "\x16":
            self._literal = True
        elif key == "?" and self._cli.helps and not literal:
            self._write(f"?\n  <cr>\n{self._cli.prompt}{self._line}")
        elif key.isprintable() or key == "\t":
            self._line += key
            self._write(key)

    def _end_of_file(self) -> None:
        if self._cli.typing:
            self._write(self._cli.finish_input() + self._cli.prompt)
        elif not self._line:
            raise Bye

    def _take(self, line: str) -> None:
        if line == "\x04":
            self._end_of_file()
        else:
            self._write(self._cli.line(line) + self._cli.prompt)

    def _write(self, text: str) -> None:
        self._written.append(text.replace("\n", "\r\n") if self._terminal else text)

    def _close(self, status: int) -> None:
        self._leaving = status
