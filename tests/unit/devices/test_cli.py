# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The CLI driver, against embedded routers that speak in the style of a platform each."""

import asyncio
import json
from dataclasses import replace

import asyncssh
import pytest
from clis import DEVICES, DIALECTS, HOLDING, ROUTER, device, faults, line, other

from engine.devices import registry
from engine.devices.base import Hold, Proof
from engine.devices.cli.driver import CliDriver
from engine.devices.cli.eos import EOS
from engine.devices.cli.ios import IOS, IosSession
from engine.devices.cli.iosxr import IOSXR
from engine.devices.cli.junos import JUNOS
from engine.embedded.ios import IosCli
from engine.embedded.running import serving
from engine.errors import CommandFailed, HostKeyRefused, LoginRefused, NotHeld, Rejected, SessionLost
from engine.sealing.masking import Masker

SECRET = "s3cret-0815"


async def test_a_change_is_planned_without_touching_the_device_and_applied_as_planned(session, router, driver, spoken):
    before = await session.snapshot()
    untouched = router.running
    wanted = other(spoken, before.running)
    change = await session.propose(before.running, wanted, "replace")
    marks = {text[:1] + text[1:].strip().rstrip(";") for text in change.diff}
    assert {"-ntp server 10.255.0.1", "+ntp server 10.9.9.9", "+description another text"} <= marks
    assert change.rollback == Proof("proved")
    assert router.running == untouched
    await session.apply(change)
    after = (await session.snapshot()).running
    assert driver.normalise(after) == driver.normalise(wanted)
    assert (await session.propose(after, wanted, "replace")).empty


async def test_merging_adds_and_replaces_single_values_and_leaves_the_rest(session, spoken, router):
    before = (await session.snapshot()).running
    added = line(spoken, "ntp server 10.9.9.9") + line(spoken, "snmp-server contact somebody@example.net")
    change = await session.propose(before, added, "merge")
    await session.apply(change)
    assert "ntp server 10.9.9.9\n" in router.running
    assert "ntp server 10.255.0.1\n" in router.running
    assert router.running.count("snmp-server contact") == 1
    assert (await session.propose((await session.snapshot()).running, added, "merge")).empty


async def test_what_is_restored_is_what_was_there_byte_for_byte_saved_configuration_included(session, router, spoken):
    before = await session.snapshot()
    running, startup = router.running, router.startup
    await session.apply(await session.propose(before.running, other(spoken, before.running), "replace"))
    await session.save()
    await session.restore(before)
    assert await session.snapshot() == before
    assert router.running == running
    assert spoken in ("junos", "iosxr") or router.startup == startup  # which keep no other than the running one


async def test_on_ios_an_unsaved_configuration_is_a_doubt_about_the_way_back(fleet):
    session = await registry.driver("ios").connect(device(fleet, "ios"))
    unsaved = (await session.snapshot()).running
    await session.apply(await session.propose(unsaved, "domain-name unsaved.example.net\n", "merge"))
    before = await session.snapshot()
    doubt = (await session.propose(before.running, "ntp server 10.9.9.9\n", "merge")).rollback
    assert doubt.verdict == "not_proved"
    assert "save it first" in doubt.reason
    await session.save()
    with pytest.raises(CommandFailed, match="the saved one was another"):
        await session.restore(before)
    assert (await session.snapshot()).running == before.running
    await session.close()


async def test_the_text_that_changes_by_itself_is_no_change(session, driver, spoken):
    first = (await session.snapshot()).running
    for noise in ("Last configuration change", "Current configuration", "Last commit", "Building", "Command:"):
        assert noise not in first
    noise = {
        "ios": "! Last configuration change at 10:00:00 UTC by x\nntp clock-period 17\n",
        "junos": "## Last commit: 2026-11-11 10:00:00 UTC by root\n",
        "iosxr": "Sun Sep 20 23:10:02.875 UTC\n!! Building configuration...\n!! IOS XR Configuration 24.3.1\n"
        "!! Last configuration change at Sun Sep 20 22:27:46 2026 by clab\n",
        "eos": "! Command: show running-config\n! device: leaf-001 (vEOS-lab, EOS-4.29.1F)\n",
    }
    assert driver.normalise(noise[spoken] + first) == driver.normalise(first)


