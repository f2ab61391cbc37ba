# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is particular to IOS-XR: the way through its modes, its own differences, and a trial that is no hold."""

import pytest
from clis import device, faults, other

from engine.devices import registry
from engine.devices.base import Hold
from engine.devices.cli.iosxr import IOSXR, _marked
from engine.embedded.iosxr import IosxrCli
from engine.errors import NotHeld, Rejected
from engine.sealing.masking import Masker

SECRET = "s3cret-0815"


@pytest.fixture
def spoken():
    return "iosxr"


async def test_every_line_gets_where_it_stands_although_comments_end_no_mode(session, router):
    running = (await session.snapshot()).running
    added = (
        "key chain A\n key 1\n  key-string x\n !\n!\nkey chain B\n!\n! a remark\n"
        "route-policy P\n  if destination in S then\n    pass\n  endif\n! no comment\nend-policy\n!\n"
        "prefix-set S\n  10.0.0.0/8 le 32\nend-set\n!\n"
        "route-map M permit 10\n description one\n!\nkey chain C\n key 2\n  key-string y\n"
    )
    await session.apply(await session.propose(running, added, "merge"))
    assert "key chain A\n key 1\n  key-string x\n" in router.running
    assert "key chain B\n" in router.running
    assert "key chain C\n key 2\n  key-string y\n" in router.running
    assert "route-map M permit 10\n description one\n" in router.running


async def test_a_hold_is_refused_and_nothing_is_sent(session, router):
    running = (await session.snapshot()).running
    change = await session.propose(running, other("iosxr", running), "replace")
    acts = len(router.acts)
    with pytest.raises(Rejected, match="cannot take a change back by itself; nothing was sent"):
        await session.apply(change, Hold("run-1", 60))
    assert len(router.acts) == acts
    assert registry.driver("cisco.iosxr.iosxr").longest_hold == 0
    assert await session.held() is None
    with pytest.raises(NotHeld):
        await session.confirm("run-1")


async def test_a_device_that_another_configures_is_left_to_him(fleet, session):
    running = (await session.snapshot()).running
    other_session = await registry.driver("iosxr").connect(device(fleet, "iosxr"))
    await other_session._enter()
    with pytest.raises(Rejected, match="does not let us configure: Cannot enter exclusive mode"):
        await session.propose(running, other("iosxr", running), "replace")
    await other_session.close()


async def test_a_refused_line_is_named_and_leaves_no_candidate_behind(session, router):
    running = (await session.snapshot()).running
    with pytest.raises(Rejected) as refused:
        await session.propose(running, f"ntp server 10.9.9.9\nsnmp-server community {SECRET}\n", "merge")
    assert str(refused.value).endswith("Invalid input detected at '^' marker at line 2 ('snmp-server ...')")
    assert router.history == []


async def test_the_reason_for_a_refused_commit_is_asked_for(fleet, session, router):
    running = (await session.snapshot()).running
    change = await session.propose(running, other("iosxr", running), "replace")
    faults(fleet, reject="no space left on flash")
    with pytest.raises(Rejected, match="refused the commit: no space left on flash"):
        await session.apply(change)
    assert router.history == []


async def test_the_differences_of_a_replacement_are_told_as_those_of_other_platforms(session):
    running = (await session.snapshot()).running
    change = await session.propose(running, other("iosxr", running), "replace")
    assert " interface Loopback0" in change.diff
    assert "- description router id" in change.diff
    assert "+ description another text" in change.diff


def test_both_ways_to_mark_a_changed_line_are_understood():
    running = "interface A\n description second\n!\nend\n"
    plain = "   interface A\n<-  description second\n+>  description first\n   !\nend\n"
    marked = "#  interface A\n#   description second\n#   description first\n   !\nend\n"
    for answer in (plain, marked):
        assert list(_marked(answer, running)) == [" interface A", "- description second", "+ description first"]


async def test_a_device_that_does_not_take_back_what_it_shows_is_no_proof(session, monkeypatch):
    shown = IosxrCli.show_running
    monkeypatch.setattr(IosxrCli, "show_running", lambda self: shown(self).replace("!\nend", "!\nstrange line\nend"))
    running = (await session.snapshot()).running
    proof = (await session.propose(running, "ntp server 10.9.9.9\n", "merge")).rollback
    assert proof.verdict == "not_proved"


@pytest.mark.parametrize(
    "line",
    [
        f"username admin\n secret 10 {SECRET}",
        f" password encrypted {SECRET}",
        f"  password 7 {SECRET}",
        f"snmp-server community {SECRET} RO",
        f"snmp-server user u g v3 auth md5 encrypted {SECRET} priv aes 128 encrypted {SECRET}",
        f" key 7 {SECRET}",
        f"   key-string password {SECRET}",
        f"  message-digest-key 1 md5 encrypted {SECRET}",
        f"  hello-password hmac-md5 encrypted {SECRET}",
        f" authentication-key 1 md5 encrypted {SECRET}",
    ],
)
def test_secrets_are_masked(line):
    assert SECRET not in Masker(values=(), patterns=IOSXR.secrets).mask(f"+{line}\n")
