# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hands devices to workers, counts what comes back, and stops handing out when the breaker trips."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..errors import FleetError
from .breaker import Breaker
from .job import Result, Task
from .pools import Pool, WorkerLost
from .reading import UNREAD

Emit = Callable[[str, dict[str, Any]], None]

_MOST_TRIES = 3
"""How many workers may die on one device before it is left alone as unknown."""
_ALONE_FROM = 2
"""With how many dead workers a device is handed out alone: one that kills workers must not take others down with it."""


@dataclass(slots=True)
class Dispatcher:
    """Runs a set of tasks.

    Before a device is handed to a worker, that fact is emitted: whoever reads the events later knows which devices may
    have been touched. No more than ``concurrency`` devices are out at any time.
    """

    kind: str
    pool: Pool
    workers: int
    concurrency: int
    breaker: Breaker
    emit: Emit
    waiting: deque[Task] = field(default_factory=deque)
    suspects: deque[Task] = field(default_factory=deque)
    """Devices that are handed out alone, before all others."""
    stopped: str | None = None
    _out: list[dict[str, Task]] = field(default_factory=list)
    _lost: dict[str, int] = field(default_factory=dict)

    async def run(self, tasks: Iterable[Task]) -> None:
        self.waiting.extend(tasks)
        self._out = [{} for _worker in range(self.workers)]
        shares = [len(range(worker, self.concurrency, self.workers)) for worker in range(self.workers)]
        async with asyncio.TaskGroup() as group:
            for worker, share in enumerate(shares):
                group.create_task(self._serve(worker, share))
        self._give_up()

    def stop(self, reason: str) -> None:
        """Hand out no more devices; those that are out are finished."""
        self.stopped = self.stopped or reason

    async def _serve(self, worker: int, share: int) -> None:
        out = self._out[worker]
        while True:
            batch = self._next(share, out)
            out.update((task.name, task) for task in batch)
            if not out:
                return
            try:
                results = await self.pool.exchange(worker, batch)
            except WorkerLost as exc:
                if exc.for_good:
                    self.stop(str(exc))
                self._take_back(out, str(exc))
                continue
            self._finished([(out.pop(result.name), result) for result in results])

    def _next(self, share: int, out: Mapping[str, Task]) -> list[Task]:
        if self.stopped or self.breaker.tripped:
            return []
        batch = self._batch(share, out)
        if not batch:
            return []
        try:
            self.emit("dispatched", {"names": [task.name for task in batch]})
        except FleetError as exc:
            # It is not on record that they may be touched: so they are not.
            self.waiting.extendleft(reversed(batch))
            self.stop(str(exc))
            return []
        new = [task for task in batch if task.name not in self._lost]
        self.breaker.start(len(new), (stratum for task in new for stratum in task.strata))
        return batch

    def _batch(self, share: int, out: Mapping[str, Task]) -> list[Task]:
        if out and (self.suspects or any(self._lost.get(name, 0) >= _ALONE_FROM for name in out)):
            return []
        if self.suspects:
            return [self.suspects.popleft()]
        return [self.waiting.popleft() for _task in range(min(share - len(out), len(self.waiting)))]

    def _take_back(self, out: dict[str, Task], reason: str) -> None:
        """A worker died: its devices are unknown until they are read, which the next worker does first."""
        taken = dict(out)
        out.clear()
        for name, task in taken.items():
            self._lost[name] = self._lost.get(name, 0) + 1
            if self._lost[name] >= _MOST_TRIES or self.stopped or self.breaker.tripped:
                self._finished([(task, _unknown(task, reason))])
            elif self._lost[name] >= _ALONE_FROM:
                self.suspects.append(replace(task, touched=True))
            else:
                self.waiting.appendleft(replace(task, touched=True))
        self.emit("worker_lost", {"reason": reason, "names": list(taken)})

    def _give_up(self) -> None:
        """Name what was taken back from a dead worker and, since nothing more is started, will not be read either."""
        self._finished(
            [
                (task, _unknown(task, "its worker died"))
                for task in (*self.suspects, *self.waiting)
                if task.name in self._lost
            ]
        )

    def _finished(self, ended: Sequence[tuple[Task, Result]]) -> None:
        for task, result in ended:
            self.emit("outcome", result.as_dict())
            if result.no_session:
                self.breaker.leave_out()
            else:
                self.breaker.finish(result.outcome, task.strata)
        if ended and self.breaker.tripped and not self.stopped:
            self.emit("tripped", {"reason": self.breaker.tripped, "in_flight": sum(map(len, self._out))})
            self.stop(self.breaker.tripped)


def _unknown(task: Task, reason: str) -> Result:
    """The outcome of a device whose worker died: nobody knows how far it came."""
    said = f"{task.name}: {reason}; {UNREAD}"
    return Result(name=task.name, outcome="unknown", reason=said, restoring=task.kind == "restore")
