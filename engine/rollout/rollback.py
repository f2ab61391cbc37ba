# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which devices a rollback concerns, and recording what became of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..ledger.ledger import Ledger
from ..ledger.records import Target
from ..plan.cohorts import waves
from ..plan.traits import Traits
from .journal import replay
from .recording import Recorder

_DONE = frozenset({"rolled_back", "unchanged", "unreachable", "rejected", "held_back"})
"""Nothing of ours is on these: never changed, or already put back."""


@dataclass(frozen=True, slots=True)
class Due:
    """A device to restore; ``touched``: what a push left is not on record, only that it may have been changed."""

    target: Target
    touched: bool


def due(targets: Sequence[Target], *, stage: str | None, journals: Mapping[str, Path], patience: float) -> list[Due]:
    """The devices that a run changed or may have changed; of one stage, or of all."""
    dispatched = {
        name
        for path in journals.values()
        for event in replay(path, patience=patience)
        if event["event"] == "dispatched"
        for name in event["names"]
    }
    found = []
    for target in targets:
        planned = target.detail.get("change") and stage in {None, target.checkpoint}
        if not planned or target.outcome in _DONE:
            continue
        sure = bool(target.detail.get("after"))
        if target.outcome == "pending" and target.name not in dispatched:
            continue
        found.append(Due(target, touched=not sure))
    return found


def turns(found: Sequence[Due]) -> dict[str, int]:
    """The wave of each device: members of a redundancy group are restored one after the other, too."""
    fleet = {each.target.name: Traits(groups=tuple(each.target.detail.get("groups", ()))) for each in found}
    return {name: turn for turn, wave in enumerate(waves(list(fleet), fleet)) for name in wave}


class BySource:
    """Records outcomes of devices of several checkpoints, each in its own."""

    def __init__(self, ledger: Ledger, run_id: str, targets: Sequence[Target]) -> None:
        self._stage = {target.name: target.checkpoint for target in targets}
        self._recorders = {
            stage: Recorder(ledger, run_id, stage, {t.name: t for t in targets if t.checkpoint == stage})
            for stage in dict.fromkeys(self._stage.values())
        }
        self.outcomes: dict[str, str] = {}
        self.reasons: dict[str, str] = {}
        """Why devices were not restored."""

    def take(self, event: Mapping[str, Any]) -> None:
        if event["event"] != "outcome":
            return
        self.outcomes[event["name"]] = event["outcome"]
        if event["outcome"] != "rolled_back":
            self.reasons[event["name"]] = event.get("reason", "")
        self._recorders[self._stage[event["name"]]].take(event)

    def flush(self) -> None:
        for recorder in self._recorders.values():
            recorder.flush()
