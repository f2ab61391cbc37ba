# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The embedded fleet's driver, against routers on loopback."""

import asyncio
import contextlib
import json
import re
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.devices.base import Device, Hold, Proof
from engine.devices.embedded import DRIVER
from engine.embedded.running import serving
from engine.errors import CommandFailed, LoginRefused, NotHeld, Rejected, SessionLost, Unreachable

NTP = "ntp server 10.9.9.9\n"


@pytest.fixture
async def fleet(tmp_path):
    async with serving(tmp_path / "fleet", devices=8) as running:
        yield running


def device(fleet, name="leaf-001", **options):
    known = fleet.state.known_hosts.read_text(encoding="utf-8").splitlines()
    found = Device(
        name=name,
        network_os="embedded",
        host=fleet.nodes[name].host,
        port=fleet.port,
        user="admin",
        private_key=fleet.state.user_key.read_text(encoding="utf-8"),
        known_hosts=next(line for line in known if line.startswith(f"[{fleet.nodes[name].host}]:")),
        timeout=20,
    )
    return replace(found, **options)


def faults(fleet, **entry):
    fleet.state.faults.write_text(json.dumps({"leaf-001": entry}), encoding="utf-8")


@pytest.fixture
async def session(fleet):
    opened = await DRIVER.connect(device(fleet))
    yield opened
    await opened.close()


@pytest.fixture
def router(fleet):
    return fleet.fleet.routers["leaf-001"]


async def test_a_change_is_planned_without_touching_the_device_and_applied_as_planned(session, router):
    before = await session.snapshot()
    assert before.running == router.running
    change = await session.propose(before.running, NTP, "merge")
    assert change.diff == ("+ntp server 10.9.9.9",)
    assert router.running == before.running
    await session.apply(change)
    assert "\nntp server 10.9.9.9\n" in (await session.snapshot()).running
    assert (await session.propose("", NTP, "merge")).empty


async def test_replace_is_the_whole_configuration_and_its_own_text_is_no_change(session):
    running = (await session.snapshot()).running
    assert (await session.propose(running, running, "replace")).empty
    without = running.replace("ntp server 10.255.0.1\n", "")
    assert (await session.propose(running, without, "replace")).diff == ("-ntp server 10.255.0.1",)


async def test_saving_and_restoring_bring_back_running_and_startup_byte_for_byte(session, router):
    await session.apply(await session.propose("", "domain-name unsaved.example.net\n", "merge"))
    before = await session.snapshot()
    assert before.running != before.startup
    await session.apply(await session.propose("", "hostname renamed\n" + NTP, "merge"))
    await session.save()
    assert router.startup == router.running != before.running
    await session.restore(before)
    assert (router.running, router.startup) == (before.running, before.startup)


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ("hostname a\nsnmp-server community topsecret rx\n", "line 2 ('snmp-server ...')"),
        ("router bgp 1\n", "BGP runs in AS"),
        ("hostname a\n.\nshow version\n", "line 2 of the configuration would end the input"),
    ],
)
async def test_a_configuration_that_the_device_refuses_is_rejected_when_planned(session, router, wanted, says):
    before = router.running
    with pytest.raises(Rejected) as caught:
        await session.propose(before, wanted, "merge")
    assert says in str(caught.value)
    assert "leaf-001 (127.64.0." in str(caught.value)
    assert "topsecret" not in str(caught.value)
    assert router.running == before
    assert not (await session.propose(before, NTP, "merge")).empty


async def test_a_refused_commit_is_rejected_with_the_devices_reason(fleet, session, router):
    change = await session.propose("", NTP, "merge")
    faults(fleet, reject="no space left on flash")
    with pytest.raises(Rejected, match="refused the commit: no space left on flash"):
        await session.apply(change)
    assert "10.9.9.9" not in router.running
    assert await session.command("show version")


@pytest.mark.parametrize(("cut", "applied"), [("before-commit", False), ("after-commit", True)])
async def test_a_session_cut_at_the_commit_is_lost_whatever_became_of_it(fleet, session, router, cut, applied):
    change = await session.propose("", NTP, "merge")
    faults(fleet, cut=cut, times=1)
    with pytest.raises(SessionLost):
        await session.apply(change)
    assert ("10.9.9.9" in router.running) is applied
    again = await DRIVER.connect(device(fleet))
    assert (await again.propose("", NTP, "merge")).empty is applied
    await again.close()