async def test_a_line_that_stands_twice_is_refused_by_its_first_words(fleet):
    session = await registry.driver("ios").connect(device(fleet, "ios"))
    running = (await session.snapshot()).running
    with pytest.raises(Rejected, match=r"a line twice in one section \('username admin ...'\)"):
        await session.propose(running, f"username admin secret {SECRET}\n" * 2, "replace")
    await session.close()


async def test_a_refused_line_is_named_without_its_values_and_the_device_can_be_put_back(session, router, spoken):
    before = await session.snapshot()
    running = router.running
    bad = line(spoken, "ntp server 10.9.9.9") + line(spoken, f"snmp-server community {SECRET} everybody")
    with pytest.raises(Rejected, match=r"refused .*(snmp-server|syntax error)") as refused:
        await session.apply(await session.propose(before.running, before.running + bad, "replace"))
    assert SECRET not in str(refused.value)
    await session.restore(before)
    assert router.running == running


async def test_a_question_mark_is_text_and_asks_the_device_nothing(session, router, spoken):
    before = await session.snapshot()
    wanted = before.running.replace("description router id", "description who? me??")
    await session.apply(await session.propose(before.running, wanted, "replace"))
    assert " description who? me??\n" in router.running
    await session.restore(before)
    assert (await session.snapshot()).running == before.running


@pytest.mark.parametrize("spoken", ["eos", "iosxr"])
async def test_a_control_character_is_refused_before_it_reaches_the_terminal(session, router):
    running = (await session.snapshot()).running
    with pytest.raises(
        Rejected, match=r"line 'ntp ...' of the configuration holds a character that cannot be typed in"
    ):
        await session.propose(running, "logging level debugging\nntp server \x0310.9.9.8\n", "merge")
    assert (await session.snapshot()).running == running


async def test_what_the_device_refuses_for_its_own_reasons_is_said(fleet, session, spoken, router):
    before = await session.snapshot()
    change = await session.propose(before.running, other(spoken, before.running), "replace")
    faults(fleet, reject="no space left on flash")
    with pytest.raises(Rejected, match="no space left on flash"):
        await session.apply(change)
    assert "10.9.9.9" not in router.running


async def test_a_session_that_is_cut_half_way_is_an_unknown_outcome_that_another_session_finishes(
    fleet, session, spoken, driver
):
    before = await session.snapshot()
    wanted = other(spoken, before.running)
    change = await session.propose(before.running, wanted, "replace")
    faults(fleet, cut="after-commit", times=1)
    with pytest.raises(SessionLost):
        await session.apply(change)
    again = await driver.connect(device(fleet, spoken))
    await again.apply(change)
    assert driver.normalise((await again.snapshot()).running) == driver.normalise(wanted)
    await again.restore(before)
    assert (await again.snapshot()).running == before.running
    await again.close()


async def test_a_change_that_is_not_answered_is_an_unknown_outcome_and_a_question_is_only_a_failure(
    fleet, spoken, driver
):
    session = await driver.connect(device(fleet, spoken, timeout=1))
    before = await session.snapshot()
    change = await session.propose(before.running, other(spoken, before.running), "replace")
    faults(fleet, hang="ntp server" if spoken == "ios" else "commit")
    with pytest.raises(SessionLost, match="ended|unknown" if spoken == "junos" else "outcome is unknown"):
        await (session._make("commit") if spoken == "junos" else session.apply(change))
    await session.close()
    session = await driver.connect(device(fleet, spoken, timeout=1))
    faults(fleet, hang="show")
    with pytest.raises(CommandFailed, match="no answer to 'show"):
        await session.snapshot()
    await session.close()


