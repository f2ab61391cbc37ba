# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done to one device, step by step. Nothing here knows how many devices there are.

Each procedure takes an ``Attempt`` and returns a ``Result``. A device is always read before it is changed, here or in
the same step on the device (``Comparing``), so a task that is done again after a crash never sends anything blindly:

============  ===========================================================================
what is read  what is done
============  ===========================================================================
not_applied   the change is applied, read back, verified, and saved or held on trial
applied       nothing; it is the outcome of an earlier try (``changed``), or the device
              already was so (``unchanged``)
on_trial      held, and not whole or with too little time left: it is taken back, and
              applied anew
partial       the change is applied again, where an earlier try may have touched the
              device; held back otherwise
foreign       held back: somebody changed the device since the plan was made
============  ===========================================================================

A session that breaks in the middle of a change leaves an unknown outcome: another session reads the device and the same
table decides. ``reading.classify`` is the table's left side.
"""

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field

from ..devices.base import Change, Comparing, Driver, Hold, Session, Snapshot
from ..errors import CommandFailed, DeviceError, Moved, NothingSent, Rejected, SessionLost, Unreachable
from ..sealing.key import FleetKey
from ..sealing.masking import Masker
from ..wording import listed
from . import trial, vault
from .job import Result, Settings, Task
from .paths import carried
from .reading import UNREAD, Configuration, Finding, classify, strange
from .retry import delays
from .validation import failing, regressed


@dataclass(slots=True)
class Attempt:
    """Everything one procedure needs: the device, how to reach it, and how to keep its secrets."""

    task: Task
    settings: Settings
    driver: Driver
    key: FleetKey
    masker: Masker
    tries: int = 0
    read_back: Finding | None = None
    """What was found on a device whose outcome was unknown; ``None`` while there is no doubt, or it was not read."""
    restoring: bool = False
    """Bringing back the configuration of before was begun."""
    pauses: Iterator[float] = field(init=False)

    def __post_init__(self) -> None:
        self.pauses = delays(self.settings.retries)

    @contextlib.asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        """Open a session, trying again while the device cannot be reached: nothing was sent, so nothing is lost."""
        session = await self._open()
        try:
            yield session
        finally:
            await session.close()

    async def _open(self) -> Session:
        while True:
            self.tries += 1
            try:
                return await self.driver.connect(self.task.device)
            except Unreachable as exc:
                await self.pause(exc)

    async def another_try(self) -> bool:
        """Wait until the next try is due; ``False``, at once, where none is left."""
        seconds = next(self.pauses, None)
        if seconds is None:
            return False
        await asyncio.sleep(seconds)
        return True

    async def pause(self, cause: DeviceError) -> None:
        """Wait before the next try; out of tries, raise what the last one failed of."""
        if not await self.another_try():
            raise cause

    def configuration(self, text: str) -> Configuration:
        return Configuration.of(self.driver, text)

    def fingerprint(self, configuration: Configuration) -> str:
        return self.key.fingerprint(configuration.normal)

    def result(self, outcome: str, reason: str = "", lines: Sequence[str] = (), **more: object) -> Result:
        """``lines`` of a configuration prove the reason; masked already, for that needs the lines around them."""
        return Result(
            name=self.task.name,
            outcome=outcome,
            reason=self.masker.mask(reason) + (f": {listed(list(lines), most=_QUOTED, between='; ')}" if lines else ""),
            attempts=max(1, self.tries),
            read_back=self.read_back or "",
            restoring=self.restoring and outcome != "rolled_back",
            **more,  # type: ignore[arg-type]  # its fields by name; Result has their types
        )


_QUOTED = 3
"""Lines that are enough to know whose they are."""

Procedure = Callable[[Attempt], Awaitable[Result]]

PASSING = (SessionLost, CommandFailed)
"""Errors after which another session may fare better: the device did not say no."""


async def plan(attempt: Attempt) -> Result:
    """Read the device, compute its change and see which checks it fails already. Touches nothing; a lost session is
    simply tried again.
    """
    task = attempt.task
    while True:
        try:
            async with attempt.session() as session:
                await trial.require_free(attempt, session)
                snapshot = await session.snapshot()
                change = await session.propose(snapshot.running, task.wanted, attempt.settings.mode)
                already = {} if change.empty else await failing(attempt, session, once=True)
                break
        except PASSING as exc:
            await attempt.pause(exc)
    found = attempt.configuration(snapshot.running)
    save = change.empty and _unsaved(attempt, snapshot, found)
    if change.empty and not save:
        return attempt.result("unchanged", before=attempt.fingerprint(found))
    return attempt.result(
        "pending",
        carries=carried(attempt.settings.next_hops, task.device.host, snapshot.running),
        before=attempt.fingerprint(found),
        change=vault.change_fingerprint(attempt.key, attempt.settings.mode, task.wanted, change.diff),
        diff=_SAVE if save else tuple(attempt.masker.mask("\n".join(change.diff)).split("\n")),
        checks={name: verdict for name, (verdict, _reason) in already.items()},
        rollback="proved" if save else change.rollback.verdict,
        rollback_reason="" if save else attempt.masker.mask(change.rollback.reason),
        sealed={
            vault.BEFORE: vault.seal_snapshot(attempt.key, snapshot),
            vault.CHANGE: vault.seal_change(attempt.key, task.wanted, change.diff),
        },
    )


_SAVE = ("+ (saved: what runs is as wanted, and what is saved is not)",)
"""What a plan shows of a device on which nothing but that is to be done."""


def _unsaved(attempt: Attempt, snapshot: Snapshot, running: Configuration) -> bool:
    """Whether a device that runs what is wanted has yet to save it, so that a reboot would not undo the rollout.

    That is so where an earlier run left it in doubt; and where it is to have exactly what is wanted, unless on its
    platform what is saved reads differently in any case.
    """
    exactly = attempt.settings.mode == "replace" and attempt.driver.saves_what_it_shows
    if not (attempt.task.touched or exactly):
        return False
    if snapshot.startup is None:
        return snapshot.unsaved
    return attempt.configuration(snapshot.startup).normal != running.normal


async def push(attempt: Attempt) -> Result:
    """Change the device as planned, and leave no doubt about what became of it."""
    touched = attempt.task.touched
    while True:
        try:
            async with attempt.session() as session:
                return await _push(attempt, session, touched=touched)
        except _Unknown as exc:
            touched, attempt.read_back = True, None
            if not await attempt.another_try():
                return await _last_look(attempt, str(exc))
        except PASSING as exc:
            if not await attempt.another_try():
                return _in_doubt(attempt, str(exc)) if touched else attempt.result("failed", str(exc))
        except DeviceError as exc:
            # Unreachable, or not let in any more: that says nothing about a change that was begun.
            if not touched:
                raise
            return _in_doubt(attempt, str(exc))


def _in_doubt(attempt: Attempt, reason: str) -> Result:
    if attempt.read_back == "applied":
        return attempt.result(
            "unknown", f"{reason}; it runs the change and may not have saved it: put that right, the next run saves it"
        )
    found = f"it was read back and was {attempt.read_back.replace('_', ' ')}" if attempt.read_back else UNREAD
    return attempt.result("unknown", f"{reason}; {found}")


class _Unknown(Exception):
    """The session broke while the change was being made."""


_SETTLE_SECONDS = 2.0
"""How long a device is left alone before the last look: it may still be at what a broken session had asked of it."""


async def _last_look(attempt: Attempt, reason: str) -> Result:
    """No try is left: read the device all the same, so that it ends with the whole change or as it was before."""
    await asyncio.sleep(_SETTLE_SECONDS)
    try:
        async with attempt.session() as session:
            return await _push(attempt, session, touched=True, no_more=f"{reason}; it was read back")
    except DeviceError as exc:
        return _in_doubt(attempt, f"{reason}; {exc}" if attempt.read_back else reason)


async def _push(attempt: Attempt, session: Session, *, touched: bool, no_more: str = "") -> Result:
    """One try. ``no_more``: why nothing may be sent any more, but for what brings back the configuration of before."""
    task = attempt.task
    assert task.before is not None
    if not touched and task.diff and isinstance(session, Comparing):
        with contextlib.suppress(Moved):
            return await _send(attempt, session, "", functools.partial(session.apply_to, task.before.running))
    left_on_trial = await trial.remaining(attempt, session) if touched else None
    now, finding = await _look(attempt, session)
    attempt.read_back = finding if touched else None
    if left_on_trial is not None and (finding != "applied" or left_on_trial <= attempt.settings.confirm_needs):
        # It would be taken back amid the checks: rather now, and sent anew with all of its time.
        withdrawn, left_on_trial = await trial.withdraw(attempt, session), None
        now, finding = await _look(attempt, session)
        attempt.read_back = "on_trial" if withdrawn and finding == "not_applied" else finding
    if finding == "applied" or (finding == "not_applied" and not task.diff):
        return await _keep(
            attempt, session, now, touched=touched or not task.diff, unconfirmed=left_on_trial is not None
        )
    if finding == "foreign" or (finding == "partial" and not touched):
        before = attempt.configuration(task.before.running).normal
        known = (before, attempt.configuration(task.wanted).normal) if touched else (before,)
        lines = strange(now.normal, *known, mask=attempt.masker.mask, gone_from="" if touched else before)
        return attempt.result(
            "held_back",
            f"{task.name}: its configuration is not the one the plan was made on; look at what changed it, then plan "
            "again",
            lines,
            before=attempt.fingerprint(now),
        )
    if no_more:
        return await _undo(attempt, session, "failed", no_more)
    return await _send(attempt, session, _SENT_AGAIN[attempt.read_back] if attempt.read_back else "", session.apply)


async def _keep(attempt: Attempt, session: Session, now: Configuration, *, touched: bool, unconfirmed: bool) -> Result:
    """The device is as wanted: nothing is sent."""
    if touched and not unconfirmed:
        await session.save()
    outcome, reason = ("changed" if touched else "unchanged"), _FOUND_AS_WANTED[touched]
    more = _besides(attempt, now) if touched else []
    reason += _BESIDES if more else ""
    return attempt.result(outcome, reason, more, after=attempt.fingerprint(now), unconfirmed=unconfirmed)


_BESIDES = "; it has lines besides, the device's own or somebody's, which are saved with it"


def _besides(attempt: Attempt, now: Configuration) -> list[str]:
    """Lines of a device with the whole change that are of neither configuration. Exactly what is wanted has none."""
    task = attempt.task
    assert task.before is not None
    if attempt.settings.mode == "replace":
        return []
    before, wanted = (attempt.configuration(text).normal for text in (task.before.running, task.wanted))
    return strange(now.normal, before, wanted, mask=attempt.masker.mask)


Apply = Callable[[Change, Hold | None], Awaitable[str | None]]


async def _send(attempt: Attempt, session: Session, reason: str, apply: Apply) -> Result:
    """Make the change, read it back, verify it, and save it unless it is held on trial."""
    task = attempt.task
    change = Change(mode=attempt.settings.mode, wanted=task.wanted, diff=task.diff)
    hold = trial.hold(attempt)
    try:
        read = await apply(change, hold)
        left = attempt.configuration(await session.running() if read is None else read)
        remainder = await _remainder(attempt, session, left)
        if not remainder and hold is None:
            await session.save()
    except NothingSent:
        raise
    except Rejected as exc:
        return await _undo(attempt, session, "rejected", str(exc))
    except DeviceError as exc:
        raise _Unknown(str(exc)) from exc
    if remainder:
        shown = "; ".join(remainder[:3])
        return await _undo(
            attempt, session, "failed", f"{task.name}: took the change but does not show all of it: {shown}"
        )
    return attempt.result("changed", reason, after=attempt.fingerprint(left), unconfirmed=hold is not None)


async def _look(attempt: Attempt, session: Session) -> tuple[Configuration, Finding]:
    now = attempt.configuration(await session.running())
    return now, await found(attempt, session, now)


async def found(attempt: Attempt, session: Session, now: Configuration) -> Finding:
    """Say how far the change is, asking the device what is missing only where it is not as the plan found it."""
    task, mode = attempt.task, attempt.settings.mode
    assert task.before is not None
    before = attempt.configuration(task.before.running).normal
    if now.normal == before:
        return "not_applied"
    complete = (await session.propose(now.text, task.wanted, mode)).empty
    return classify(now.normal, before, attempt.configuration(task.wanted).normal, complete=complete)


_SENT_AGAIN: dict[Finding, str] = {
    "not_applied": "an earlier try had not changed it, as was read back; it was sent then",
    "partial": "an earlier try had made part of the change, as was read back; the rest was made then",
    "on_trial": "an earlier try had left it on trial, not whole or with too little time; it was taken back and sent "
    "anew",
}
_FOUND_AS_WANTED = {
    True: "an earlier try had made the change; it was read back, not sent again",
    False: "already as wanted when its turn came",
}


async def _remainder(attempt: Attempt, session: Session, left: Configuration) -> tuple[str, ...]:
    """What of the change is still missing, from the configuration read back."""
    if attempt.settings.mode == "replace" and left.normal == attempt.configuration(attempt.task.wanted).normal:
        return ()
    return (await session.propose(left.text, attempt.task.wanted, attempt.settings.mode)).diff


async def _undo(attempt: Attempt, session: Session, outcome: str, reason: str) -> Result:
    """The device refused part of the change: do not leave it half changed."""
    snapshot = attempt.task.before
    assert snapshot is not None
    try:
        if outcome != "rejected":
            # What was refused is not held; on a platform that does not say whose it is, what is held is another run's.
            await trial.withdraw(attempt, session)
        left = await session.snapshot()
        if left.running != snapshot.running or left.startup != snapshot.startup:
            await session.restore(snapshot)
            left = await session.snapshot()
    except DeviceError as exc:
        return attempt.result("unknown", f"{reason}; and it could not be put back: {exc}")
    after = attempt.configuration(left.running)
    if after.normal != attempt.configuration(snapshot.running).normal:
        return attempt.result(
            "failed", f"{reason}; and it did not return to where it was", after=attempt.fingerprint(after)
        )
    return attempt.result(outcome, f"{reason}; the device is as it was before", after=attempt.fingerprint(after))


async def validate(attempt: Attempt) -> Result:
    """Run the checks. ``passed``, ``failed`` (also when the device no longer answers) or ``inconclusive``."""
    try:
        async with attempt.session() as session:
            verdicts = regressed(await failing(attempt, session), attempt.task.checks_before)
    except DeviceError as exc:
        return attempt.result("failed", f"it cannot be asked any more: {exc}")
    if not verdicts:
        return attempt.result("passed")
    worst = "failed" if any(verdict == "failed" for verdict, _reason in verdicts.values()) else "inconclusive"
    said = {name: attempt.masker.mask(reason) for name, (_verdict, reason) in verdicts.items()}
    return attempt.result(worst, "; ".join(f"{name}: {reason}" for name, reason in said.items()), checks=said)


PROCEDURES: dict[str, Procedure] = {"plan": plan, "push": push, "validate": validate}
