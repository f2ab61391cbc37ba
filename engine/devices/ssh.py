# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""SSH to a device: one connection, one exec channel an exchange, no terminal.

Only what :class:`Device` carries is used: no ssh_config, no agent, no key or known_hosts file of whoever runs this.
A worker on another machine must behave exactly as the controller does.
"""

import asyncio
import contextlib
import errno
import functools
import os
import socket
from dataclasses import dataclass, field
from typing import Any

import asyncssh

from ..errors import CommandFailed, HostKeyRefused, LoginRefused, SessionLost, Unreachable
from .base import Device

OUTPUT_LIMIT = 16 * 1024 * 1024

# asyncssh and OpenSSH both prefer a post-quantum hybrid, which costs seven times the CPU of plain curve25519: that
# is most of the price of a connection, paid once per device and stage. The rest keeps old devices reachable.
_KEY_EXCHANGE = (
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
    "ecdh-sha2-nistp256",
    "ecdh-sha2-nistp384",
    "ecdh-sha2-nistp521",
    "diffie-hellman-group-exchange-sha256",
    "diffie-hellman-group16-sha512",
    "diffie-hellman-group14-sha256",
    "diffie-hellman-group14-sha1",
)
# ChaCha20 comes first in both, and costs asyncssh three times what AES-GCM does, which every processor has in hardware.
_ENCRYPTION = (
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "chacha20-poly1305@openssh.com",
    "aes128-ctr",
    "aes192-ctr",
    "aes256-ctr",
)
_HOST_KEYS = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
)
_KEEPALIVE_SECONDS = 15


@dataclass(frozen=True, slots=True)
class Completed:
    """One finished exchange. ``status`` is the command's exit status, 128 + n where signal n ended it."""

    stdout: str = field(repr=False)
    stderr: str = field(repr=False)
    status: int


def where(device: Device) -> str:
    """Name the device the way every message does: inventory name, address and port."""
    return f"{device.name} ({device.host}:{device.port})"


async def connect(device: Device) -> asyncssh.SSHClientConnection:
    """Open an authenticated connection. Raises ``Unreachable``, ``LoginRefused`` or ``HostKeyRefused``."""
    known_hosts = _known_hosts(device)
    key = _private_key(device)
    try:
        async with asyncio.timeout(device.timeout):
            return await _open(device, known_hosts, key)
    except TimeoutError as exc:
        raise Unreachable(
            f"{where(device)}: no SSH session within {device.timeout:g} s; check that the device is up and that its "
            "SSH port can be reached from here",
        ) from exc
    except asyncssh.PermissionDenied as exc:
        raise LoginRefused(_login_refused(device)) from exc
    except asyncssh.HostKeyNotVerifiable as exc:
        raise HostKeyRefused(_host_key_refused(device, known_hosts, str(exc.reason))) from exc
    except asyncssh.KeyExchangeFailed as exc:
        raise Unreachable(f"{where(device)}: no SSH algorithm in common: {exc.reason}") from exc
    except asyncssh.Error as exc:
        raise Unreachable(f"{where(device)}: the SSH handshake failed: {exc.reason}") from exc
    except OSError as exc:
        # asyncio's own text repeats the address and leaves the cause a number.
        reason = os.strerror(exc.errno) if exc.errno and exc.errno > 0 else exc.strerror or type(exc).__name__
        raise Unreachable(
            f"{where(device)}: no connection: {reason}; check that the device is up and that its SSH port can be "
            "reached from here",
        ) from exc


async def run(
    connection: asyncssh.SSHClientConnection,
    command: str,
    *,
    stdin: str = "",
    timeout: float,  # noqa: ASYNC109 - the limit belongs to the exchange, which is given up tidily when it passes
    errors: str = "strict",
) -> Completed:
    """Run one command and wait for its end.

    Raises ``SessionLost`` when the session ends first, ``CommandFailed`` when the time or the output limit passes, or
    when the output is not UTF-8 and ``errors`` (as in ``bytes.decode``) is strict: a configuration that was read with
    characters replaced could not be restored. No message repeats the command: it may be the user's.
    """
    exchange = _Exchange()
    channel: asyncssh.SSHClientChannel[bytes] | None = None
    try:
        async with asyncio.timeout(timeout):
            channel, _session = await connection.create_session(lambda: exchange, command, encoding=None)
            # A command may end without reading its input; how the exchange ended then says more than the write.
            with contextlib.suppress(OSError):
                channel.write(stdin.encode())
                channel.write_eof()
            await exchange.ended
    except TimeoutError as exc:
        raise CommandFailed(f"the device gave no answer within {timeout:g} s") from exc
    except (asyncssh.Error, OSError) as exc:
        raise SessionLost(f"the SSH session ended before the device had answered: {_reason(exc)}") from exc
    finally:
        if channel is not None:
            channel.close()
    return exchange.completed(errors)


