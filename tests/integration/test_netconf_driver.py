# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The NETCONF driver on real servers: netconfd with a candidate, with a writable running one, and with base:1.0."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator, Iterator

import pytest

from engine.devices.base import Change, Device, Hold
from engine.devices.netconf import DRIVER, NetconfSession
from engine.devices.netconf_rpc import RpcError
from engine.errors import CommandFailed, HostKeyRefused, LoginRefused, NotHeld, Rejected, SessionLost, Unreachable
from tests.integration import hello_with_request
from tests.integration.netconfd import SYSTEM, Server, serving, why_not

pytestmark = pytest.mark.netconf

IF = "urn:ietf:params:xml:ns:yang:ietf-interfaces"
TYPES = "urn:ietf:params:xml:ns:yang:iana-if-type"
SECRET = "radius-s3cret-0815"


def system(hostname: str = "r1", *more: str) -> str:
    return f'<system xmlns="{SYSTEM}"><hostname>{hostname}</hostname>{"".join(more)}</system>'


def radius(address: str = "192.0.2.1") -> str:
    udp = f"<udp><address>{address}</address><shared-secret>{SECRET}</shared-secret></udp>"
    return f"<radius><server><name>a</name>{udp}</server></radius>"


def interfaces(*names: str, description: str = "a &lt; b &amp; c") -> str:
    # The prefix is another one than the server writes.
    entries = "".join(
        f'<interface><name>{name}</name><type xmlns:t="{TYPES}">t:ethernetCsmacd</type>'
        f"<description>{description}</description></interface>"
        for name in names
    )
    return f'<interfaces xmlns="{IF}">{entries}</interfaces>'


