# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rollback, seen from the ledger: which devices it concerns, its steps, and recording what became of them.

Its steps are checkpoints of the run that is rolled back; a device's outcome is kept where the device has its place, in
the stage that changed it. A try that was interrupted is not continued step by step: what is left is divided anew.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..ledger.ledger import Ledger
from ..ledger.records import Checkpoint, Target
from ..plan.cohorts import waves
from ..plan.traits import Traits
from .breaker import FAILURES, Breaker
from .journal import replay
from .recording import Recorder

_UNTOUCHED = frozenset({"unchanged", "unreachable", "rejected", "held_back"})
"""Outcomes of a push that left nothing of ours on the device."""
_TRIED = "rollback_tried"
"""In a device's detail: the step of a rollback that came to it last, so its outcome is no longer that of a push."""
INTERRUPTED = "interrupted"
"""The verdict on a step that broke off."""


@dataclass(frozen=True, slots=True)
class Due:
    """A device to restore."""

    target: Target
    touched: bool
    """What a push left is not on record, only that the device may have been changed."""

    @property
    def name(self) -> str:
        return self.target.name

    @property
    def tried(self) -> bool:
        """An earlier rollback could not restore it."""
        return _TRIED in self.target.detail

    @property
    def waited(self) -> bool:
        """It was spared then, for the sake of its redundancy group."""
        return bool(self.target.detail.get("held_for"))

    @property
    def groups(self) -> tuple[str, ...]:
        return tuple(self.target.detail.get("groups", ()))


def due(
    targets: Sequence[Target],
    checkpoints: Sequence[Checkpoint],
    *,
    stage: str | None,
    journal_of: Callable[[int, str], Path],
    patience: float,
) -> list[Due]:
    """The devices that a run changed or may have changed, of one stage or of all, in the order of stages and waves.

    ``journal_of`` gives the journal of a checkpoint, by its position, and of what was done there.
    """
    place = {each.name: each.position for each in checkpoints}
    dispatched = {
        name for each in checkpoints for name in _handed_out(journal_of(each.position, "push"), patience=patience)
    }
    # Where the journal of a stage that broke off was on a machine that is gone, all of it may have been handed out.
    lost = {
        each.name for each in checkpoints if each.state == "running" and not journal_of(each.position, "push").exists()
    }
    begun = _begun(targets, checkpoints, journal_of, patience)
    found = []
    for target in targets:
        planned = target.detail.get("change") and stage in {None, target.checkpoint}
        if not planned or target.outcome == "rolled_back":
            continue
        if target.outcome in _UNTOUCHED and not _was_changed(target):
            continue
        if target.outcome == "pending" and target.name not in dispatched and target.checkpoint not in lost:
            continue
        found.append(Due(target, touched=not target.detail.get("after") or target.name in begun))
    return sorted(found, key=lambda each: (place[each.target.checkpoint], each.target.detail.get("wave", 0)))


def _begun(
    targets: Sequence[Target],
    checkpoints: Sequence[Checkpoint],
    journal_of: Callable[[int, str], Path],
    patience: float,
) -> set[str]:
    """The devices that an earlier rollback may have left half restored.

    Those of which it says so; and of a step that broke off, those that were handed out and whose outcome did not
    become known. Where its journal was on a machine that is gone, none is taken for that: what is found on a device may
    be somebody else's then, and a person can tell.
    """
    begun = {each.name for each in targets if each.detail.get("restoring")}
    ended = {each.name: each.detail.get(_TRIED) for each in targets}
    for step in steps_of(checkpoints):
        if step.state != "running" and step.verdict != INTERRUPTED:
            continue
        out = _handed_out(journal_of(step.position, "rollback"), patience=patience)
        begun |= {name for name in out if ended.get(name) != step.name}
    return begun


def _handed_out(journal: Path, *, patience: float) -> set[str]:
    events = replay(journal, patience=patience)
    return {name for event in events if event["event"] == "dispatched" for name in event["names"]}


def _was_changed(target: Target) -> bool:
    """Whether a push changed a device whose outcome says otherwise: it is that of what came after."""
    return _TRIED in target.detail or (target.outcome == "held_back" and bool(target.detail.get("after")))


