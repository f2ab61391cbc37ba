# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Confirming one device's change: see ``trial`` for what is found and what is done."""

import asyncio

from ..devices.base import Session
from ..errors import DeviceError, NotHeld
from . import trial
from .job import Result
from .procedures import PASSING, Attempt, found
from .restoring import same

_BY_ITSELF = (
    "the change was taken back before it was confirmed, for its time was over or the device was started anew; the "
    "device is as it was before"
)
_WITHDRAWN = (
    "it showed another configuration than the change's when that was to be confirmed, and took it back; the device is "
    "as it was before"
)
_REVERTING_SECONDS = 10.0
"""How long a device that holds nothing any more may still be at taking the change back, and show it."""


class _NotSaved(Exception):
    """The change is kept, but what runs now could not be saved."""


async def confirm(attempt: Attempt) -> Result:
    """Keep the change of a device that was validated. Tried again after a broken session, which reads first."""
    kept = False
    while True:
        try:
            async with attempt.session() as session:
                return await _confirm(attempt, session)
        except _NotSaved as exc:
            kept = True
            if not await attempt.another_try():
                return _unknown(attempt, exc, kept=kept)
        except PASSING as exc:
            if not await attempt.another_try():
                return _unknown(attempt, exc, kept=kept)
        except DeviceError as exc:
            return _unknown(attempt, exc, kept=kept)


def _unknown(attempt: Attempt, exc: Exception, *, kept: bool) -> Result:
    if kept:
        return attempt.result(
            "unknown",
            f"{exc}; its change was confirmed, so it stays, and may be unsaved: put that right, the next run saves it",
        )
    limit = f"{attempt.settings.confirm_timeout:g} s after the change"
    reason = f"{exc}; its change may not be confirmed, and is then taken back by the device itself, {limit}"
    return attempt.result("unknown", reason, unconfirmed=True)


async def _confirm(attempt: Attempt, session: Session) -> Result:
    if await trial.remaining(attempt, session) is None:
        return await _settled(attempt, session, _BY_ITSELF)
    now = attempt.configuration(await session.running())
    if await found(attempt, session, now) != "applied":
        await trial.withdraw(attempt, session)
        return await _settled(attempt, session, _WITHDRAWN)
    try:
        await session.confirm(attempt.settings.run)
    except NotHeld:
        return await _settled(attempt, session, _BY_ITSELF)
    await _save(session)
    return attempt.result("changed", after=attempt.fingerprint(now))


async def _save(session: Session) -> None:
    try:
        await session.save()
    except DeviceError as exc:
        raise _NotSaved(str(exc)) from exc


async def _settled(attempt: Attempt, session: Session, reason: str, *, lasting: bool = False) -> Result:
    """Nothing is held any more: what became of the change can be read. ``lasting``: it was read before, and a while
    ago, so a change that is there was confirmed.
    """
    task = attempt.task
    assert task.before is not None
    left = await session.snapshot()
    now = attempt.configuration(left.running)
    if same(left, task.before):
        return attempt.result("rolled_back", f"{task.name}: {reason}", after=attempt.fingerprint(now))
    finding = await found(attempt, session, now)
    if finding == "applied" and not lasting:
        await asyncio.sleep(_REVERTING_SECONDS)
        return await _settled(attempt, session, reason, lasting=True)
    if finding == "applied":
        await _save(session)
        return attempt.result(
            "changed", "an earlier try had confirmed it; it was read back", after=attempt.fingerprint(now)
        )
    if finding == "not_applied":
        return attempt.result("rolled_back", f"{task.name}: {reason}", after=attempt.fingerprint(now))
    return attempt.result("held_back", f"{task.name}: not confirmed: somebody changed it since; look at it first")
