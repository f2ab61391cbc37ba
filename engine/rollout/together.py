# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Redundancy groups while a job runs: the next member is touched only when all before it are in order.

In order is a device that ended as wanted and passed its checks. Any other end (failed, rejected, unreachable, unknown,
drifted, not judged) holds back every member of its groups that was not touched yet: they may be all that still
carries traffic. A device that was held back itself was not touched, and holds nobody back.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from .job import Result, Task

if TYPE_CHECKING:
    # Ray's nodes have no database's library.
    from ..ledger.records import Target

IN_ORDER = frozenset({"changed", "unchanged"})
RESTORED = frozenset({"rolled_back", "unchanged"})


class Holding:
    """Which groups have a member that is not in order."""

    def __init__(self, before: Mapping[str, str]) -> None:
        self._broken = dict(before)

    def divide(self, tasks: Iterable[Task]) -> tuple[list[Task], list[Result]]:
        """Divide tasks into those that may be done, and the outcomes of those that may not.

        A check is always made: it touches nothing.
        """
        free: list[Task] = []
        held: list[Result] = []
        for task in tasks:
            group = next((group for group in task.groups if group in self._broken), None)
            if group is None or task.kind == "validate":
                free.append(task)
            else:
                held.append(_held(task, group, self._broken[group]))
        return free, held

    def learn(self, tasks: Iterable[Task], outcomes: Mapping[str, str], verdicts: Mapping[str, str]) -> None:
        """Take in what became of a wave: outcomes of what was done, and verdicts of what was checked."""
        for task in tasks:
            outcome, verdict = outcomes.get(task.name), verdicts.get(task.name, "passed")
            if verdict != "passed":
                self._add(task, f"its checks: {verdict}")
            elif outcome is not None and outcome not in (RESTORED if task.kind == "restore" else IN_ORDER):
                self._add(task, outcome.replace("_", " "))

    def _add(self, task: Task, why: str) -> None:
        for group in task.groups:
            self._broken.setdefault(group, f"{task.name} ({why})")


def holding(targets: Iterable["Target"], stage: str) -> dict[str, str]:
    """From what is recorded, the groups of which a member is not in order, and which.

    Devices of this stage that are still open are none: their wave decides.
    """
    broken: dict[str, str] = {}
    for target in targets:
        groups = target.detail.get("groups")
        if not groups or target.outcome in IN_ORDER or target.outcome == "pending":
            continue
        if target.detail.get("held_for") or (target.checkpoint == stage and target.outcome == "unknown"):
            continue
        for group in groups:
            broken.setdefault(group, f"{target.name} ({target.outcome.replace('_', ' ')})")
    return broken


def _held(task: Task, group: str, other: str) -> Result:
    held = held_back(task.name, group, other)
    if task.touched and task.kind != "restore":
        # An earlier try may have changed it: it stays in doubt until it may be read.
        return Result(name=task.name, outcome="unknown", reason=f"{held.reason}; an earlier try may have changed it")
    return held


def held_back(name: str, group: str, other: str) -> Result:
    """The outcome of a device that must not be touched now."""
    reason = f"{name}: not touched: it waits for {other}, of the same redundancy group {group}: look at that one first"
    return Result(name=name, outcome="held_back", reason=reason, held_for=group)


def by_wave(tasks: Sequence[Task]) -> Iterator[list[Task]]:
    """Yield the tasks of each wave that has any, in their turn."""
    waves: dict[int, list[Task]] = {}
    for task in tasks:
        waves.setdefault(task.wave, []).append(task)
    for turn in sorted(waves):
        yield waves[turn]
