# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""NETCONF sessions against a server that misbehaves on purpose; what a good one does is tested on a real one."""

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator, Callable

import asyncssh
import pytest

from engine.devices import netconf_rpc
from engine.devices.base import Change, Device, Snapshot
from engine.devices.netconf import DRIVER
from engine.devices.netconf_xml import BASE
from engine.errors import CommandFailed, DeviceError, Rejected, SessionLost

MARK = b"]]>]]>"
DATA = '<data><system xmlns="urn:s"><hostname>r1</hostname></system></data>'
OK = "<ok/>"

Answer = str | bytes | None
"""A reply's content; whole bytes; or ``None``: hang up."""


def hello(*capabilities: str) -> bytes:
    offered = "".join(f"<capability>{each}</capability>" for each in capabilities)
    return f'<hello xmlns="{BASE}"><capabilities>{offered}</capabilities><session-id>4</session-id></hello>'.encode()


def capability(name: str) -> str:
    return f"urn:ietf:params:netconf:capability:{name}"


OLD = ("urn:ietf:params:netconf:base:1.0", capability("candidate:1.0"), capability("validate:1.0"))


class Server:
    """Answers every operation by what ``answers`` has for its name; ``asked`` is what was asked."""

    def __init__(self) -> None:
        self.greeting: bytes | None = hello(*OLD)
        self.answers: dict[str, Answer] = {"get-config": DATA}
        self.asked: list[str] = []

    async def serve(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        with contextlib.suppress(asyncssh.Error, OSError, asyncio.IncompleteReadError):
            if self.greeting is None:
                await process.stdin.read()
                return
            process.stdout.write(self.greeting + MARK)
            await process.stdin.readuntil(MARK)
            while True:
                request = (await process.stdin.readuntil(MARK)).decode()
                number = request.split('message-id="')[1].split('"')[0]
                name = request.split("><", 1)[1].split(">")[0].strip("/")
                self.asked.append(name)
                answer = self.answers.get(name, OK)
                if answer is None:
                    process.channel.get_connection().abort()
                    return
                if isinstance(answer, str):
                    answer = f'<rpc-reply xmlns="{BASE}" message-id="{number}">{answer}</rpc-reply>'.encode() + MARK
                process.stdout.write(answer)
                await process.stdout.drain()


class Waiting:
    """Speaks base:1.1, and looks at a request only when more comes, as netconfd at one that came with the hello."""

    def __init__(self, *capabilities: str) -> None:
        self.greeting = hello("urn:ietf:params:netconf:base:1.1", *capabilities)
        self.requests: list[bytes] = []
        self.more = b""

    async def serve(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        with contextlib.suppress(asyncssh.Error, OSError, asyncio.IncompleteReadError):
            process.stdout.write(self.greeting + MARK)
            await process.stdin.readuntil(MARK)
            while True:
                self.requests.append(self.more + await process.stdin.readuntil(b"\n##\n"))
                self.more = b"" if self.more else await process.stdin.readexactly(1)
                number = len(self.requests)
                answer = f'<rpc-reply xmlns="{BASE}" message-id="{number}">{DATA}</rpc-reply>'.encode()
                process.stdout.write(b"\n#%d\n%s\n##\n" % (len(answer), answer))


@contextlib.asynccontextmanager
async def listening(server: Server | Waiting) -> AsyncIterator[Device]:
    key = asyncssh.generate_private_key("ssh-ed25519")
    acceptor = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_factory=NoLogin,
        server_host_keys=[key],
        process_factory=server.serve,
        encoding=None,
    )
    try:
        yield Device(name="nc", network_os="netconf", host="127.0.0.1", port=acceptor.get_port(), timeout=30.0)
    finally:
        acceptor.close()


@pytest.fixture
async def running() -> AsyncIterator[tuple[Server, Device]]:
    server = Server()
    async with listening(server) as device:
        yield server, device


class NoLogin(asyncssh.SSHServer):
    def begin_auth(self, username: str) -> bool:
        return False


async def ask(device: Device) -> Snapshot:
    session = await DRIVER.connect(device)
    try:
        return await session.snapshot()
    finally:
        await session.close()


def breaks(server: Server, **answers: Answer) -> None:
    server.answers |= {name.replace("_", "-"): answer for name, answer in answers.items()}


async def test_a_good_answer_is_read(running: tuple[Server, Device]) -> None:
    assert "<hostname>r1</hostname>" in (await ask(running[1])).running


ERROR = (
    "<rpc-error><error-type>application</error-type><error-tag>{tag}</error-tag><error-severity>{severity}"
    '</error-severity><error-path xmlns:s="urn:s">/s:system/s:hostname</error-path>'
    "<error-message>no  such\n name</error-message></rpc-error>"
)


@pytest.mark.parametrize(
    ("break_it", "error", "said"),
    [
        (lambda s: setattr(s, "greeting", None), CommandFailed, "no NETCONF greeting came"),
        (lambda s: setattr(s, "greeting", b"Welcome!"), CommandFailed, "no NETCONF greeting came: line 1"),
        (lambda s: setattr(s, "greeting", hello("urn:other")), CommandFailed, "names no version of NETCONF"),
        (lambda s: breaks(s, get_config=None), SessionLost, "before <get-config> was answered"),
        (lambda s: breaks(s, get_config=b"%%%" + MARK), CommandFailed, "no XML that can be taken: line 1"),
        (lambda s: breaks(s, get_config=b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>' + MARK), CommandFailed, "entities"),
        (lambda s: breaks(s, get_config=b"<rpc-reply/>" + MARK), CommandFailed, "an answer to something else"),
        (
            lambda s: breaks(s, get_config=f'<rpc-reply xmlns="{BASE}" message-id="99"/>'.encode() + MARK),
            CommandFailed,
            "an answer to something else",
        ),
        (lambda s: breaks(s, get_config=b"<rpc-reply"), CommandFailed, "no answer to <get-config> within 8 s"),
        (lambda s: breaks(s, get_config=OK), CommandFailed, "holds no data"),
        (
            lambda s: breaks(s, get_config=ERROR.format(tag="access-denied", severity="error")),
            CommandFailed,
            "could not read its running configuration: no such name (access-denied) at /system/hostname",
        ),
        (lambda s: breaks(s, get_config=b"x" * (1 << 20)), CommandFailed, "a message of more than"),
    ],
)
async def test_a_device_that_answers_badly_is_told_apart(
    running: tuple[Server, Device],
    monkeypatch: pytest.MonkeyPatch,
    break_it: Callable[[Server], None],
    error: type[DeviceError],
    said: str,
) -> None:
    monkeypatch.setattr(netconf_rpc, "ANSWER_LIMIT", 1 << 19)
    server, device = running
    break_it(server)
    with pytest.raises(error) as raised:
        await ask(Device(**{**{each: getattr(device, each) for each in device.__slots__}, "timeout": 8.0}))
    assert said in str(raised.value)
    assert str(raised.value).startswith("nc (127.0.0.1:")


async def test_a_hundred_megabytes_are_not_taken(running: tuple[Server, Device]) -> None:
    server, device = running
    breaks(server, get_config=b"x" * (100 << 20))
    with pytest.raises(CommandFailed, match="a message of more than 32 MiB"):
        await ask(device)


async def test_warnings_beside_an_answer_are_no_refusal(running: tuple[Server, Device]) -> None:
    server, device = running
    breaks(server, get_config=ERROR.format(tag="x", severity="warning") + DATA)
    assert "hostname" in (await ask(device)).running


async def test_a_netconfd_that_waits_for_more_after_the_first_request_gets_what_the_second_begins_with() -> None:
    server = Waiting("http://netconfcentral.org/ns/yuma-types?module=yuma-types&amp;revision=2012-06-01")
    async with listening(server) as device:
        session = await DRIVER.connect(device)
        assert await session.snapshot() == await session.snapshot()
        await session.close()
    assert [request.count(b"\n#") for request in server.requests] == [2, 2]


async def test_no_other_server_gets_a_byte_before_there_is_a_request() -> None:
    server = Waiting()
    async with listening(server) as device:
        with pytest.raises(CommandFailed, match="no answer to <get-config> within 1 s"):
            await ask(dataclasses.replace(device, timeout=1.0))
    assert (len(server.requests), server.more) == (1, b"")


WANTED = '<system xmlns="urn:s"><hostname>r2</hostname></system>'


@pytest.mark.parametrize("refused_at", ["edit-config", "validate"])
async def test_a_plan_that_is_refused_leaves_no_candidate_and_no_lock_behind(
    running: tuple[Server, Device], refused_at: str
) -> None:
    server, device = running
    breaks(server, **{refused_at.replace("-", "_"): ERROR.format(tag="bad-element", severity="error")})
    session = await DRIVER.connect(device)
    with pytest.raises(Rejected, match="no such name"):
        await session.propose("<config/>", WANTED, "replace")
    assert server.asked[-2:] == ["discard-changes", "unlock"]
    assert "commit" not in server.asked
    await session.close()


async def test_a_lock_that_somebody_else_has_stops_the_change_before_it_is_sent(
    running: tuple[Server, Device],
) -> None:
    server, device = running
    breaks(server, lock=ERROR.format(tag="lock-denied", severity="error"))
    session = await DRIVER.connect(device)
    with pytest.raises(CommandFailed, match="running configuration cannot be locked: no such name"):
        await session.apply(Change("replace", WANTED, ("+x",)))
    assert set(server.asked) == {"lock"}
    await session.close()


@pytest.mark.parametrize("answer", [None, b"\n", b"nonsense" + MARK])
async def test_a_commit_without_an_answer_is_of_unknown_outcome(
    running: tuple[Server, Device], answer: bytes | None
) -> None:
    server, device = running
    breaks(server, commit=answer)
    session = await DRIVER.connect(dataclasses.replace(device, timeout=5.0))
    with pytest.raises(SessionLost):
        await session.apply(Change("replace", WANTED, ("+x",)))
    await session.close()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("edit-config <x/>", "only 'get' or 'get-config'"),
        ("get-configuration", "only 'get' or 'get-config'"),
        ("get <x", "not well-formed XML: line 1"),
    ],
)
async def test_a_check_can_only_read(running: tuple[Server, Device], line: str, said: str) -> None:
    server, device = running
    session = await DRIVER.connect(device)
    with pytest.raises(CommandFailed, match=said):
        await session.command(line)
    assert server.asked == []
    await session.close()


async def test_an_ssh_server_without_netconf_is_named_as_what_it_is() -> None:
    class Refusing(NoLogin):
        def session_requested(self) -> bool:
            return False

    key = asyncssh.generate_private_key("ssh-ed25519")
    acceptor = await asyncssh.listen("127.0.0.1", 0, server_factory=Refusing, server_host_keys=[key])
    device = Device(name="nc", network_os="netconf", host="127.0.0.1", port=acceptor.get_port(), timeout=30.0)
    with pytest.raises(CommandFailed, match="it has no NETCONF there"):
        await DRIVER.connect(device)
    acceptor.close()
