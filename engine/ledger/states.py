# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which state may follow which. Every edge says who causes it."""

from collections.abc import Mapping
from typing import Final

from ..errors import LedgerError

FINISHED: Final = frozenset({"completed", "rolled_back", "abandoned"})
"""A run in one of these is never resumed; its name is free for the next run."""

ENDED: Final[Mapping[str, frozenset[str]]] = {"rollout": frozenset({"stopped", "failed"})}
"""States that also end a run of some kind: a rollout that was stopped is not resumed but planned anew, from what the
devices show then; a deployment goes on where it failed."""

RUN_STATES: Final[Mapping[str, Mapping[str, str]]] = {
    "planning": {
        "planned": "set_plan stored a plan",
        "running": "the run has no plan of its own: its checkpoints are plays",
        "failed": "no plan could be made",
        "abandoned": "a person gave the run up",
    },
    "planned": {
        "planning": "nothing is touched yet: the plan is made again",
        "running": "the first checkpoint starts",
        "waiting": "the first gate is held open for a decision",
        "parked": "the first gate is left for later",
        "completed": "there is nothing to change",
        "stopped": "the first gate was rejected",
        "failed": "the run could not start",
        "abandoned": "a person gave the run up",
    },
    "running": {
        "waiting": "the next gate waits for a decision",
        "parked": "the next gate is left for later",
        "paused": "a verdict was inconclusive",
        "completed": "the last checkpoint passed",
        "stopped": "the breaker opened",
        "failed": "a checkpoint failed",
        "rolled_back": "what was changed has been restored",
        "abandoned": "the process died and a person gave the run up",
    },
    "waiting": {
        "running": "the gate opened",
        "parked": "the wait ended without a decision",
        "stopped": "the gate was rejected",
        "failed": "the approval expired",
        "abandoned": "a person gave the run up",
    },
    "parked": {
        "running": "resumed with the gate open",
        "waiting": "resumed, and this time it waits",
        "stopped": "resumed with the gate rejected",
        "failed": "resumed, and it could not go on",
        "rolled_back": "a person had the finished part restored",
        "abandoned": "a person gave the run up",
    },
    "paused": {
        "running": "a person had it go on",
        "waiting": "resumed at a gate",
        "parked": "resumed at a gate that is left for later",
        "stopped": "a person stopped it",
        "failed": "resumed, and it could not go on",
        "rolled_back": "a person had it restored",
        "abandoned": "a person gave the run up",
    },
    "stopped": {
        "running": "resumed",
        "waiting": "resumed at a gate",
        "parked": "resumed at a gate that is left for later",
        "failed": "resumed, and it could not go on",
        "rolled_back": "what was changed has been restored",
        "abandoned": "a person gave the run up",
    },
    "failed": {
        "planning": "no plan was made the last time: it is made again",
        "running": "resumed",
        "waiting": "resumed at a gate",
        "parked": "resumed at a gate that is left for later",
        "stopped": "the breaker had opened as well",
        "rolled_back": "what was changed has been restored",
        "abandoned": "a person gave the run up",
    },
    "completed": {"rolled_back": "a person took the whole run back afterwards"},
    "rolled_back": {},
    "abandoned": {},
}

CHECKPOINT_STATES: Final[Mapping[str, Mapping[str, str]]] = {
    "pending": {
        "running": "it begins",
        "skipped": "it does not apply, or has nothing to do",
        "failed": "its gate was rejected, or what it needs is missing",
    },
    "running": {
        "passed": "all of it held",
        "failed": "it failed, or its validation did",
        "skipped": "it found nothing to do",
        "pending": "it was cut off: resumed from the start of the checkpoint",
    },
    "passed": {"pending": "validated again on resume", "failed": "a later validation failed"},
    "failed": {"pending": "resumed", "running": "tried again within the same gate"},
    "skipped": {"pending": "it applies now"},
}

APPROVAL_STATES: Final[Mapping[str, Mapping[str, str]]] = {
    "pending": {
        "approved": "somebody with the right to approved",
        "rejected": "somebody rejected",
        "expired": "its time ran out, or a new plan voided it",
    },
    "approved": {"used": "its gate was opened: once", "expired": "its time ran out, or a new plan voided it"},
    "rejected": {},
    "expired": {},
    "used": {},
}


def check_move(table: Mapping[str, Mapping[str, str]], what: str, old: str, new: str) -> None:
    """Raise ``LedgerError`` unless ``table`` has an edge from ``old`` to ``new``."""
    if new not in table:
        raise LedgerError(f"{what}: there is no state {new!r}; there are {', '.join(table)}.")
    if new not in table[old]:
        possible = ", ".join(table[old]) or "nothing"
        raise LedgerError(f"{what} is {old} and cannot become {new}; from there it can become {possible}.")
