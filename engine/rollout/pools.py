# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where workers run: in this process, or as actors on every node of a Ray cluster."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from ..sealing.key import FleetKey
from .job import Result, Settings, Task
from .worker import Worker


class WorkerLost(Exception):
    """A worker is gone; what it was doing is unknown. ``for_good``: no other takes its place."""

    def __init__(self, reason: str, *, for_good: bool = False) -> None:
        super().__init__(reason)
        self.for_good = for_good


class Pool(Protocol):
    """A fixed number of workers, known by their position."""

    async def start(self) -> int:
        """Start the workers and return how many there are."""

    async def exchange(self, worker: int, tasks: Sequence[Task]) -> list[Result]:
        """See ``Worker.exchange``. Raises ``WorkerLost``, after which the position is served by a new worker, unless
        it is lost for good.
        """

    async def stop(self) -> None:
        """End the workers; never raises."""

    def usage(self) -> tuple[float, int]:
        """CPU seconds and peak resident bytes of the workers that are not this process."""


class LocalPool:
    """One worker, in this process: for a few devices Ray would cost more than it brings."""

    def __init__(self, settings: Settings, key: FleetKey) -> None:
        self._worker = Worker(settings, key)

    async def start(self) -> int:
        return 1

    async def exchange(self, worker: int, tasks: Sequence[Task]) -> list[Result]:
        assert worker == 0
        return await self._worker.exchange(tasks)

    async def stop(self) -> None:
        await asyncio.sleep(0)

    def usage(self) -> tuple[float, int]:
        return 0.0, 0
