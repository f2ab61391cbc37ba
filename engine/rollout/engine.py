# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One engine process: reads a job, runs its phases on a pool of workers, tells what happened, line by line.

A job is JSON Lines: a header ``{"settings": ..., "ray": ..., ...}``, then a line for each device, then ``"end"``. What
comes out is the journal; its last event is ``summary``.
"""

import asyncio
import contextlib
import os
import resource
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..errors import FleetError, InvalidInput
from ..processes import Process
from ..sealing.key import FleetKey
from .breaker import Breaker
from .dispatch import Dispatcher
from .guard import patience, wait_for_earlier_workers
from .job import NO_LIMIT, Settings, Task
from .journal import Journal
from .local_ray import Home, address
from .pools import LocalPool, Pool

RAY_FROM = 500
"""Devices from which on a Ray of its own is worth its start on one machine.

Measured on two cores: Ray costs 17 s of CPU and 1 GB once and 5 s for each stage, one process without it 12 ms a
device and stage (make bench). On fewer devices it would be most of what a rollout costs.
"""
_RAY_FROM_VARIABLE = "RAYWRIGHT_RAY_FROM"


@dataclass(frozen=True, slots=True)
class Job:
    """What an engine process is to do, as it came in."""

    settings: Settings
    tasks: tuple[Task, ...]
    ray: str = "local"
    """``local``: Ray on this machine, shared by the controller's engines; ``auto``: the cluster this runs on."""
    folder: Path | None = None
    """The run's folder on this machine, where the lock that keeps tries apart is."""
    controller: Process | None = None


