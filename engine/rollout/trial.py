# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes on trial, device by device: a device that holds one takes it back by itself unless it is confirmed.

Whoever confirms comes after the change was validated, in another session and mostly another process, so what is true
is asked of the device each time:

=====================  ==========================================================================
what is found          what is done
=====================  ==========================================================================
held, and as wanted    it is confirmed, then saved: ``changed``
held, not as wanted    it is taken back now: ``rolled_back``
not held, as before    nothing; the device took it back by itself: ``rolled_back``
not held, as wanted    it is read again after a while, for a device may still be at taking it back; then it is
                       saved: an earlier try confirmed it and broke off (``changed``)
anything else          nothing: ``held_back``, somebody changed the device
=====================  ==========================================================================
"""

import contextlib
from typing import TYPE_CHECKING

from ..devices.base import Hold, Session
from ..errors import NotHeld, Rejected

if TYPE_CHECKING:
    from .procedures import Attempt


_OVERDUE_SECONDS = 10.0
"""A device needs a while to take a change back."""


def hold(attempt: "Attempt") -> Hold | None:
    """How the device of this attempt is to hold its change, if it is."""
    seconds = attempt.settings.confirm_timeout
    return Hold(attempt.settings.run, seconds) if 0 < seconds <= attempt.driver.longest_hold else None


async def require_free(attempt: "Attempt", session: Session) -> None:
    """Refuse to plan for a device that cannot hold a change, or on which one is on trial: what it shows may not last.
    Raises ``Rejected``.
    """
    if hold(attempt) is None or (held := await session.held()) is None:
        return
    name, run = attempt.task.name, held.token
    whose = f"{name}: a change of run {run or 'another'}"
    if held.remaining < -_OVERDUE_SECONDS:
        raise Rejected(
            f"{whose} is still on trial on it, {-held.remaining:.0f} s after its time was over: what should have taken "
            f"it back is gone or cannot; roll it back (raywright.fleet.rollback -e run={run or '...'} --limit {name}), "
            "then plan again"
        )
    raise Rejected(
        f"{whose} is on trial on it for another {max(0.0, held.remaining):.0f} s; wait until it is confirmed or taken "
        "back, then plan again"
    )


async def remaining(attempt: "Attempt", session: Session) -> float | None:
    """Seconds for which the device still holds a change of this run; ``None``: it holds none."""
    if hold(attempt) is None:
        return None
    held = await session.held()
    ours = held is not None and held.token in (attempt.settings.run, None)
    return held.remaining if held is not None and ours else None


async def withdraw(attempt: "Attempt", session: Session) -> bool:
    """Have the device take back now what it holds for this run; say whether there was anything."""
    if hold(attempt) is None:
        return False
    with contextlib.suppress(NotHeld):
        await session.cancel(attempt.settings.run)
        return True
    return False
