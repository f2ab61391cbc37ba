# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Private to this collection: one playbook at a time acts for a run, from its begin to its end."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ansible_collections.raywright.fleet.plugins.plugin_utils._engine import environment
from ansible_collections.raywright.fleet.plugins.plugin_utils._ledger import chain_key, ledger_url

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ansible_collections.raywright.fleet.engine.ledger import Lease, LeaseOwner, Ledger

_SECONDS = 60.0
"""How long a controller on another machine that is not heard of any more is believed to be at work."""


def take(ledger: Ledger, run_id: str, url: str | None) -> None:
    """Have this playbook hold the lease of a run for as long as it lives. ``LedgerError`` names who holds it."""
    from ansible_collections.raywright.fleet.engine.ledger.keeper import keep

    owner = _playbook()
    if ledger.lease_of(run_id, owner=owner) is None:
        lease = ledger.acquire_lease(run_id, owner=owner, ttl=_SECONDS)
        keep(lease, url=ledger_url(url), chain_key=chain_key(), environment=environment())


def refuse_beside(ledger: Ledger, names: Iterable[str]) -> None:
    """Refuse to work beside another playbook that is at work for an unfinished run of one of these names."""
    for name in names:
        if (run := ledger.open_run(name)) is not None:
            held(ledger, run.id)


def held(ledger: Ledger, run_id: str) -> Lease | None:
    """Return the lease of a run that this playbook holds. ``LedgerError`` names another that is at work for the run."""
    return ledger.lease_of(run_id, owner=_playbook())


def _playbook() -> LeaseOwner:
    """The process of the whole playbook: actions run in its workers, each in one of its own."""
    from ansible_collections.raywright.fleet.engine.ledger import process

    return process(os.getppid())