class _Exchange(asyncssh.SSHClientSession[bytes]):
    """Collects one command's output. asyncssh's own process class costs more per chunk and has no limit."""

    def __init__(self) -> None:
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._output: tuple[bytearray, bytearray] = (bytearray(), bytearray())
        self._size = 0
        self._status: int | None = None
        self._channel: asyncssh.SSHClientChannel[bytes] | None = None

    def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        self._channel = chan

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        self._size += len(data)
        if self._size <= OUTPUT_LIMIT:
            self._output[datatype == asyncssh.EXTENDED_DATA_STDERR].extend(data)
        elif self._channel is not None:
            self._channel.abort()

    def exit_status_received(self, status: int) -> None:
        self._status = status

    def exit_signal_received(self, signal: str, core_dumped: bool, msg: str, lang: str) -> None:  # noqa: ARG002, FBT001 - asyncssh's signature
        self._status = 128 + _SIGNALS.get(signal, 0)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.ended.done():
            return
        if self._size > OUTPUT_LIMIT or (exc is None and self._status is not None):
            self.ended.set_result(None)
        else:
            self.ended.set_exception(exc or asyncssh.ConnectionLost("the channel was closed without an exit status"))

    def completed(self, errors: str) -> Completed:
        if self._size > OUTPUT_LIMIT:
            raise CommandFailed(f"the device answered with more than {OUTPUT_LIMIT >> 20} MiB; the rest was not read")
        try:
            stdout, stderr = (bytes(stream).decode(errors=errors) for stream in self._output)
        except UnicodeDecodeError as exc:
            raise CommandFailed(
                f"the device's answer is not UTF-8 (byte {exc.start}); find the line with characters in another "
                "encoding, often a description, and write it in ASCII or UTF-8",
            ) from None
        return Completed(stdout, stderr, self._status or 0)


_SIGNALS = {"HUP": 1, "INT": 2, "QUIT": 3, "ABRT": 6, "KILL": 9, "SEGV": 11, "PIPE": 13, "ALRM": 14, "TERM": 15}


async def _open(
    device: Device,
    known_hosts: asyncssh.SSHKnownHosts | None,
    key: asyncssh.SSHKey | None,
) -> asyncssh.SSHClientConnection:
    return await asyncssh.connect(
        device.host,
        device.port,
        sock=await _tcp(device),
        config=None,
        known_hosts=known_hosts,
        username=device.user or (),
        password=device.password,
        # An empty list would mean the default keys of whoever runs this; None means none.
        client_keys=[key] if key else None,
        agent_path=None,
        gss_auth=False,
        gss_kex=False,
        host_based_auth=False,
        kex_algs=_KEY_EXCHANGE,
        server_host_key_algs=_host_key_algorithms(device, known_hosts),
        encryption_algs=_ENCRYPTION,
        compression_algs=["none"],
        keepalive_interval=_KEEPALIVE_SECONDS,
        connect_timeout=device.timeout,
        login_timeout=device.timeout,
    )


async def _tcp(device: Device) -> socket.socket:
    """Connect, with a limit of its own: a kernel answers at once or not at all, however busy its SSH server is."""
    loop = asyncio.get_running_loop()
    found = _numeric(device) or await loop.getaddrinfo(device.host, device.port, type=socket.SOCK_STREAM)
    failure: Exception = OSError(errno.EHOSTUNREACH, os.strerror(errno.EHOSTUNREACH))
    for family, kind, protocol, _name, address in found:
        connecting = socket.socket(family, kind, protocol)
        connecting.setblocking(False)
        try:
            async with asyncio.timeout(min(device.connect_timeout, device.timeout)):
                await loop.sock_connect(connecting, address)
        except TimeoutError:
            connecting.close()
            failure = Unreachable(
                f"{where(device)}: no answer within {device.connect_timeout:g} s; check that the device is up and that "
                "its SSH port can be reached from here"
            )
        except OSError as exc:
            connecting.close()
            failure = exc
        except BaseException:
            connecting.close()
            raise
        else:
            return connecting
    raise failure


