# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is restored, what is somebody else's and stays, and what of a try that broke off the next one may take up."""

import base64

import pytest

from engine.devices.base import Change, Device, Snapshot
from engine.errors import CommandFailed, SessionLost, Unreachable
from engine.rollout import restoring
from engine.rollout.job import Settings, Task
from engine.rollout.procedures import Attempt
from engine.sealing.key import FleetKey
from engine.sealing.masking import Masker

BEFORE = Snapshot("! a note\nhostname a\nntp server 1\n route 9\n", "! kept\nhostname a\nntp server 1\n route 9\n")
WANTED = "hostname a\nntp server 2\n route 8\n"
AFTER = Snapshot(WANTED, WANTED)


class Platform:
    """A device that is restored at once, or breaks a session in the middle, once."""

    longest_hold = 0.0
    saves_what_it_shows = True

    def __init__(self, shows, *, breaks=None, half=None):
        self.shows, self.breaks, self.half = shows, breaks, half
        self.gone = False

    async def connect(self, _device):
        if self.gone:
            raise Unreachable("no way there")
        return self

    async def close(self):
        pass

    def normalise(self, config):
        return "".join(f"{line}\n" for line in config.splitlines() if not line.startswith("!"))

    async def snapshot(self):
        return self.shows

    async def propose(self, running, wanted, mode):
        missing = [line for line in wanted.splitlines() if line not in running.splitlines()]
        return Change(mode, wanted, tuple(f"+{line}" for line in missing))

    async def restore(self, snapshot):
        if self.half:
            self.shows, self.half = self.half, self.half if self.breaks else None
            self.gone = self.breaks is Unreachable
            raise SessionLost("it broke")
        self.shows = snapshot


def attempted(platform, *, touched=False, retries=2):
    key = FleetKey.load(env={"RAYWRIGHT_FLEET_KEY": base64.urlsafe_b64encode(bytes(32)).decode()}, default_path=None)
    settings = Settings(run="r-x", stage="1", mode="replace", concurrency=1, retries=retries)
    device = Device(name="r1", network_os="x", host="192.0.2.1")
    after = key.fingerprint(platform.normalise(WANTED))
    task = Task(kind="restore", device=device, wanted=WANTED, before=BEFORE, after=after, touched=touched)
    return Attempt(task, settings, platform, key, Masker())


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr("engine.rollout.procedures.delays", lambda tries: iter([0.0] * (tries - 1)))
    monkeypatch.setattr(restoring, "_SETTLE_SECONDS", 0.0)


@pytest.mark.parametrize(
    ("saved", "says"),
    [
        (WANTED, None),
        (BEFORE.startup, None),
        (BEFORE.running, None),
        ("", None),
        (None, None),
        (WANTED[:20], None),
        (BEFORE.startup[:26], None),
        (f"{WANTED}! do not reload\n", "first: ! do not reload"),
        (WANTED.replace(" 2", " 7"), ": +ntp server 7; -ntp server 2"),
        (WANTED.replace("ntp server 2\n", ""), ": -ntp server 2"),
        (WANTED.replace("server 2", "server 1"), ": -ntp server 2"),
        ("ntp server 2\nhostname a\n route 8\n", "first: the same lines in another order"),
    ],
)
async def test_what_is_saved_is_ours_only_as_a_whole_or_cut_off(saved, says):
    platform = Platform(Snapshot(WANTED, saved))
    result = await restoring.restore(attempted(platform))
    if says is None:
        assert (result.outcome, platform.shows) == ("rolled_back", BEFORE)
    else:
        assert (result.outcome, platform.shows.startup, says in result.reason) == ("held_back", saved, True), result


@pytest.mark.parametrize("touched", [False, True])
async def test_a_mixture_of_before_and_after_is_ours_only_where_a_try_of_ours_may_have_left_it(touched):
    mixed = WANTED.replace("server 2", "server 1")
    result = await restoring.restore(attempted(Platform(Snapshot(mixed, mixed)), touched=touched))
    assert (result.outcome, result.restoring) == ("rolled_back" if touched else "held_back", False)
    assert result.read_back == ("partial" if touched else "")


async def test_what_a_session_that_broke_left_half_restored_is_restored_by_the_next():
    half = Snapshot(WANTED.replace("server 2", "server 1"), WANTED)
    platform = Platform(AFTER, half=half)
    result = await restoring.restore(attempted(platform))
    assert (result.outcome, platform.shows, result.restoring) == ("rolled_back", BEFORE, False)


async def test_when_no_try_is_left_a_device_that_may_be_half_restored_is_looked_at_once_more():
    platform = Platform(AFTER, half=BEFORE)
    result = await restoring.restore(attempted(platform, retries=1))
    assert (result.outcome, platform.shows, result.restoring) == ("rolled_back", BEFORE, False)


@pytest.mark.parametrize("then", [Unreachable, CommandFailed])
async def test_a_device_that_may_be_half_restored_says_so(then):
    platform = Platform(AFTER, half=AFTER, breaks=then)
    result = await restoring.restore(attempted(platform))
    assert (result.outcome, result.restoring, result.no_session) == ("unknown", True, False)
    # It may as well be as it was before by now.
    assert result.reason.startswith("r1: rollback begun, and not read since: "), result.reason


async def test_a_device_that_had_nothing_saved_is_restored_to_that():
    bare = Snapshot(BEFORE.running, None, unsaved=True)
    assert not restoring.same(AFTER, bare)
    assert not restoring.same(Snapshot(BEFORE.running, WANTED), bare)
    assert restoring.same(bare, bare)
