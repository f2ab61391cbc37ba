# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker: many devices at once in one process, by asyncio.

It is the same object whether it runs in the engine's own process or inside a Ray actor; the difference is who calls
``exchange``. A call hands over new devices and takes back finished ones, so that one round trip carries many of each.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace

from ..devices import registry
from ..errors import DeviceError, FleetError, HostKeyRefused, LoginRefused, Rejected, Unreachable
from ..sealing.key import FleetKey
from . import vault
from .confirming import confirm
from .job import Result, Settings, Task
from .procedures import PROCEDURES, Attempt
from .restoring import restore
from .slices import Slices

_PROCEDURES = {**PROCEDURES, "confirm": confirm, "restore": restore}
_TICK = 0.1
"""Seconds in which finished devices gather before they are handed back: ten round trips a second at the most."""


class Worker:
    """Runs the procedure that each task names on its device."""

    def __init__(self, settings: Settings, key: FleetKey) -> None:
        self._settings = settings
        self._key = key
        self._slices = Slices(settings, key) if settings.playbook else None
        self._running: set[asyncio.Task[list[Result]]] = set()
        self._finished: list[Result] = []
        self._news = asyncio.Event()
        # Drivers bring libraries that take a second to import: not while the first devices wait.
        registry.known()

    async def exchange(self, tasks: Sequence[Task]) -> list[Result]:
        """Start ``tasks``; return what has finished since the last call, waiting for something if anything runs."""
        for slice_ in self._slices.of(tasks) if self._slices else ([task] for task in tasks):
            running = asyncio.create_task(self._slices.done(slice_) if self._slices else self._one(slice_[0]))
            self._running.add(running)
            running.add_done_callback(self._done)
        if self._running and not self._finished:
            self._news.clear()
            await self._news.wait()
            await asyncio.sleep(_TICK if self._running else 0)
        finished, self._finished = self._finished, []
        return finished

    def _done(self, running: asyncio.Task[list[Result]]) -> None:
        self._running.discard(running)
        self._finished += running.result()
        self._news.set()

    async def _one(self, task: Task) -> list[Result]:
        began = time.monotonic()
        try:
            attempt = self._attempt(task)
        except FleetError as exc:
            # Nothing was sent: a worker on another node may lack a driver that the controller has.
            untouched = "failed" if task.kind in {"plan", "validate"} or not task.touched else "unknown"
            return [Result(name=task.name, outcome=untouched, reason=f"{task.name}: {exc}")]
        try:
            result = await _PROCEDURES[task.kind](attempt)
        except DeviceError as exc:
            result = attempt.result(outcome_of(exc, planning=task.kind == "plan"), str(exc))
        except Exception as exc:  # noqa: BLE001 - one device must never take the others down with it
            attempt.restoring = task.kind == "restore"
            result = attempt.result("unknown", f"{task.name}: internal error: {type(exc).__name__}: {exc}")
        return [replace(result, seconds=round(time.monotonic() - began, 3))]

    def _attempt(self, task: Task) -> Attempt:
        driver = registry.driver(task.device.network_os)
        return Attempt(
            task=task,
            settings=self._settings,
            driver=driver,
            key=self._key,
            masker=vault.masker(self._key, driver, task.device, task.secrets),
        )


def outcome_of(exc: DeviceError, *, planning: bool) -> str:
    """The outcome that an error is, when nothing was changed. Only a plan tells a refused login from a failure."""
    if isinstance(exc, Unreachable):
        return "unreachable"
    if isinstance(exc, Rejected):
        return "rejected"
    if planning and isinstance(exc, LoginRefused | HostKeyRefused):
        return "refused"
    return "failed"