def turns(found: Sequence[Due], last: Collection[str]) -> dict[str, int]:
    """The wave of each device of a step: members of a redundancy group are restored one after the other, too."""
    fleet = {
        each.name: Traits(groups=each.groups, last="carries the way" if each.name in last else "") for each in found
    }
    return {name: turn for turn, wave in enumerate(waves(list(fleet), fleet)) for name in wave}


def holding(found: Sequence[Due], outcomes: Mapping[str, str], waiting: Collection[str]) -> dict[str, str]:
    """The groups of which a member could not be restored in an earlier step, and which; whoever waits keeps nobody."""
    return {
        group: f"{each.name} ({outcome.replace('_', ' ')})"
        for each in found
        if (outcome := outcomes.get(each.name, "rolled_back")) != "rolled_back" and each.name not in waiting
        for group in each.groups
    }


def behind(found: Sequence[Due]) -> list[set[str]]:
    """Who comes after those that nobody tried: first what an earlier rollback could not restore, and behind it the
    other members of its groups, which wait for it.
    """
    tried = {each.name for each in found if each.tried and not each.waited}
    groups = {group for each in found if each.name in tried for group in each.groups}
    waiting = {each.name for each in found if each.name not in tried and groups.intersection(each.groups)}
    return [{each.name for each in found if each.tried} - waiting, waiting]


def steps_of(checkpoints: Sequence[Checkpoint]) -> list[Checkpoint]:
    """Those of a run's checkpoints that are steps of a rollback."""
    return [each for each in checkpoints if "rollback" in each.detail]


def step_breaker(devices: int, earlier: Counter[str], *, limit: float, min_sample: int) -> dict[str, Any]:
    """The breaker's start for the next step: its fleet is all that this rollback is to restore."""
    return {
        "max_failure_percentage": limit,
        "min_sample": min_sample,
        "fleet": devices,
        "fleet_failed": sum(count for outcome, count in earlier.items() if outcome in FAILURES),
    }


def judge(step: Mapping[str, Any], outcomes: Counter[str], tripped: str | None) -> str | None:
    """Why no further step may begin, if so: the breaker is counted once more, with the step at its end."""
    breaker = Breaker(**step)
    breaker.start(outcomes.total())
    for outcome, count in outcomes.items():
        for _device in range(count):
            breaker.finish(outcome)
    breaker.close()
    return tripped or breaker.tripped


class BySource:
    """Records outcomes of devices of several checkpoints, each in its own."""

    def __init__(self, ledger: Ledger, run_id: str, targets: Sequence[Target]) -> None:
        self._stage = {target.name: target.checkpoint for target in targets}
        self._recorders = {
            stage: Recorder(ledger, run_id, stage, {t.name: _fresh(t) for t in targets if t.checkpoint == stage})
            for stage in dict.fromkeys(self._stage.values())
        }
        self.outcomes: dict[str, str] = {}
        self.reasons: dict[str, str] = {}
        """Why devices were not restored."""
        self.spared: set[str] = set()
        """Devices that were not touched: for the sake of their redundancy group, or for want of a session."""
        self.waiting: set[str] = set()
        """Those of them that were spared for their group."""

    def begin(self, step: str) -> None:
        """Have it on record from now on that this step came to the devices."""
        for recorder in self._recorders.values():
            recorder.mark = {_TRIED: step}

    def take(self, event: Mapping[str, Any]) -> None:
        if event["event"] != "outcome":
            return
        if event.get("held_for") or event.get("no_session"):
            self.spared.add(event["name"])
        if event.get("held_for"):
            self.waiting.add(event["name"])
        self.outcomes[event["name"]] = event["outcome"]
        if event["outcome"] != "rolled_back":
            self.reasons[event["name"]] = event.get("reason", "")
        self._recorders[self._stage[event["name"]]].take(event)

    def tried(self, names: Collection[str]) -> Counter[str]:
        """Count the outcomes of those of ``names`` that it was tried to restore."""
        return Counter(self.outcomes[name] for name in names if name in self.outcomes and name not in self.spared)

    def flush(self) -> None:
        for recorder in self._recorders.values():
            recorder.flush()


def _fresh(target: Target) -> Target:
    """Why an earlier rollback could not restore a device is over now."""
    if _TRIED not in target.detail:
        return target
    return Target(target.run_id, target.checkpoint, target.name, target.outcome, {**target.detail, "reason": ""})
