# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger as one object."""

from collections.abc import Callable
from datetime import datetime

from .approvals import Approvals
from .claims import Claims
from .database import connect
from .events import Events
from .leases import Leases
from .runs import Runs
from .targets import Targets
from .verify import Verifying


class Ledger(Runs, Targets, Approvals, Events, Leases, Claims, Verifying):
    """The durable record of runs. Each method is one transaction; each change of state appends an event.

    May be used from several threads, and in a process forked from the one that opened it.
    """


def open_ledger(
    url: str, *, chain_key: bytes, read_only: bool = False, clock: Callable[[], datetime] | None = None
) -> Ledger:
    """Open the ledger at ``url``, making it where it is missing unless ``read_only``.

    ``chain_key`` signs the events: whoever lacks it cannot change the record unnoticed. Raises ``LedgerError`` in one
    sentence that never shows the URL's password.
    """
    ledger = Ledger(connect(url, create=not read_only), chain_key, clock)
    if not read_only:
        try:
            ledger.create()
        except BaseException:
            ledger.close()
            raise
    return ledger