async def test_a_commit_without_an_answer_has_an_unknown_outcome(fleet):
    session = await DRIVER.connect(device(fleet, timeout=0.5))
    change = await session.propose("", NTP, "merge")
    faults(fleet, hang="commit")
    with pytest.raises(SessionLost, match="outcome is unknown"):
        await session.apply(change)
    await session.close()


RUN = "r-abcdefghij"


async def hold(session, seconds=300.0, token=RUN, lines=NTP):
    await session.apply(await session.propose("", lines, "merge"), Hold(token, seconds))


async def test_a_held_change_is_kept_by_whoever_knows_whose_it_is_from_another_session(fleet, session, router):
    assert await session.held() is None
    await hold(session)
    await session.close()
    another = await DRIVER.connect(device(fleet))
    held = await another.held()
    assert held.token == RUN
    assert 290 < held.remaining <= 300
    with pytest.raises(NotHeld, match=f"is that of {RUN}"):
        await another.confirm("r-somebodyel")
    with pytest.raises(Rejected, match="another session is pending"):
        await hold(another, token="r-somebodyel", lines="ntp server 10.8.8.8\n")
    with pytest.raises(Rejected, match=f"is that of {RUN}"):
        await another.apply(await another.propose("", "ntp server 10.8.8.8\n", "merge"))
    await another.confirm(RUN)
    assert await another.held() is None
    with pytest.raises(NotHeld, match="no commit waits"):
        await another.confirm(RUN)
    await another.close()
    assert NTP in router.running
    assert NTP not in router.startup


async def test_a_held_change_that_nobody_confirms_is_taken_back_by_the_device_itself(fleet, session, router):
    before = router.running
    await hold(session, 0.1)
    await session.close()
    async with asyncio.timeout(60):
        while router.unconfirmed:  # noqa: ASYNC110 - only the router's own clock ends this
            await asyncio.sleep(0.05)
    assert router.running == before
    late = await DRIVER.connect(device(fleet))
    assert await late.held() is None
    with pytest.raises(NotHeld, match=f"that of {RUN} was undone when its time was over"):
        await late.confirm(RUN)
    with pytest.raises(NotHeld):
        await late.cancel(RUN)
    await late.close()


async def test_a_held_change_is_cancelled_at_once(session, router):
    before = router.running
    await hold(session)
    with pytest.raises(NotHeld):
        await session.cancel("r-somebodyel")
    await session.cancel(RUN)
    assert router.running == before
    assert await session.held() is None


@pytest.mark.parametrize(("cut", "kept"), [("before-confirm", False), ("after-confirm", True)])
async def test_a_session_cut_at_the_confirmation_is_lost_whatever_became_of_it(fleet, session, router, cut, kept):
    await hold(session)
    faults(fleet, cut=cut, times=1)
    with pytest.raises(SessionLost):
        await session.confirm(RUN)
    assert router.unconfirmed is not kept
    assert NTP in router.running


@settings(deadline=None, max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.sampled_from(["hold", "confirm", "cancel", "expire", "restart", "foreign confirm"]), min_size=3, max_size=10
    )
)
async def test_whatever_the_order_a_change_is_kept_exactly_when_it_was_confirmed_in_time(steps, tmp_path):
    """The router against a model: what runs, and what would run if nobody came any more."""
    kept, held = 0, None
    async with contextlib.AsyncExitStack() as stack:
        fleet = await stack.enter_async_context(serving(tmp_path, devices=4, reset=True))
        for number, step in enumerate(steps, start=1):
            router = fleet.fleet.routers["leaf-001"]
            if step == "restart":
                await stack.aclose()
                fleet = await stack.enter_async_context(serving(tmp_path, devices=4))
                router, held = fleet.fleet.routers["leaf-001"], None
            elif step == "expire":
                if router.unconfirmed:
                    router._undo_late()
                held = None
            else:
                session = await DRIVER.connect(device(fleet))
                token = "r-somebodyel" if step == "foreign confirm" else RUN
                act = {
                    "hold": lambda s=session, n=number: hold(s, lines=f"domain-name {n}.example.net\n"),
                    "cancel": lambda s=session: s.cancel(RUN),
                }.get(step, lambda s=session, t=token: s.confirm(t))
                expected = (step == "hold") is (held is None) and step != "foreign confirm"
                if expected:
                    await act()
                    kept, held = (held if step == "confirm" else kept), (number if step == "hold" else None)
                else:
                    with pytest.raises((NotHeld, Rejected)):
                        await act()
                await session.close()
            runs = held or kept
            found = re.search(r"^domain-name (\d+)", router.running, re.MULTILINE)
            assert (int(found[1]) if found else 0) == runs


