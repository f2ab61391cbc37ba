# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restoring one device: what a rollback does to it, and what it leaves alone because somebody else changed it.

===============================  ============================================================================
what runs                        what is done
===============================  ============================================================================
the change, or what was before   what was before is brought back, running and saved
lines of both                    the same, where an earlier try of ours may have left it so; held back otherwise
anything else                    held back
===============================  ============================================================================

What is saved is ours as a whole, or as a beginning that a full disk left; anything else is held back as well.
"""

import asyncio

from ..devices.base import Session, Snapshot
from ..errors import DeviceError, Unreachable
from . import trial
from .job import Result
from .procedures import PASSING, Attempt
from .reading import classify, strange


async def restore(attempt: Attempt) -> Result:
    """Bring back the configuration of before, byte for byte, unless somebody else changed the device since."""
    looked = False
    while True:
        try:
            async with attempt.session() as session:
                return await _restore(attempt, session)
        except (Unreachable, *PASSING) as exc:
            # Of tries that found no session there are none left.
            no_session = isinstance(exc, Unreachable)
            if not no_session and await attempt.another_try():
                continue
            if attempt.restoring and not looked:
                # It goes on by itself where the session broke; where many do at once, that alone made it break.
                looked = True
                await asyncio.sleep(min(_SETTLE_SECONDS, attempt.settings.timeout))
                continue
            if attempt.restoring:
                return attempt.result("unknown", f"{attempt.task.name}: rollback begun, and not read since: {exc}")
            return attempt.result("unknown", f"not rolled back: {exc}", no_session=no_session)
        except DeviceError as exc:
            return attempt.result("failed", f"not rolled back: {exc}")


async def _restore(attempt: Attempt, session: Session) -> Result:
    task = attempt.task
    assert task.before is not None
    try:
        withdrawn = await trial.withdraw(attempt, session)
    except PASSING:
        # What was on trial may be half taken back.
        attempt.restoring = True
        raise
    touched = task.touched or attempt.restoring or withdrawn
    now = await session.snapshot()
    if same(now, task.before):
        return attempt.result("rolled_back", _AS_BEFORE[withdrawn])
    found = attempt.configuration(now.running)
    start, wanted = attempt.configuration(task.before.running), attempt.configuration(task.wanted)
    finding = classify(found.normal, start.normal, wanted.normal, complete=attempt.fingerprint(found) == task.after)
    # What a try that broke off may have left is told of: these lines may as well be somebody's.
    attempt.read_back = finding if touched else None
    if finding == "foreign" or (finding == "partial" and not touched):
        lines = strange(found.normal, start.normal, wanted.normal, mask=attempt.masker.mask)
        return _held(attempt, "somebody changed it since", lines or await _undone(attempt, session, found.text))
    saved = _saved_by_others(attempt, now, touched=touched)
    if saved is not None:
        why = "somebody changed its saved configuration since, which would be gone"
        return _held(attempt, why, saved or ["the same lines in another order"])
    attempt.restoring = True
    await session.restore(task.before)
    left = await session.snapshot()
    if same(left, task.before):
        return attempt.result("rolled_back", after=attempt.fingerprint(attempt.configuration(left.running)))
    return attempt.result("failed", f"{task.name}: rolled back, but it does not show the same bytes as before")


def _held(attempt: Attempt, why: str, lines: list[str]) -> Result:
    reason = f"{attempt.task.name}: not rolled back: {why}; look at it first"
    return attempt.result("held_back", reason, lines)


async def _undone(attempt: Attempt, session: Session, running: str) -> list[str]:
    """What of the change somebody took back, as lines that they added or removed: the device says what is missing."""
    missing = (await session.propose(running, attempt.task.wanted, attempt.settings.mode)).diff
    turned = {"+": "-", "-": "+"}
    lines = attempt.masker.mask("\n".join(missing)).split("\n")
    return [turned[line[0]] + line[1:].strip() for line in lines if line[:1] in turned]


def _saved_by_others(attempt: Attempt, now: Snapshot, *, touched: bool) -> list[str] | None:
    """Lines that tell of somebody else in what is saved, so far as lines do; ``None``: nobody else changed it.

    What a save of ours leaves is known as a whole, and so is what was there before; a beginning of it is what a disk
    that was full leaves. Only of a device that was ``touched``, any of these lines may have been saved.
    """
    if now.startup is None or not attempt.driver.saves_what_it_shows:
        return None
    before, mask = attempt.task.before, attempt.masker.mask
    assert before is not None
    texts = (before.startup or "", before.running, attempt.task.wanted, now.running)
    written = {line.strip() for text in texts for line in mask(text).splitlines()}
    # What the platform itself passes over, such as a comment, was written there by a person.
    notes = [
        line for line in mask(now.startup).splitlines() if line.strip() not in written and _passed_over(attempt, line)
    ]
    if notes:
        return notes
    saved = attempt.configuration(now.startup)
    known = [attempt.configuration(text).normal for text in texts]
    if attempt.fingerprint(saved) == attempt.task.after or any(
        text.startswith(saved.normal.rstrip()) for text in known
    ):
        return None
    running = known[-1]
    lines = strange(saved.normal, *known, mask=mask, gone_from="" if touched else running)
    return None if touched and not lines else lines


def _passed_over(attempt: Attempt, line: str) -> bool:
    return bool(line.strip()) and not attempt.driver.normalise(line).strip()


_SETTLE_SECONDS = 10.0
"""How long a device that was lost while it was restored is left alone before the last look."""
_AS_BEFORE = {True: "its change was on trial and was taken back", False: "was already as before"}


def same(now: Snapshot, before: Snapshot) -> bool:
    if now.running != before.running or now.unsaved != before.unsaved:
        return False
    return before.startup is None or now.startup == before.startup
