# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Private to this collection: how far each host has come, as its plays have marked it.

A play on localhost does not know who failed in another play, and a host that was rescued counts as fine everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

DONE = "raywright_done"
LOST = "raywright_lost"
_OUTCOMES = ("failed", "unreachable", "held_back")


@dataclass(frozen=True, slots=True)
class Mark:
    done: Collection[str] = ()
    lost: bool = False
    outcome: str = "failed"
    task: str = ""
    reason: str = ""
    checkpoint: str = ""


def marks(hostvars: Any, names: Iterable[str]) -> dict[str, Mark]:
    return {name: _mark(hostvars.raw_get(name)) for name in names}


def _mark(variables: Any) -> Mark:
    # raw_get answers with an Undefined for a host that is gone from the inventory.
    if not isinstance(variables, dict):
        return Mark()
    done = tuple(str(name) for name in variables.get(DONE) or ())
    lost = variables.get(LOST)
    if not lost:
        return Mark(done)
    outcome = str(lost.get("outcome") or "failed")
    return Mark(
        done,
        lost=True,
        outcome=outcome if outcome in _OUTCOMES else "failed",
        task=str(lost.get("task") or ""),
        reason=str(lost.get("reason") or ""),
        checkpoint=str(lost.get("checkpoint") or ""),
    )