@dataclass(slots=True)
class Engine:
    """Runs one job. ``stop`` may be called at any time: what is in flight is finished, nothing more is started."""

    job: Job
    key: FleetKey
    journal: Journal
    _dispatcher: Dispatcher | None = None
    _stopped: asyncio.Event = field(default_factory=asyncio.Event)
    _reason: str | None = None
    _outcomes: dict[str, str] = field(default_factory=dict)
    _verdicts: Counter[str] = field(default_factory=Counter)

    def stop(self, reason: str) -> None:
        self._reason = self._reason or reason
        self._stopped.set()
        if self._dispatcher:
            self._dispatcher.stop(reason)

    async def run(self) -> bool:
        """Run to the end; false where it was stopped from outside."""
        began = time.monotonic()
        settings, tasks = self.job.settings, self.job.tasks
        if self.job.folder is not None:
            await asyncio.to_thread(
                wait_for_earlier_workers, self.job.folder / "workers.lock", patience(settings.timeout)
            )
        breaker = Breaker(**settings.breaker)
        acting = [task for task in tasks if task.kind != "validate"]
        async with self._pool() as pool:
            workers = await pool.start()
            await self._phase(pool, workers, acting, breaker, acting[0].kind if acting else "push")
            if not self._reason:
                breaker.close()
            if breaker.tripped is None and not self._reason:
                await self._checks(pool, workers)
            self._summary(pool, breaker, time.monotonic() - began)
        return self._reason is None

    async def _phase(self, pool: Pool, workers: int, tasks: Sequence[Task], breaker: Breaker, name: str) -> None:
        self.journal.emit("phase", {"phase": name, "total": len(tasks), "workers": workers})
        self._dispatcher = Dispatcher(
            kind=name,
            pool=pool,
            workers=workers,
            concurrency=self.job.settings.concurrency,
            breaker=breaker,
            emit=self._emit,
        )
        if self._reason:
            self._dispatcher.stop(self._reason)
        await self._dispatcher.run(tasks)
        if breaker.tripped is None:
            # It could not go on by itself: nothing on record any more, or no workers.
            self._reason = self._reason or self._dispatcher.stopped

    async def _checks(self, pool: Pool, workers: int) -> None:
        """Soak, then check every device of the stage that is as wanted."""
        settings = self.job.settings
        tasks = [
            replace(task, kind="validate")
            for task in self.job.tasks
            if task.kind == "validate" or (task.kind == "push" and self._outcomes.get(task.name) in _AS_WANTED)
        ]
        if not tasks:
            return
        if settings.soak:
            self.journal.emit("phase", {"phase": "soak", "seconds": settings.soak})
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), settings.soak)
        if settings.checks and not self._reason:
            await self._phase(pool, workers, tasks, Breaker(**NO_LIMIT), "validate")

    def _emit(self, event: str, data: dict[str, Any]) -> None:
        if event == "outcome" and self._dispatcher is not None:
            if self._dispatcher.kind == "validate":
                self._verdicts[data["outcome"]] += 1
                event = "checked"
            else:
                self._outcomes[data["name"]] = data["outcome"]
        self.journal.emit(event, data)

    @contextlib.asynccontextmanager
    async def _pool(self) -> AsyncIterator[Pool]:
        job = self.job
        if job.ray == "local" and len(job.tasks) < ray_from():
            local = LocalPool(job.settings, self.key)
            yield local
            return
        async with contextlib.AsyncExitStack() as stack:
            where = job.ray
            if job.ray == "local":
                if job.controller is None:
                    raise FleetError("a local Ray needs to know the process that it lives for")
                home = Home.of(job.controller)
                if not home.address.exists():
                    self.journal.emit("note", {"text": "starting Ray on this machine"})
                where = await asyncio.to_thread(stack.enter_context, address(home, job.controller))
                os.environ.update(home.environment())
            pool = await asyncio.to_thread(_connect, where, job, self.key)
            try:
                yield pool
            finally:
                await pool.stop()

    def _summary(self, pool: Pool, breaker: Breaker, seconds: float) -> None:
        cpu, rss = pool.usage()
        used = resource.getrusage(resource.RUSAGE_SELF)
        self.journal.emit(
            "summary",
            {
                "outcomes": dict(Counter(self._outcomes.values())),
                "verdicts": dict(self._verdicts),
                "tripped": breaker.tripped,
                "stopped": self._reason,
                "engine": {
                    "seconds": round(seconds, 3),
                    "cpu_seconds": round(used.ru_utime + used.ru_stime + cpu, 3),
                    "peak_rss_bytes": used.ru_maxrss * 1024 + rss,
                    "devices_per_second": round(len(self._outcomes) / seconds, 2) if seconds else 0.0,
                },
            },
        )


_AS_WANTED = frozenset({"changed", "unchanged"})


def _connect(where: str, job: Job, key: FleetKey) -> Pool:
    import ray  # noqa: PLC0415 - only where Ray is used: it costs a second and 100 MB

    from .ray_pool import RayPool  # noqa: PLC0415 - imports ray

    ray.init(address=where, log_to_driver=False, logging_level="error", namespace=f"raywright-{job.settings.run}")
    lock = str(job.folder / "workers.lock") if job.folder is not None else None
    if job.ray != "local":
        from . import nodes  # noqa: PLC0415 - as above

        touches = any(task.kind != "plan" for task in job.tasks)
        lock = nodes.lock_of(job.settings.run) if touches else None
        nodes.check(key, lock=lock, patience=patience(job.settings.timeout))
    return RayPool(job.settings, key, devices=len(job.tasks), lock=lock)


def ray_from() -> int:
    """Devices from which on a local job uses Ray. Raises ``InvalidInput`` where the environment says no number."""
    text = os.environ.get(_RAY_FROM_VARIABLE, "").strip()
    if not text:
        return RAY_FROM
    if not text.isdigit():
        raise InvalidInput(f"{_RAY_FROM_VARIABLE} is {text!r}; expected a number of devices, such as {RAY_FROM}")
    return int(text)


def watch_signals(stop: Callable[[str], None]) -> None:
    """Let SIGTERM and SIGINT end the job in order."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, f"it was ended by {number.name}")
