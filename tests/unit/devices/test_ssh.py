# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""SSH sessions, against a real SSH server on loopback."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
from collections.abc import AsyncIterator
from dataclasses import replace

import asyncssh
import pytest

from engine.devices import ssh
from engine.devices.base import Device
from engine.errors import CommandFailed, DeviceError, HostKeyRefused, LoginRefused, SessionLost, Unreachable

PASSWORD = "correct-horse-battery"


class Account(asyncssh.SSHServer):
    """One user, with a password and one authorised key."""

    client_key: asyncssh.SSHKey

    def __init__(self, client_key: asyncssh.SSHKey) -> None:
        self.client_key = client_key

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == ("operator", PASSWORD)

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return username == "operator" and key == self.client_key.convert_to_public()


async def serve(process: asyncssh.SSHServerProcess[bytes]) -> None:
    """Answer like a device: each command is one way an exchange can end."""
    command = process.command
    if command == "echo":
        process.stdout.write(await process.stdin.read())
        process.stderr.write(b"a warning\n")
        process.exit(3)
    elif command == "cut":
        process.channel.get_connection().abort()
    elif command == "silent":
        await process.stdin.read()
        await asyncio.Event().wait()
    elif command == "killed":
        process.exit_with_signal("KILL")
    elif command == "latin-1":
        process.stdout.write("Zürich".encode("latin-1"))
        process.exit(0)
    elif command == "flood":
        with contextlib.suppress(asyncssh.Error, OSError):
            while True:
                process.stdout.write(b"x" * 65536)
                await process.stdout.drain()


@pytest.fixture
async def device() -> AsyncIterator[Device]:
    host_key, client_key = (asyncssh.generate_private_key("ssh-ed25519") for _key in range(2))
    server = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_factory=lambda: Account(client_key),
        server_host_keys=[host_key],
        process_factory=serve,
        encoding=None,
    )
    port = server.get_port()
    public = host_key.export_public_key().decode()
    yield Device(
        name="leaf1",
        network_os="frr",
        host="127.0.0.1",
        port=port,
        user="operator",
        private_key=client_key.export_private_key().decode(),
        known_hosts=f"[127.0.0.1]:{port} {public}",
        timeout=10,
    )
    server.close()
    await server.wait_closed()


@contextlib.asynccontextmanager
async def session(device: Device) -> AsyncIterator[asyncssh.SSHClientConnection]:
    connection = await ssh.connect(device)
    try:
        yield connection
    finally:
        connection.abort()
        await connection.wait_closed()


async def test_an_exchange_carries_stdin_both_outputs_and_the_exit_status(device: Device) -> None:
    async with session(device) as connection:
        result = await ssh.run(connection, "echo", stdin="hostname leaf1\n", timeout=10)
    assert result == ssh.Completed("hostname leaf1\n", "a warning\n", 3)
    assert "hostname" not in repr(result)


async def test_a_password_logs_in_where_no_key_is_given(device: Device) -> None:
    async with session(replace(device, private_key=None, password=PASSWORD)) as connection:
        assert (await ssh.run(connection, "killed", timeout=10)).status == 128 + 9


def other_key() -> str:
    return asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()


def other_public(kind: str = "ssh-ed25519") -> str:
    return asyncssh.generate_private_key(kind).export_public_key().decode()


REFUSALS = {
    "wrong password": (lambda d: replace(d, private_key=None, password="s3cr3t-guess"), LoginRefused, "a password"),
    "wrong key": (lambda d: replace(d, private_key=other_key()), LoginRefused, "a private key"),
    "wrong user": (lambda d: replace(d, user="nobody"), LoginRefused, "as nobody"),
    "no credentials": (lambda d: replace(d, private_key=None), LoginRefused, "neither"),
    "no key at all": (lambda d: replace(d, private_key="not a key"), LoginRefused, "private key cannot be used"),
    "unknown host": (lambda d: replace(d, known_hosts=""), HostKeyRefused, "not in known_hosts"),
    "other host's line": (
        lambda d: replace(d, known_hosts=f"192.0.2.1 {other_public()}"),
        HostKeyRefused,
        "not in known_hosts",
    ),
    "changed host key": (
        lambda d: replace(d, known_hosts=f"[127.0.0.1]:{d.port} {other_public()}"),
        HostKeyRefused,
        "is not the one in known_hosts",
    ),
    "host key of another type": (
        lambda d: replace(d, known_hosts=f"[127.0.0.1]:{d.port} {other_public('ecdsa-sha2-nistp256')}"),
        HostKeyRefused,
        "is not the one in known_hosts",
    ),
    "revoked host key": (
        lambda d: replace(d, known_hosts=f"{d.known_hosts}\n@revoked {d.known_hosts}"),
        HostKeyRefused,
        "revoked",
    ),
    "broken known_hosts": (lambda d: replace(d, known_hosts="leaf1"), HostKeyRefused, "cannot be read"),
    "nobody listens": (lambda d: replace(d, port=1), Unreachable, "Connection refused"),
}


@pytest.mark.parametrize("case", REFUSALS)
async def test_each_refused_connection_says_what_to_do_and_shows_no_secret(device: Device, case: str) -> None:
    spoil, kind, says = REFUSALS[case]
    with pytest.raises(DeviceError, match=says) as refused:
        await ssh.connect(spoil(device))
    assert refused.type is kind
    assert str(refused.value).startswith("leaf1 (")
    assert "s3cr3t" not in str(refused.value)


async def test_keys_are_not_checked_only_where_that_was_said(device: Device) -> None:
    async with session(replace(device, known_hosts=None)) as connection:
        assert connection.get_server_host_key() is not None


async def test_a_hashed_known_hosts_name_counts(device: Device) -> None:
    name, key = str(device.known_hosts).split(" ", 1)
    salt = b"0123456789abcdefghij"
    digest = hmac.new(salt, name.encode(), hashlib.sha1).digest()
    hashed = f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()} {key}"
    async with session(replace(device, known_hosts=hashed)) as connection:
        assert connection.get_server_host_key() is not None


@pytest.mark.parametrize(
    ("command", "kind", "says"),
    [
        ("cut", SessionLost, "session ended"),
        ("silent", CommandFailed, "within 0.2 s"),
        ("flood", CommandFailed, "16 MiB"),
        ("latin-1", CommandFailed, "not UTF-8"),
    ],
)
async def test_an_exchange_that_does_not_end_well_is_told_apart(
    device: Device, command: str, kind: type[DeviceError], says: str
) -> None:
    async with session(device) as connection:
        with pytest.raises(kind, match=says):
            await ssh.run(connection, command, stdin="x", timeout=0.2 if command == "silent" else 10)


async def test_a_session_that_is_gone_is_lost_and_not_a_crash(device: Device) -> None:
    async with session(device) as connection:
        connection.abort()
        with pytest.raises(SessionLost):
            await ssh.run(connection, "echo", timeout=10)