def config(*parts: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<config>\n{"".join(parts)}</config>\n'


@pytest.fixture(scope="module", params=["candidate", "running", "old"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    if reason := why_not():
        pytest.skip(reason)
    with serving(request.param) as running:
        yield running


@contextlib.asynccontextmanager
async def session(device: Device) -> AsyncIterator[NetconfSession]:
    opened = await DRIVER.connect(device)
    try:
        yield opened
    finally:
        await opened.close()


@pytest.fixture
async def opened(server: Server) -> AsyncIterator[NetconfSession]:
    """A session with a device that is afterwards as it was."""
    async with session(server.device()) as found:
        before = await found.snapshot()
        yield found
    async with session(server.device()) as found:
        await found.restore(before)
        assert await found.snapshot() == before


async def replace(opened: NetconfSession, wanted: str) -> tuple[str, ...]:
    change = await opened.propose((await opened.snapshot()).running, wanted, "replace")
    await opened.apply(change)
    return change.diff


async def test_a_replacement_is_planned_without_touching_made_once_and_then_unchanged(opened: NetconfSession) -> None:
    before = await opened.snapshot()
    wanted = config(system("r7", radius()), interfaces("eth1", "eth0"))
    change = await opened.propose(before.running, wanted, "replace")
    assert await opened.snapshot() == before
    assert "+  hostname r7" in change.diff
    assert "+    type {urn:ietf:params:xml:ns:yang:iana-if-type}ethernetCsmacd" in change.diff
    await opened.apply(change)
    after = await opened.snapshot()
    assert after.startup == before.startup
    assert (await opened.propose(after.running, wanted, "replace")).empty
    await opened.save()
    saved = await opened.snapshot()
    assert saved.startup in (None, saved.running)


async def test_what_the_document_does_not_have_is_gone_after_a_replacement_and_kept_by_a_merge(
    opened: NetconfSession,
) -> None:
    await replace(opened, config(system("r1", radius()), interfaces("eth0", "eth1")))
    diff = await replace(opened, config(interfaces("eth1")))
    assert "-  hostname r1" in diff
    assert "-  interface [name eth0]" in diff
    assert SYSTEM not in (await opened.snapshot()).running
    for wanted in (config(system("r2")), interfaces("eth1", description="new")):
        running = (await opened.snapshot()).running
        change = await opened.propose(running, wanted, "merge")
        await opened.apply(change)
        assert (await opened.propose((await opened.snapshot()).running, wanted, "merge")).empty
    left = DRIVER.normalise((await opened.snapshot()).running)
    assert "hostname r2" in left
    assert "description new" in left
    assert "interface [name eth0]" not in left


async def test_a_merge_can_delete_by_operation(opened: NetconfSession) -> None:
    await replace(opened, config(system("r1", radius()), interfaces("eth0")))
    gone = f'<system xmlns="{SYSTEM}" xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0">'
    gone += '<radius nc:operation="delete"/></system>'
    change = await opened.propose((await opened.snapshot()).running, gone, "merge")
    assert "-  radius" in change.diff
    await opened.apply(change)
    assert SECRET not in (await opened.snapshot()).running


async def test_restore_brings_back_every_byte(opened: NetconfSession) -> None:
    await replace(opened, config(system("before", radius()), interfaces("eth3", "eth2")))
    await opened.save()
    before = await opened.snapshot()
    await replace(opened, config(system("after"), interfaces("eth0")))
    await opened.save()
    await opened.restore(before)
    assert await opened.snapshot() == before


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("<config>\n<system", "not well-formed XML: line 2"),
        ("", "not well-formed XML: line 1"),
        ("<config/>", "the rendered configuration is empty"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><config>&b;</config>', "entities, is not accepted"),
        (
            f'<system xmlns="{SYSTEM}" xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0" nc:operation="delete"/>',
            "operation",
        ),
    ],
)
async def test_a_document_that_cannot_be_one_is_refused_when_it_is_planned(
    opened: NetconfSession, wanted: str, said: str
) -> None:
    with pytest.raises(Rejected, match=said):
        await opened.propose((await opened.snapshot()).running, wanted, "replace")


@pytest.mark.parametrize(
    ("wanted", "named"),
    [
        (config(f'<system xmlns="{SYSTEM}"><hostnam>x</hostnam></system>'), "at /rpc/edit-config/config/system"),
        (config(interfaces("eth0").replace("t:ethernetCsmacd", "t:nosuchtype")), "bad-value t:nosuchtype"),
        (config('<nothing xmlns="urn:nothing"/>'), "nothing"),
    ],
    ids=["element", "value", "namespace"],
)
async def test_what_the_device_refuses_changes_nothing_and_says_where(
    opened: NetconfSession, wanted: str, named: str, server: Server
) -> None:
    await replace(opened, config(system("r1", radius())))
    before = await opened.snapshot()
    with pytest.raises(Rejected, match="the device refused the configuration: ") as refused:
        await replace(opened, wanted)
    assert named in str(refused.value)
    assert await opened.snapshot() == before
    # Neither a candidate nor a lock is left behind.
    async with session(server.device()) as other:
        assert "+  hostname r9" in await replace(other, config(system("r9")))


async def test_a_configuration_that_another_session_has_locked_is_left_alone(
    opened: NetconfSession, server: Server
) -> None:
    change = await opened.propose((await opened.snapshot()).running, config(system("r5")), "replace")
    async with session(server.device()) as other:
        await other.client.call("<lock><target><running/></target></lock>")
        with pytest.raises(CommandFailed, match="cannot be locked: lock denied"):
            await opened.apply(change)
        assert "r5" not in (await opened.snapshot()).running
        await other.client.call("<unlock><target><running/></target></unlock>")
        await opened.apply(change)


async def test_a_session_that_dies_in_the_middle_of_a_change_leaves_nothing_behind(server: Server) -> None:
    async with session(server.device()) as dying:
        before = await dying.snapshot()
        target = "candidate" if dying.client.has("candidate") else "running"
        await dying.client.call(f"<lock><target><{target}/></target></lock>")
        if target == "candidate":
            edit = f"<config>{system('half')}</config>"
            await dying.client.call(f"<edit-config><target><candidate/></target>{edit}</edit-config>")
    async with session(server.device()) as next_one:
        for _try in range(50):
            with contextlib.suppress(CommandFailed):
                change = await next_one.propose(before.running, config(system("whole")), "merge")
                break
        assert "half" not in str(change.diff)
        assert await next_one.snapshot() == before


async def test_a_check_reads_what_its_filter_says(opened: NetconfSession) -> None:
    await replace(opened, config(system("r3", radius()), interfaces("eth0")))
    shown = await opened.command(f'get-config <system xmlns="{SYSTEM}"><hostname/></system>')
    assert shown == f"system ({SYSTEM})\n  hostname r3\n"
    assert "interface [name eth0]" in await opened.command("get")


async def test_a_request_that_netconfd_reads_together_with_the_hello_is_answered() -> None:
    if reason := why_not():
        pytest.skip(reason)
    with serving("candidate", in_between=[sys.executable, hello_with_request.__file__]) as server:
        async with session(server.device()) as opened:
            before = await opened.snapshot()
            await replace(opened, config(system("r1")))
            assert before != await opened.snapshot()


async def test_a_server_that_dies_is_a_lost_session_and_then_unreachable() -> None:
    if reason := why_not():
        pytest.skip(reason)
    with serving("candidate") as server:
        async with session(server.device()) as opened:
            server.netconfd.send_signal(signal.SIGKILL)
            server.netconfd.wait()
            with pytest.raises(SessionLost):
                await opened.snapshot()
        with pytest.raises((CommandFailed, SessionLost)):
            await DRIVER.connect(server.device())


async def test_strangers_and_strange_doors_are_told_apart(server: Server) -> None:
    with pytest.raises(HostKeyRefused):
        await DRIVER.connect(server.device(known_hosts=""))
    with pytest.raises(LoginRefused):
        await DRIVER.connect(server.device(private_key=None, password="wrong"))
    with pytest.raises(Unreachable):
        await DRIVER.connect(server.device(host="127.0.0.2"))


async def test_an_error_of_the_device_is_read_with_its_tag(opened: NetconfSession) -> None:
    with pytest.raises(RpcError) as refused:
        await opened.client.call("<no-such-operation/>")
    assert refused.value.tag


@pytest.fixture(scope="module")
def confirming() -> Iterator[Server]:
    if reason := why_not():
        pytest.skip(reason)
    with serving("candidate") as running:
        yield running


HOLD = Hold(token="r-abc-1", seconds=600)


@pytest.fixture
async def trial(confirming: Server) -> AsyncIterator[tuple[Server, str]]:
    """A change held on a device by a session that is gone; what ran before it."""
    async with session(confirming.device()) as opened:
        await replace(opened, config(system("settled", radius())))
        before = await opened.snapshot()
        assert await opened.held() is None
        change = await opened.propose(before.running, config(system("on-trial")), "replace")
        await opened.apply(change, HOLD)
    yield confirming, before.running
    async with session(confirming.device()) as opened:
        with contextlib.suppress(NotHeld):
            await opened.cancel(HOLD.token)


async def test_a_change_on_trial_outlives_its_session_and_another_one_confirms_it(trial: tuple[Server, str]) -> None:
    server, _before = trial
    async with session(server.device()) as other:
        assert await other.held() is not None
        running = (await other.snapshot()).running
        assert "on-trial" in running
        # It is verified while it is on trial.
        assert (await other.propose(running, config(system("on-trial")), "replace")).empty
        assert (await other.propose(running, config(system("on-trial")), "merge")).empty
        with pytest.raises(NotHeld):
            await other.confirm("r-somebody-else")
        await other.confirm(HOLD.token)
        assert await other.held() is None
        assert (await other.snapshot()).running == running
        with pytest.raises(NotHeld):
            await other.cancel(HOLD.token)


async def test_a_change_on_trial_is_taken_back_when_it_is_cancelled(trial: tuple[Server, str]) -> None:
    server, before = trial
    async with session(server.device()) as other:
        await other.cancel(HOLD.token)
        assert await other.held() is None
        assert (await other.snapshot()).running == before
        with pytest.raises(NotHeld):
            await other.confirm(HOLD.token)


async def test_what_is_in_the_candidate_is_not_committed_by_a_confirmation(trial: tuple[Server, str]) -> None:
    server, _before = trial
    async with session(server.device()) as stranger, session(server.device()) as other:
        edit = f"<target><candidate/></target><config>{system('stray')}</config>"
        await stranger.client.call(f"<edit-config>{edit}</edit-config>")
        await other.confirm(HOLD.token)
        assert "stray" not in (await other.snapshot()).running


async def test_a_second_change_is_refused_while_one_is_on_trial(trial: tuple[Server, str]) -> None:
    server, _before = trial
    async with session(server.device()) as other:
        with pytest.raises(Rejected, match="another change is on trial"):
            await other.apply(Change("replace", config(system("second")), ("+x",)), Hold("r-2", 60))
        assert "on-trial" in (await other.snapshot()).running


async def test_a_device_takes_a_change_back_by_itself_when_nobody_confirms(confirming: Server) -> None:
    async with session(confirming.device()) as opened:
        await replace(opened, config(system("settled")))
        before = (await opened.snapshot()).running
        await opened.apply(Change("replace", config(system("brief")), ("+x",)), Hold("r-3", 1))
        assert "brief" in (await opened.snapshot()).running
    async with session(confirming.device()) as other:
        # netconfd looks at its clock only when it had nothing to do for a second.
        for _look in range(20):
            await asyncio.sleep(1.5)
            if await other.held() is None:
                break
        assert (await other.snapshot()).running == before
        with pytest.raises(NotHeld):
            await other.confirm("r-3")


@pytest.mark.parametrize("kind", ["running", "old"])
async def test_a_device_that_cannot_hold_a_change_says_so_before_anything_is_sent(kind: str) -> None:
    if reason := why_not():
        pytest.skip(reason)
    with serving(kind) as server:
        async with session(server.device()) as opened:
            before = await opened.snapshot()
            with pytest.raises(Rejected, match="it cannot hold a change"):
                await opened.held()
            with pytest.raises(Rejected, match="it cannot hold a change"):
                await opened.apply(Change("replace", config(system("x")), ("+x",)), HOLD)
            assert await opened.snapshot() == before


async def test_the_way_back_is_walked_in_the_candidate_before_anything_is_touched(opened: NetconfSession) -> None:
    await replace(opened, config(system("r1", radius()), interfaces("eth1", "eth0")))
    before = await opened.snapshot()
    change = await opened.propose(before.running, config(system("r2")), "replace")
    assert change.rollback.verdict == ("proved" if opened.client.has("candidate") else "unprovable")
    assert await opened.snapshot() == before