async def test_an_answer_of_noise_is_not_taken_for_a_configuration(fleet, session):
    faults(fleet, garbage="show")
    with pytest.raises(CommandFailed, match="not a whole configuration"):
        await session.snapshot()


async def test_slow_answers_are_waited_for(tmp_path, spoken, driver):
    async with serving(tmp_path / "slow", devices=DEVICES, dialects=DIALECTS, latency=150) as fleet:
        session = await driver.connect(device(fleet, spoken))
        before = await session.snapshot()
        change = await session.propose(before.running, before.running + line(spoken, "ntp server 10.9.9.9"), "replace")
        await session.apply(change)
        assert "10.9.9.9" in (await session.snapshot()).running
        await session.close()


async def test_pages_are_turned_and_leave_nothing_behind(fleet):
    paged = CliDriver(replace(IOS, setup=()), IosSession)
    session = await paged.connect(device(fleet, "ios"))
    plain = await registry.driver("ios").connect(device(fleet, "ios"))
    assert await session.snapshot() == await plain.snapshot()
    assert (await plain.snapshot()).running.count("\n") > 2 * 24
    await session.close()
    await plain.close()


async def test_enable_is_entered_with_its_password_and_a_wrong_one_is_a_refused_login(fleet, monkeypatch):
    monkeypatch.setattr(IosCli, "enable_password", SECRET)
    known = device(fleet, "ios", become=True, become_password=SECRET)
    session = await registry.driver("ios").connect(known)
    assert (await session.snapshot()).running.endswith("end\n")
    await session.close()
    with pytest.raises(LoginRefused, match="enable was refused"):
        await registry.driver("ios").connect(replace(known, become_password="a guess"))
    with pytest.raises(CommandFailed, match="not a whole configuration"):
        await (await registry.driver("ios").connect(replace(known, become=False))).snapshot()


async def test_another_host_key_is_refused_before_anything_is_said(fleet, spoken, driver):
    strange = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().split()
    known = f"[{fleet.nodes[ROUTER[spoken]].host}]:{fleet.port} {strange[0]} {strange[1]}\n"
    with pytest.raises(HostKeyRefused, match="not the one in known_hosts"):
        await driver.connect(device(fleet, spoken, known_hosts=known))
    with pytest.raises(HostKeyRefused, match="not in known_hosts"):
        await driver.connect(device(fleet, spoken, known_hosts=""))


async def test_a_thousand_lines_go_there_and_back(session, router, spoken):
    before = await session.snapshot()
    running = router.running
    routes = "".join(line(spoken, f"ip route 10.{100 + n // 250}.{n % 250}.0/24 Null0") for n in range(1000))
    change = await session.propose(before.running, before.running.replace("end\n", "") + routes, "replace")
    assert len([text for text in change.diff if text.startswith("+")]) > 990
    assert change.rollback == Proof("proved")
    await session.apply(change)
    assert router.running.count("Null0") > 990
    await session.restore(before)
    assert router.running == running


@pytest.mark.parametrize("spoken", HOLDING)
async def test_a_change_on_trial_is_taken_back_by_the_device_unless_it_is_confirmed(session, router, spoken):
    before = await session.snapshot()
    running = router.running
    change = await session.propose(before.running, other(spoken, before.running), "replace")
    await session.apply(change, Hold("run-1", 90))
    held = await session.held()
    assert held.token == (None if spoken == "ios" else "run-1")
    assert 60 < held.remaining <= 120  # both count whole minutes, and a minute more is better than one less
    router.undo()  # what the timer calls
    assert await session.held() is None
    with pytest.raises(NotHeld):
        await session.confirm("run-1")
    assert router.running == running

    await session.apply(change, Hold("run-2", 60))
    await session.confirm("run-2")
    assert await session.held() is None
    router.undo()
    assert "10.9.9.9" in router.running


