# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Private to this collection: which run, and which of its checkpoints, a playbook acts on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleActionFail

if TYPE_CHECKING:
    from ansible_collections.raywright.fleet.engine.ledger import Ledger, Run

DONE = frozenset({"passed", "skipped"})


@dataclass(frozen=True, slots=True)
class Selection:
    """A run's name, the checkpoints it has, those that are acted on, and those that are left out on purpose."""

    name: str
    checkpoints: list[dict[str, Any]]
    selected: list[str]
    left_out: list[str]


def select(ledger: Ledger | None, args: dict[str, Any]) -> Selection:
    """Choose by ``checkpoint``, ``start_from`` and ``whole``; without a ledger as if it were empty."""
    name, checkpoints = args["name"], args["checkpoints"]
    names = [each["name"] for each in checkpoints]
    for option in ("checkpoint", "start_from"):
        if args[option] and args[option] not in names:
            raise AnsibleActionFail(
                f"There is no checkpoint {args[option]!r} to {'start from' if option == 'start_from' else 'act on'}; "
                f"there are {', '.join(names)}. Nothing was done."
            )
    if args["start_from"]:
        first = names.index(args["start_from"])
        return Selection(name, checkpoints, names[first:], names[:first])
    if not args["checkpoint"]:
        return Selection(name, checkpoints, names, [])
    only = args["checkpoint"]
    if args["whole"] or (ledger is not None and _is_left(ledger, ledger.open_run(name), only)):
        return Selection(name, checkpoints, [only], [])
    # What was asked for is done, also where the whole run has done it: as a run of its own.
    return Selection(f"{name}:{only}", [each for each in checkpoints if each["name"] == only], [only], [])


def family(args: dict[str, Any]) -> list[str]:
    """Return the names of all runs that act on the same: the whole one, and those of one checkpoint."""
    return [args["name"], *(f"{args['name']}:{each['name']}" for each in args["checkpoints"])]


def leave_out(ledger: Ledger, run: Run, selection: Selection) -> None:
    """Record as skipped what ``start_from`` passes over."""
    states = {each.name: each.state for each in ledger.checkpoints(run.id)}
    for name in selection.left_out:
        if states[name] in DONE:
            continue
        if states[name] == "failed":
            ledger.move_checkpoint(run.id, name, "pending")
        ledger.move_checkpoint(run.id, name, "skipped", detail={"note": f"started from {selection.selected[0]}"})


def _is_left(ledger: Ledger, run: Run | None, checkpoint: str) -> bool:
    if run is None:
        return False
    return any(each.name == checkpoint and each.state not in DONE for each in ledger.checkpoints(run.id))