def _numeric(device: Device) -> list[tuple[Any, ...]]:
    """What an address needs no resolver, and so no thread, for."""
    try:
        return socket.getaddrinfo(
            device.host, device.port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
        )
    except socket.gaierror:
        return []


def _known_hosts(device: Device) -> asyncssh.SSHKnownHosts | None:
    if device.known_hosts is None:
        return None
    try:
        # The parsed object, never the text: asyncssh takes empty text for "use ~/.ssh/known_hosts".
        return asyncssh.import_known_hosts(device.known_hosts)
    except ValueError as exc:
        raise HostKeyRefused(
            f"{where(device)}: a known_hosts line for this device cannot be read: {exc}; correct or remove it",
        ) from exc


def _private_key(device: Device) -> asyncssh.SSHKey | None:
    if device.private_key is None:
        return None
    try:
        return _import_key(device.private_key, device.private_key_passphrase)
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as exc:
        # Not chained: the cause's traceback would carry the key's text among its local variables.
        raise LoginRefused(
            f"{where(device)}: the private key cannot be used: {exc}; expected an OpenSSH or PEM key, with its "
            "passphrase if it is encrypted",
        ) from None


# A fleet mostly shares one key, and an encrypted one takes a tenth of a second to open.
@functools.lru_cache(maxsize=64)
def _import_key(text: str, passphrase: str | None) -> asyncssh.SSHKey:
    return asyncssh.import_private_key(text, passphrase)


def _login_refused(device: Device) -> str:
    offered = [
        name for name, value in (("a private key", device.private_key), ("a password", device.password)) if value
    ]
    user = f" as {device.user}" if device.user else ""
    if not offered:
        return (
            f"{where(device)}: the device refused the login{user}: neither a private key nor a password is given; "
            "set ansible_ssh_private_key_file or ansible_password"
        )
    return (
        f"{where(device)}: the device refused the login{user} with {' and '.join(offered)}; check ansible_user and "
        "the credentials"
    )


def _host_key_refused(device: Device, known_hosts: asyncssh.SSHKnownHosts | None, reason: str) -> str:
    if "revoked" in reason:
        return f"{where(device)}: the host key is marked revoked in known_hosts; do not log in before it is replaced"
    if any(_recorded(device, known_hosts)):
        return (
            f"{where(device)}: the host key is not the one in known_hosts; if the device was replaced, record its "
            "new key, otherwise somebody may be in between"
        )
    return (
        f"{where(device)}: the host key is not in known_hosts; compare its fingerprint on the device and record it, "
        "or set ansible_host_key_checking to false to go without"
    )


def _recorded(device: Device, known_hosts: asyncssh.SSHKnownHosts | None) -> tuple[list[asyncssh.SSHKey], bool]:
    """Return the host keys on record and whether a certificate authority is."""
    if known_hosts is None:
        return [], False
    port = device.port if device.port != asyncssh.DEFAULT_PORT else None
    keys, authorities, *_others = known_hosts.match(device.host, "", port)
    return list(keys), bool(authorities)


def _host_key_algorithms(device: Device, known_hosts: asyncssh.SSHKnownHosts | None) -> list[str]:
    # Types on record first, so that the device shows the key that can be compared; then all others, so that a device
    # whose key changed type fails at the comparison and not at the negotiation, which names no cause.
    keys, authority = _recorded(device, known_hosts)
    recorded = [algorithm.decode() for key in keys for algorithm in key.sig_algorithms]
    certificates = [f"{name}-cert-v01@openssh.com" for name in _HOST_KEYS] if authority else []
    return list(dict.fromkeys([*certificates, *recorded, *_HOST_KEYS]))


def _reason(exc: Exception) -> str:
    return str(getattr(exc, "reason", "") or getattr(exc, "strerror", "") or type(exc).__name__)