async def test_noise_is_not_taken_for_an_answer(fleet, session, router):
    faults(fleet, garbage="show running-config")
    with pytest.raises(CommandFailed, match="not a whole configuration"):
        await session.snapshot()
    for command in ("configure", "load", "compare", "check"):
        faults(fleet, garbage=command)
        noisy = await DRIVER.connect(device(fleet))
        with pytest.raises(CommandFailed, match=f"answer to '{command}.*' cannot be understood"):
            await noisy.propose("", NTP, "merge")
        await noisy.close()
    faults(fleet, garbage="commit")
    with pytest.raises(SessionLost, match="outcome is unknown"):
        await session._commit("merge", NTP)
    assert "10.9.9.9" not in router.running


async def test_a_change_by_hand_or_one_that_is_taken_back_is_seen_when_the_device_is_read(fleet, session):
    before = await session.snapshot()
    faults(fleet, by_hand=["ntp server 10.8.8.8"])
    assert "10.8.8.8" in (await session.snapshot()).running
    faults(fleet, revert=True)
    await session.apply(await session.propose("", NTP, "merge"))
    after = (await session.snapshot()).running
    assert "10.9.9.9" not in after
    assert after != before.running


async def test_what_keeps_a_session_from_opening_has_its_own_error(fleet):
    faults(fleet, unreachable=True)
    with pytest.raises(Unreachable):
        await DRIVER.connect(device(fleet))
    faults(fleet, wrong_password=True)
    with pytest.raises(LoginRefused):
        await DRIVER.connect(device(fleet))
    faults(fleet, slow_login=60)
    with pytest.raises(Unreachable):
        await DRIVER.connect(device(fleet, timeout=0.5))


async def test_checks_are_single_show_commands(session):
    assert json.loads(await session.command("show bgp summary json"))["failedPeers"] == 0
    for line in ("configure", "show version\nconfigure"):
        with pytest.raises(CommandFailed, match="only one 'show' command"):
            await session.command(line)
    with pytest.raises(CommandFailed, match="unknown command"):
        await session.command("show nothing")
    with pytest.raises(CommandFailed, match="no shell"):
        await session.command("ls", shell=True)


async def test_a_closed_session_is_lost_not_stuck(session):
    await session.close()
    with pytest.raises(SessionLost):
        await session.snapshot()


def test_comments_and_separators_do_not_count():
    assert DRIVER.normalise("! made by hand\n!\nhostname a  \n!\nend\n") == "hostname a\nend\n"


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        ("-snmp-server community s3cret ro", "s3cret"),
        ("username admin secret s3cret", "s3cret"),
        (" neighbor 10.0.0.1 password s3cret", "s3cret"),
        ("  key-string s3cret", "s3cret"),
    ],
)
def test_the_platform_knows_its_secrets(line, secret):
    found = [match["secret"] for pattern in DRIVER.secrets if (match := pattern.search(line))]
    assert found == [secret]


async def test_two_hundred_devices_are_changed_at_the_same_time(tmp_path):
    async def change(target):
        session = await DRIVER.connect(target)
        try:
            await session.apply(await session.propose("", NTP, "merge"))
        finally:
            await session.close()

    async with serving(tmp_path, devices=200) as fleet, asyncio.timeout(120):
        await asyncio.gather(*(change(device(fleet, name, timeout=100)) for name in fleet.nodes))
        assert all(NTP in router.running for router in fleet.fleet.routers.values())


async def test_the_way_back_is_walked_in_the_candidate_and_what_would_be_left_is_said(session, router):
    before = (await session.snapshot()).running
    assert (await session.propose(before, "hostname renamed\n" + NTP, "merge")).rollback == Proof("proved")
    other = before.replace("ntp server 10.255.0.1\n", "")
    doubt = (await session.propose(other, NTP, "merge")).rollback
    assert doubt.verdict == "not_proved"
    assert "'-ntp server 10.255.0.1'" in doubt.reason
    assert router.running == before
