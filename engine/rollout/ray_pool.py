# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Workers as Ray actors: one per core of every node, spread, each with its own event loop.

Actors, not tasks: Ray runs a plain task again after a crash, which would push a configuration twice. An actor's method
runs at most once; what is done again is decided here, after the device was read.

Pinned to their nodes by affinity, not by a placement group: a group is had whole or not at all, so one busy node would
hold the rollout up, and it is reserved, so a rollout would take cores from jobs although its workers mostly wait. And
without names: a name is for finding an actor when its driver is gone, but these must end with their driver, for two
drivers must never push to the same devices.
"""

import asyncio
import json
import math
import os
import resource
from collections.abc import Sequence
from typing import Any

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from ..sealing.key import FleetKey
from . import vault
from .guard import hold_worker_lock
from .job import Result, Settings, Task
from .parcel import node_key
from .pools import WorkerLost
from .worker import Worker

_START_SECONDS = 120
_RESPAWNS = 20


class _Actor:
    """The Ray side of a worker. Unseals what it gets with the key of the node it runs on."""

    def __init__(self, settings: dict[str, Any], lock: str | None) -> None:
        self._lock = hold_worker_lock(lock) if lock else None
        self._key = node_key()
        self._worker = Worker(Settings.from_dict(settings), self._key)

    async def ready(self) -> int:
        return os.getpid()

    async def exchange(self, sealed: bytes | None) -> tuple[list[dict[str, Any]], float, int]:
        tasks: list[Task] = []
        if sealed is not None:
            tasks = [Task.from_dict(raw) for raw in json.loads(self._key.unseal(sealed, purpose=vault.JOB))]
        results = await self._worker.exchange(tasks)
        used = resource.getrusage(resource.RUSAGE_SELF)
        return [result.as_dict() for result in results], used.ru_utime + used.ru_stime, used.ru_maxrss * 1024


class RayPool:
    """Actors on all nodes. Credentials and configurations travel sealed: Ray keeps arguments in its object store."""

    def __init__(self, settings: Settings, key: FleetKey, *, devices: int, lock: str | None) -> None:
        self._settings = settings
        self._key = key
        self._devices = devices
        self._lock = lock
        self._actors: list[Any] = []
        self._places: list[str] = []
        self._used: dict[int, tuple[float, int]] = {}
        self._gone: float = 0.0
        self._respawned = 0

    async def start(self) -> int:
        nodes = [node for node in ray.nodes() if node["Alive"]]
        cores = {node["NodeID"]: max(1, int(node["Resources"].get("CPU", 1))) for node in nodes}
        wanted = max(len(nodes), math.ceil(self._devices / 10))
        for turn in range(max(cores.values())):
            self._places += [node for node, count in cores.items() if count > turn]
        self._places = self._places[: min(len(self._places), wanted, self._settings.concurrency)]
        self._actors = [self._spawn(node) for node in self._places]
        async with asyncio.timeout(_START_SECONDS):
            await asyncio.gather(*(actor.ready.remote() for actor in self._actors))
        return len(self._actors)

    def _spawn(self, node: str) -> Any:
        actor = ray.remote(_Actor)
        # A fraction of a core: the actors are I/O-bound, and must fit beside whatever else the cluster runs.
        placed = actor.options(
            num_cpus=0.001,
            max_restarts=0,
            max_concurrency=4,
            scheduling_strategy=NodeAffinitySchedulingStrategy(node_id=node, soft=True),
        )
        return placed.remote(self._settings.as_dict(), self._lock)

    async def exchange(self, worker: int, tasks: Sequence[Task]) -> list[Result]:
        sealed = self._key.seal(json.dumps([task.as_dict() for task in tasks]), purpose=vault.JOB) if tasks else None
        try:
            results, cpu, rss = await self._actors[worker].exchange.remote(sealed)
        except RayError as exc:
            self._respawn(worker)
            raise WorkerLost(f"worker {worker} is gone: {type(exc).__name__}") from exc
        self._used[worker] = (cpu, rss)
        return [Result.from_dict(raw) for raw in results]

    def _respawn(self, worker: int) -> None:
        """A new actor in the old one's place; a bound on how often, so that a broken node ends in an error."""
        self._respawned += 1
        if self._respawned > _RESPAWNS:
            raise WorkerLost(
                f"workers were lost {self._respawned} times: look at the memory and the logs of the Ray nodes",
                for_good=True,
            )
        cpu, rss = self._used.pop(worker, (0.0, 0))
        self._gone += cpu
        self._used[worker] = (0.0, rss)
        self._actors[worker] = self._spawn(self._places[worker])

    async def stop(self) -> None:
        for actor in self._actors:
            ray.kill(actor)
        await asyncio.sleep(0)

    def usage(self) -> tuple[float, int]:
        return self._gone + sum(cpu for cpu, _rss in self._used.values()), sum(rss for _cpu, rss in self._used.values())
