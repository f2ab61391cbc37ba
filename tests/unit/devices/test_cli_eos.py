# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is particular to EOS: sessions that have names and outlive connections, banners, and how it tells a trial."""

import asyncio

import pytest
from clis import device, faults, other

from engine.devices import registry
from engine.devices.base import Hold
from engine.devices.cli import eos
from engine.embedded.config import parsed
from engine.embedded.eos import EosCli, Waiting
from engine.errors import CommandFailed, NotHeld, Rejected, SessionLost
from engine.sealing.masking import Masker

OURS = "raywright-{since}0000-unheld"
SECRET = "s3cret-0815"


@pytest.fixture
def spoken():
    return "eos"


async def opened(fleet):
    return await registry.driver("eos").connect(device(fleet, "eos"))


async def lost(fleet, router, **fault):
    """Lose a session of ours at the commit; gives the change that it was making."""
    session = await opened(fleet)
    before = (await session.snapshot()).running
    change = await session.propose(before, other("eos", before), "replace")
    faults(fleet, times=1, **fault)
    with pytest.raises(SessionLost):
        await session.apply(change)
    await session.close()
    return change


async def until(holds):
    async with asyncio.timeout(30):
        while not holds():  # noqa: ASYNC110 - what is waited for is another server's timer
            await asyncio.sleep(0.05)


async def test_sessions_that_lost_connections_have_left_behind_do_not_pile_up(fleet, router):
    for _time in range(7):
        change = await lost(fleet, router, cut="before-commit")
    assert len(router.history) == 1
    session = await opened(fleet)
    await session.apply(change)
    assert router.history == []
    assert "10.9.9.9" in router.running
    await session.close()


async def test_what_others_are_doing_is_left_alone_and_a_device_that_has_no_session_left_says_so(session, router):
    theirs = [Waiting(name, parsed(router.running)) for name in ("bob", "raywright", "sess-1752--1", "cvp", "x")]
    router.history.extend(theirs)
    running = (await session.snapshot()).running
    with pytest.raises(Rejected, match="pending sessions has been reached"):
        await session.propose(running, other("eos", running), "replace")
    assert router.history == theirs


async def test_a_session_of_ours_that_somebody_is_in_is_his_for_an_hour(session, router, monkeypatch):
    monkeypatch.setattr(eos.time, "time", lambda: 1_800_000_000.0)
    fresh, stale, left = (
        Waiting(OURS.format(since=f"{1_800_000_000 - age:08x}"), parsed(router.running), inside)
        for age, inside in ((60, 99), (7200, 99), (30, 0))
    )
    router.history.extend((fresh, stale, left))
    await session.propose((await session.snapshot()).running, "ntp server 10.9.9.9\n", "merge")
    assert router.history == [fresh]


async def test_two_who_plan_at_once_have_a_candidate_each(fleet, router):
    sessions = [await opened(fleet) for _each in range(4)]
    running = (await sessions[0].snapshot()).running
    changes = await asyncio.gather(
        *(each.propose(running, f"ntp server 10.9.9.{n}\n", "merge") for n, each in enumerate(sessions, start=1))
    )
    for number, change in enumerate(changes, start=1):
        assert [line for line in change.diff if line[0] in "+-"] == [f"+ntp server 10.9.9.{number}"]
    assert router.history == []
    for each in sessions:
        await each.close()


@pytest.mark.parametrize("modern", [True, False])
async def test_a_trial_is_found_as_every_release_tells_it(session, router, monkeypatch, modern):
    monkeypatch.setattr(EosCli, "modern", modern)
    before = await session.snapshot()
    change = await session.propose(before.running, other("eos", before.running), "replace")
    await session.apply(change, Hold("run-1", 3 * 3600 + 90))
    held = await session.held()
    assert held.token == "run-1"
    assert 3 * 3600 + 60 < held.remaining <= 3 * 3600 + 90
    await session.cancel("run-1")
    assert await session.held() is None


@pytest.mark.parametrize(
    ("said", "seconds"), [("4m56s", 296), ("in 0:04:56", 296), ("1 day, 0:00:01", 86401), ("2h0m3s", 7203)]
)
def test_times_are_understood(said, seconds):
    assert eos._seconds(said) == seconds


async def test_somebody_elses_trial_has_his_name_and_is_left_alone(session, router):
    before = await session.snapshot()
    change = await session.propose(before.running, other("eos", before.running), "replace")
    router.history.append(Waiting("bob", parsed(router.running), trial=True))
    router.commit(parsed(router.running), router.revision, 600, "bob")
    assert (await session.held()).token == "bob"
    with pytest.raises(Rejected, match="another change is held"):
        await session.apply(change)
    for settle in (session.confirm, session.cancel):
        with pytest.raises(NotHeld, match="not that of run-1, but of bob"):
            await settle("run-1")
    assert router.pending[0] == "bob"