@pytest.mark.parametrize("spoken", HOLDING)
async def test_a_change_on_trial_can_be_taken_back_at_once_and_holds_off_another(session, router, spoken):
    before = await session.snapshot()
    running = router.running
    change = await session.propose(before.running, other(spoken, before.running), "replace")
    await session.apply(change, Hold("run-1", 60))
    more = await session.propose((await session.snapshot()).running, before.running, "replace")
    with pytest.raises(Rejected, match="another change is held"):
        await session.apply(more, Hold("run-2", 60))
    if spoken != "ios":  # which does not say whose it is
        with pytest.raises(NotHeld, match="of run-1"):
            await session.cancel("run-2")
    await session.cancel("run-1")
    assert router.running == running
    assert await session.held() is None


@pytest.mark.parametrize("spoken", HOLDING)
async def test_planning_confirms_nothing_that_is_on_trial(session, router, spoken):
    before = await session.snapshot()
    await session.apply(
        await session.propose(before.running, other(spoken, before.running), "replace"), Hold("run-1", 90)
    )
    now = (await session.snapshot()).running
    assert not (await session.propose(now, before.running, "replace")).empty
    assert router.unconfirmed
    assert (await session.held()).remaining > 0


@pytest.mark.parametrize("spoken", HOLDING)
async def test_a_refused_change_on_trial_leaves_no_timer_behind(fleet, session, router, spoken):
    before = await session.snapshot()
    change = await session.propose(before.running, other(spoken, before.running), "replace")
    faults(fleet, reject="not today")
    with pytest.raises(Rejected, match="not today"):
        await session.apply(change, Hold("run-1", 60))
    assert await session.held() is None
    assert not router.unconfirmed
    assert (await session.snapshot()).running == before.running


async def test_ios_without_an_archive_says_what_it_lacks_before_anything_is_changed(fleet, monkeypatch):
    monkeypatch.setattr(IosCli, "archive", False)
    session = await registry.driver("ios").connect(device(fleet, "ios"))
    before = await session.snapshot()
    change = await session.propose(before.running, other("ios", before.running), "replace")
    with pytest.raises(Rejected, match="'archive' with a 'path'"):
        await session.apply(change, Hold("run-1", 60))
    assert (await session.snapshot()).running == before.running
    await session.close()


async def test_checks_are_run_and_a_refused_one_is_a_failure(session):
    assert "a fake" in await session.command("show version")
    assert json.loads(await session.command("show bgp summary json"))["totalPeers"] >= 0
    with pytest.raises(CommandFailed, match="refused 'show nothing'"):
        await session.command("show nothing")
    with pytest.raises(CommandFailed, match="no shell"):
        await session.command("id", shell=True)


async def test_secrets_of_the_configuration_are_masked_in_what_is_shown(session, driver, fleet):
    secrets = fleet.state.secrets()
    running = (await session.snapshot()).running
    masked = Masker(values=(), patterns=driver.secrets, fingerprint=lambda _value: "0" * 12).mask(running)
    for secret in (secrets.bgp_password, secrets.old_snmp_community, secrets.admin_secret):
        assert secret in running
        assert secret not in masked


async def test_many_sessions_cost_a_descriptor_each_and_end(fleet, spoken, driver):
    sessions = await asyncio.gather(*(driver.connect(device(fleet, spoken)) for _session in range(20)))
    answers = await asyncio.gather(*(session.snapshot() for session in sessions))
    assert len({answer.running for answer in answers}) == 1
    for session in sessions:
        await session.close()


def test_every_name_of_a_platform_leads_to_its_driver_and_an_unknown_one_names_the_known():
    for names in (IOS.network_os, JUNOS.network_os, EOS.network_os, IOSXR.network_os, ("nxos", "cisco.nxos.nxos")):
        assert len({id(registry.driver(name)) for name in names}) == 1
    assert isinstance(registry.driver("junipernetworks.junos.junos"), CliDriver)
    with pytest.raises(Exception, match=r"'cisco.asa.asa' has no driver; known are .*cisco.ios.ios.*frr.*junos"):
        registry.driver("cisco.asa.asa")
    assert [registry.become_method(name) for name in ("cisco.ios.ios", "frr", "nobody's")] == ["enable", "sudo", "sudo"]
