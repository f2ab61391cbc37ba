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
from .job import NO_LIMIT, Result, Settings, Task
from .journal import Journal
from .local_ray import Home, address
from .paths import next_hops
from .pools import LocalPool, Pool
from .together import Holding, by_wave

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

    @property
    def plans(self) -> bool:
        return any(task.kind == "plan" for task in self.tasks)


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
    _verdicts: dict[str, str] = field(default_factory=dict)

    def stop(self, reason: str) -> None:
        self._reason = self._reason or reason
        self._stopped.set()
        if self._dispatcher:
            self._dispatcher.stop(reason)

    async def run(self) -> bool:
        """Run to the end; false where it was stopped from outside."""
        began = time.monotonic()
        settings = self.job.settings
        if self.job.folder is not None:
            await asyncio.to_thread(
                wait_for_earlier_workers, self.job.folder / "workers.lock", patience(settings.timeout)
            )
        breaker = Breaker(**settings.breaker)
        if self.job.plans:
            self.job = await asyncio.to_thread(_with_next_hops, self.job)
        waves = list(by_wave(self.job.tasks)) or [[]]
        holding = Holding(settings.holding)
        async with self._pool() as pool:
            workers = await pool.start()
            for turn, wave in enumerate(waves, start=1):
                if len(waves) > 1:
                    self.journal.emit("wave", {"wave": turn, "waves": len(waves), "devices": len(wave)})
                if not await self._wave(pool, workers, wave, breaker, holding):
                    break
            self._summary(pool, breaker, time.monotonic() - began)
        return self._reason is None

    async def _wave(self, pool: Pool, workers: int, tasks: Sequence[Task], breaker: Breaker, holding: Holding) -> bool:
        """Push, soak and check the devices of one wave; whether the next wave may begin."""
        free, held = holding.divide(tasks)
        acting = [task for task in free if task.kind != "validate"]
        if acting or held or not tasks:
            name = next((task.kind for task in tasks if task.kind != "validate"), "push")
            await self._phase(pool, workers, acting, breaker, name, held)
        if self._reason:
            return False
        breaker.close()
        if breaker.tripped is None:
            await self._checks(pool, workers, free, breaker)
        holding.learn(free, self._outcomes, self._verdicts)
        return not (self._reason or breaker.tripped or "inconclusive" in self._verdicts.values())

    async def _phase(
        self,
        pool: Pool,
        workers: int,
        tasks: Sequence[Task],
        breaker: Breaker,
        name: str,
        held: Sequence[Result] = (),
    ) -> None:
        self.journal.emit("phase", {"phase": name, "total": len(tasks) + len(held), "workers": workers})
        for result in held:
            self._outcomes[result.name] = result.outcome
            self.journal.emit("outcome", result.as_dict())
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

    async def _checks(self, pool: Pool, workers: int, wave: Sequence[Task], breaker: Breaker) -> None:
        """Soak, then check every device of the wave that is as wanted."""
        settings = self.job.settings
        tasks = [
            replace(task, kind="validate")
            for task in wave
            if task.kind == "validate" or (task.kind == "push" and self._outcomes.get(task.name) in _AS_WANTED)
        ]
        if not tasks:
            return
        if settings.soak:
            self.journal.emit("phase", {"phase": "soak", "seconds": settings.soak})
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), settings.soak)
        if (settings.checks or settings.playbook_validates) and not self._reason:
            await self._phase(pool, workers, tasks, Breaker(**NO_LIMIT), "validate")
        if self._reason:
            return
        checked = [task for task in tasks if task.name in self._verdicts]
        regressed = [task for task in checked if self._verdicts[task.name] not in _NO_FAILURE]
        for task in regressed:
            breaker.regress(task.strata)
        breaker.close(checked=len(checked), regressed=len(regressed))

    def _emit(self, event: str, data: dict[str, Any]) -> None:
        if event == "outcome" and self._dispatcher is not None:
            if self._dispatcher.kind == "validate":
                self._verdicts[data["name"]] = data["outcome"]
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
                "verdicts": dict(Counter(self._verdicts.values())),
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
_NO_FAILURE = frozenset({"passed", "inconclusive"})


def _with_next_hops(job: Job) -> Job:
    """Find out what the way to the devices leads through, so that each of them can say whether that is itself."""
    hops = next_hops([task.device.host for task in job.tasks])
    return replace(job, settings=replace(job.settings, next_hops=hops))


def _connect(where: str, job: Job, key: FleetKey) -> Pool:
    import ray  # noqa: PLC0415 - only where Ray is used: it costs a second and 100 MB

    from .ray_pool import RayPool  # noqa: PLC0415 - imports ray

    ray.init(address=where, log_to_driver=False, logging_level="error", namespace=f"raywright-{job.settings.run}")
    lock = str(job.folder / "workers.lock") if job.folder is not None else None
    if job.ray != "local":
        from . import nodes  # noqa: PLC0415 - as above

        touches = any(task.kind != "plan" for task in job.tasks)
        lock = nodes.lock_of(job.settings.run) if touches else None
        nodes.check(key, lock=lock, patience=patience(job.settings.timeout), playbooks=bool(job.settings.playbook))
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