async def test_a_change_on_trial_survives_its_session_and_ends_by_itself(fleet, router):
    running = router.running
    session = await opened(fleet)
    change = await session.propose((await session.snapshot()).running, other("eos", running), "merge")
    faults(fleet, cut="after-commit", times=1)
    with pytest.raises(SessionLost):
        await session.apply(change, Hold("run-1", 1))
    await session.close()
    assert "10.9.9.9" in router.running
    await until(lambda: not router.unconfirmed)
    again = await opened(fleet)
    assert await again.held() is None
    assert router.running == running
    await again.close()


async def test_a_session_that_does_not_know_the_old_name_takes_the_change_back(fleet, router):
    first = await opened(fleet)
    before = await first.snapshot()
    await first.apply(await first.propose(before.running, other("eos", before.running), "replace"), Hold("run-1", 600))
    await first.close()
    second = await opened(fleet)
    await second.cancel("run-1")
    assert await second.snapshot() == before
    await second.close()


async def test_a_confirmation_at_the_last_moment_is_an_unknown_outcome(session):
    before = await session.snapshot()
    await session.apply(
        await session.propose(before.running, other("eos", before.running), "replace"), Hold("run-1", 1)
    )
    with pytest.raises(SessionLost, match="its time was over"):
        await session.confirm("run-1")


async def test_a_banner_is_taken_whole_whatever_it_looks_like(session, router):
    before = (await session.snapshot()).running
    banner = "banner login\nno entry\n% Invalid input\n> not a line\nend\n! a remark\nEOF\n"
    wanted = before[: before.index("banner login\n")] + banner + before[before.index("EOF\n") + 4 :]
    await session.apply(await session.propose(before, wanted, "replace"))
    after = (await session.snapshot()).running
    assert banner in after
    assert (await session.propose(after, wanted, "replace")).empty


async def test_a_refused_line_is_named_without_the_word_that_the_device_repeats(session, router):
    running = (await session.snapshot()).running
    bad = f"ntp server 10.9.9.9\nsnmp-server community {SECRET}\n"
    with pytest.raises(Rejected) as refused:
        await session.propose(running, bad, "merge")
    assert str(refused.value).endswith(
        "the device refused the configuration: Invalid input at line 2 ('snmp-server ...')"
    )
    assert router.history == []


async def test_a_saved_configuration_of_its_own_is_restored_too(session, router):
    await session.apply(await session.propose((await session.snapshot()).running, "ntp server 10.9.9.9\n", "merge"))
    before = await session.snapshot()
    running, startup = router.running, router.startup
    assert running != startup
    change = await session.propose(before.running, other("eos", before.running), "replace")
    assert change.rollback.verdict == "proved"
    await session.apply(change)
    await session.save()
    await session.restore(before)
    assert (router.running, router.startup) == (running, startup)
    assert await session.snapshot() == before


async def test_a_device_that_does_not_take_back_what_it_shows_is_no_proof(session, monkeypatch):
    shown = EosCli.show_running
    monkeypatch.setattr(EosCli, "show_running", lambda self: shown(self).replace("!\nend", "!\nstrange line\nend"))
    running = (await session.snapshot()).running
    proof = (await session.propose(running, "ntp server 10.9.9.9\n", "merge")).rollback
    assert proof.verdict == "not_proved"
    assert "does not take back its own configuration" in proof.reason


async def test_an_answer_that_is_no_difference_is_not_taken_for_one(fleet, session):
    running = (await session.snapshot()).running
    faults(fleet, garbage="show session-config")
    with pytest.raises(CommandFailed):
        await session.propose(running, other("eos", running), "replace")


@pytest.mark.parametrize(
    "line",
    [
        f"username admin privilege 15 role network-admin secret sha512 {SECRET}",
        f"enable password sha512 {SECRET}",
        f"   neighbor 192.0.2.1 password 7 {SECRET}",
        f"snmp-server community {SECRET} ro",
        f"snmp-server user u g v3 localized f5717f auth sha256 {SECRET} priv aes {SECRET}",
        f"radius-server host 192.0.2.1 key 7 {SECRET}",
        f"tacacs-server key 8a {SECRET}",
        f"ntp authentication-key 1 sha1 7 {SECRET}",
        f"   ip ospf authentication-key 7 {SECRET}",
        f"   ip ospf message-digest-key 1 md5 7 {SECRET}",
        f"   isis authentication key 7 {SECRET}",
        f"      key 0abc12 7 {SECRET} fallback",
        f"   shared-key 7 {SECRET}",
    ],
)
def test_secrets_are_masked(line):
    masked = Masker(values=(), patterns=eos.EOS.secrets).mask(f"+{line}\n")
    assert SECRET not in masked
    assert masked.split()[0] == f"+{line}".split()[0]
