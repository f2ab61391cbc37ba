# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes on trial: what is made of a device that holds nothing any more, and what is said of one that still does."""

import base64

import pytest

from engine.devices.base import Change, Device, Held, Snapshot
from engine.errors import CommandFailed, NotHeld, Rejected
from engine.rollout import confirming, trial
from engine.rollout.job import Settings, Task
from engine.rollout.procedures import Attempt, push
from engine.sealing.key import FleetKey
from engine.sealing.masking import Masker

BEFORE, WANTED = Snapshot("old\n", "old\n"), "new\n"


class Platform:
    """A device whose configurations are read off a list: the last one is what it shows from then on."""

    longest_hold = 3600.0
    saves_what_it_shows = True

    def __init__(self, *, shows, held=None, keeps=False, full=False):
        self.shows, self.holds, self.keeps, self.full = list(shows), held, keeps, full
        self.saved = 0

    async def connect(self, _device):
        return self

    async def close(self):
        pass

    def normalise(self, config):
        return config

    async def running(self):
        return self.shows.pop(0) if len(self.shows) > 1 else self.shows[0]

    async def snapshot(self):
        return Snapshot(await self.running(), "old\n")

    async def propose(self, running, wanted, mode):
        return Change(mode, wanted, () if wanted in running else ("+new",))

    async def held(self):
        return self.holds

    async def cancel(self, _token):
        if self.holds is None or self.holds.remaining < 0:
            raise NotHeld("nothing is held")
        self.holds = None

    async def apply(self, _change, hold):
        self.holds = Held(hold.token, hold.seconds)

    async def confirm(self, _token):
        if not self.keeps:
            raise NotHeld("nothing is held")
        self.holds = None

    async def save(self):
        if self.full:
            raise CommandFailed("there is no room")
        self.saved += 1


def attempted(platform, **more):
    key = FleetKey.load(env={"RAYWRIGHT_FLEET_KEY": base64.urlsafe_b64encode(bytes(32)).decode()}, default_path=None)
    given = {"run": "r-x", "stage": "1", "mode": "replace", "concurrency": 1, "retries": 1, "confirm_timeout": 60}
    settings = Settings(**given | more)
    device = Device(name="r1", network_os="x", host="192.0.2.1")
    task = Task(kind="confirm", device=device, wanted=WANTED, before=BEFORE, diff=("+new",), touched=True)
    return Attempt(task, settings, platform, key, Masker())


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(confirming, "_REVERTING_SECONDS", 0.0)


@pytest.mark.parametrize("held", [None, Held("r-x", 0.1)])
@pytest.mark.parametrize(
    ("later", "outcome", "saved"), [(WANTED, "changed", 1), (BEFORE.running, "rolled_back", 0), ("x\n", "held_back", 0)]
)
async def test_a_change_that_still_shows_is_only_taken_for_confirmed_when_it_lasts(held, later, outcome, saved):
    first = [WANTED, WANTED] if held else [WANTED]
    platform = Platform(shows=[*first, later], held=held)
    result = await confirming.confirm(attempted(platform))
    assert (result.outcome, platform.saved) == (outcome, saved)


async def test_a_change_that_was_confirmed_and_cannot_be_saved_is_not_said_to_be_taken_back():
    device = Platform(shows=[WANTED], held=Held("r-x", 30.0), keeps=True, full=True)
    result = await confirming.confirm(attempted(device))
    assert (result.outcome, result.unconfirmed) == ("unknown", False)
    assert result.reason.startswith("there is no room; its change was confirmed, so it stays")


@pytest.mark.parametrize(
    ("remaining", "says"),
    [
        (7.2, "is on trial on it for another 7 s; wait until"),
        (-2.0, "is on trial on it for another 0 s; wait until"),
        (-61.0, "is still on trial on it, 61 s after its time was over: .* roll it back .*-e run=r-other --limit r1"),
    ],
)
async def test_a_plan_is_not_made_on_what_is_on_trial_and_says_what_to_do(remaining, says):
    platform = Platform(shows=[WANTED], held=Held("r-other", remaining))
    with pytest.raises(Rejected, match=f"r1: a change of run r-other {says}"):
        await trial.require_free(attempted(platform), platform)


@pytest.mark.parametrize(
    ("remaining", "read_back", "says"),
    [
        (
            4.0,
            "on_trial",
            "an earlier try had left it on trial, not whole or with too little time; it was taken back and",
        ),
        (-1.0, "not_applied", "an earlier try had not changed it, as was read back; it was sent then"),
    ],
)
async def test_what_is_on_trial_with_too_little_time_left_is_taken_back_sent_anew_and_said_to_be(
    remaining, read_back, says
):
    platform = Platform(shows=[WANTED, BEFORE.running, WANTED], held=Held("r-x", remaining))
    result = await push(attempted(platform, confirm_needs=5.0))
    assert (result.outcome, result.read_back, result.unconfirmed) == ("changed", read_back, True), result
    assert result.reason.startswith(says)
    assert platform.holds == Held("r-x", 60)


@pytest.mark.parametrize(("mode", "told"), [("merge", True), ("replace", False)])
async def test_lines_of_somebody_that_are_saved_with_a_change_found_made_are_told(mode, told):
    platform = Platform(shows=["old\ntheirs\nnew\n"])
    result = await push(attempted(platform, mode=mode, confirm_timeout=0))
    assert (result.outcome, result.read_back, platform.saved) == ("changed", "applied", 1)
    assert result.reason.endswith("which are saved with it: +theirs") is told, result.reason
