# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One job of somebody's own on a cluster: submitted once under its id, found again, followed, stopped."""

import asyncio
import contextlib
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import FleetError, InvalidInput
from .api import FIRST_PATIENCE, PATIENCE, ApiLost
from .jobs import ENDED, Jobs
from .package import Package

_DIGEST = "raywright_digest"
"""Where a job's metadata say what it was submitted with."""
_LOOK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class JobSpec:
    """What is to run. Whoever may use the cluster can read all of it: nothing secret belongs here."""

    submission_id: str
    entrypoint: str
    working_dir: Package | str | None = None
    """A folder's package, or the address of a remote archive."""
    runtime_env: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    needs: Mapping[str, Any] = field(default_factory=dict)
    """What the entrypoint itself occupies, as the Jobs API names it: ``entrypoint_num_cpus``..."""

    def request(self) -> dict[str, Any]:
        """What the Jobs API is sent."""
        where = f"gcs://{self.working_dir.name}" if isinstance(self.working_dir, Package) else self.working_dir
        runtime_env = {**self.runtime_env, **({"working_dir": where} if where else {})}
        job = {"entrypoint": self.entrypoint, "runtime_env": runtime_env, **self.needs}
        wanted = json.dumps({**job, "metadata": dict(self.metadata)}, sort_keys=True)
        digest = hashlib.sha256(wanted.encode()).hexdigest()
        return {**job, "submission_id": self.submission_id, "metadata": {**self.metadata, _DIGEST: digest}}


async def find(jobs: Jobs, spec: JobSpec, *, again: bool, patience: float = PATIENCE) -> dict[str, Any] | None:
    """Return the job that is there under the id; none where one is to be submitted.

    ``again``: one that has ended does not count. Raises ``InvalidInput`` where it is another job.
    """
    there = await jobs.find(spec.submission_id, patience=patience)
    if there is None or (again and there["status"] in ENDED):
        return None
    wanted = spec.request()
    if (there.get("metadata") or {}).get(_DIGEST) != wanted["metadata"][_DIGEST]:
        other = (
            f"its entrypoint is {there['entrypoint']!r}"
            if there["entrypoint"] != spec.entrypoint
            else "its working directory, runtime environment, metadata or resources differ"
        )
        raise InvalidInput(
            f"the submission id {spec.submission_id} is taken by another job, which is {there['status']}: {other}; "
            "give this one another id, or have the ended one replaced"
        )
    return there


async def submit(jobs: Jobs, spec: JobSpec) -> str:
    """Submit a job, in the place of an ended one of the same id; return that one's log, which the new one continues."""
    old = ""
    if await jobs.find(spec.submission_id) is not None:
        with contextlib.suppress(ApiLost):
            old = await jobs.log(spec.submission_id, patience=FIRST_PATIENCE)
        await jobs.forget(spec.submission_id)
    if isinstance(spec.working_dir, Package):
        with spec.working_dir.write() as archive:
            await jobs.upload(spec.working_dir.name, archive)
    if not await jobs.submit(spec.request()):
        raise FleetError(f"somebody else has just submitted another job as {spec.submission_id}; give another id")
    return old


async def follow(jobs: Jobs, name: str, on_text: Callable[[str], None], *, old: str = "") -> dict[str, Any]:
    """Hand a job's log on as it grows, each piece once and without ``old``, until the job has ended; return the job.

    ``on_text`` gets nothing, now and then, while the job is silent. A log that breaks off is read again from its
    beginning. Raises ``ApiLost`` when the cluster stays away.
    """
    reader = _Reader(jobs, name, on_text, old)
    reading: asyncio.Task[None] | None = None
    try:
        while (job := await jobs.job(name))["status"] not in ENDED:
            if reading is None or reading.done():
                reading = asyncio.create_task(reader.read())
            await asyncio.wait({reading}, timeout=_LOOK_SECONDS)
            on_text("")
    finally:
        if reading is not None:
            reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reading
    # What is written last would come with the stream's end, which the server is slow to tell.
    await reader.rest()
    return job


class _Reader:
    """Reads a log as often as it takes, and hands each piece on once."""

    def __init__(self, jobs: Jobs, name: str, on_text: Callable[[str], None], old: str) -> None:
        self._jobs = jobs
        self._name = name
        self._on_text = on_text
        self._old = old
        self._given = 0
        """How much of the log was handed on or is old."""

    async def read(self) -> None:
        """Read from the beginning to where the log ends or breaks off."""
        read = 0
        held, deciding = "", bool(self._old) and not self._given
        with contextlib.suppress(ApiLost):
            async for piece in self._jobs.tail(self._name):
                text = held + piece
                if deciding and len(text) < len(self._old) and self._old.startswith(text):
                    held = text
                    continue
                if deciding:
                    self._given = self._skipped(text)
                held, deciding = "", False
                new = text[max(0, self._given - read) :]
                read += len(text)
                self._given = max(self._given, read)
                self._on_text(new)

    def _skipped(self, log: str) -> int:
        # On another node, a job of the same id writes another file.
        return len(self._old) if log.startswith(self._old) else 0

    async def rest(self) -> None:
        # Where the node of the log is gone, its end is lost, and the job's own words have to do.
        with contextlib.suppress(ApiLost):
            log = await self._jobs.log(self._name, patience=FIRST_PATIENCE)
            self._on_text(log[max(self._given, self._skipped(log)) :])


async def wait(jobs: Jobs, name: str, on_look: Callable[[], None]) -> dict[str, Any]:
    """Wait for a job's end without its log; return the job."""
    while (job := await jobs.job(name))["status"] not in ENDED:
        on_look()
        await asyncio.sleep(_LOOK_SECONDS)
    return job


async def stop(jobs: Jobs, name: str, on_look: Callable[[], None]) -> dict[str, Any]:
    """End a job in order and return it."""
    while (job := await jobs.job(name))["status"] not in ENDED:
        # One that has not begun yet does not hear it.
        with contextlib.suppress(ApiLost):
            await jobs.stop(name)
        on_look()
        await asyncio.sleep(_LOOK_SECONDS)
    return job
