# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An engine that runs as a job on a Ray cluster, seen from the controller.

It takes the place of ``Engine`` in the engine's process: the same job in, the same events out, the same ``stop``. It
packs the job, submits it, follows its log and copies the events into the journal. No two engines of one run work at
once: jobs of earlier tries are ended first, and waited for.
"""

import asyncio
import contextlib
import hashlib
import io
import json
import re
import sys
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ..cluster.api import PATIENCE, Api, ApiLost, ApiRefused
from ..cluster.endpoint import Endpoint
from ..cluster.jobs import ENDED, Jobs
from ..errors import FleetError
from ..sealing.key import FleetKey
from .doubt import Doubt
from .job import Settings
from .journal import Journal
from .parcel import JOB_FILE, SEPARATOR, pack

_AGAIN_SECONDS = 5.0
_LOOK_SECONDS = 0.3
_TRIES = 5
_GRACES = 4
"""How many times a device's time-out a stopped job is given to finish what it has in flight, before Ray kills it."""
_GRACE_MORE = 30
_SAID_AT_MOST = 4
_OWN = frozenset({"seq", "event"})
_UNFIT = re.compile(r"(?:ModuleNotFoundError|ImportError|SyntaxError): .*|python: not found")


@dataclass(slots=True)
class Submission:
    """One job on a cluster. Call ``clear_the_way``, then ``load``, then ``run``."""

    header: dict[str, Any]
    key: FleetKey
    journal: Journal
    _settings: Settings = field(init=False)
    _package: io.BufferedRandom = field(init=False)
    _names: list[str] = field(default_factory=list)
    _again: bool = False
    _stopped: asyncio.Event = field(default_factory=asyncio.Event)
    _reason: str | None = None
    _noise: deque[str] = field(default_factory=lambda: deque(maxlen=_SAID_AT_MOST))
    _seen: int = 0
    _heard: float = 0.0
    _summary: dict[str, Any] | None = None
    _error: str | None = None

    def __post_init__(self) -> None:
        self._settings = Settings.from_dict(self.header["settings"])

    def stop(self, reason: str) -> None:
        """End the job in order: what is in flight is finished, nothing more is started."""
        self._reason = self._reason or reason
        self._stopped.set()

    @property
    def _endpoint(self) -> Endpoint:
        return Endpoint(self.header["ray"], setting="network_rollout_ray_address")

    @property
    def _prefix(self) -> str:
        """What the names of all jobs of this run begin with."""
        return f"raywright-{_slug(self._settings.run)}-"

    @property
    def _last(self) -> bool:
        """Whether the engine has said its last word."""
        return self._summary is not None or self._error is not None

    @property
    def _touches(self) -> bool:
        return self._settings.stage != "plan"

    @property
    def _grace(self) -> int:
        return int(self._settings.timeout * _GRACES) + _GRACE_MORE

    async def clear_the_way(self) -> None:
        """See that the cluster can be used, and end jobs of this run that an earlier try left behind."""
        async with Api(self._endpoint) as api:
            jobs = Jobs(api)
            await jobs.check()
            if not self._touches:
                return
            earlier = await jobs.names(self._prefix)
            for name, status in earlier.items():
                if status not in ENDED:
                    sys.stderr.write(f"Job {name} of an earlier try is {status}: it is ended first\n")
                    await self._end(jobs, name)
            # What an earlier job did may not all have come back to us: its devices are read with that in mind.
            self._again = any(name.startswith(f"{self._prefix}{_slug(self._settings.stage)}-") for name in earlier)

    async def _end(self, jobs: Jobs, name: str) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._grace * 2
        while (await jobs.job(name))["status"] not in ENDED:
            if loop.time() > deadline:
                raise FleetError(
                    f"job {name} of an earlier try still runs on {self.header['ray']} after it was told to stop; "
                    "end it, then run the same command again"
                )
            with contextlib.suppress(ApiLost):
                await jobs.stop(name)
            await asyncio.sleep(1)

    def load(self, lines: Iterable[str]) -> None:
        """Pack the devices' lines, up to the end mark."""
        self._package = tempfile.TemporaryFile(prefix="raywright-job-")  # noqa: SIM115 - it has no name, and goes with us
        kept = ("settings", "private_keys")
        header = {name: self.header[name] for name in kept if name in self.header} | {"ray": "auto"}
        pack(self.key, self._lines(header, lines), self._package)
        self._package.flush()

    def _lines(self, header: dict[str, Any], lines: Iterable[str]) -> Iterator[str]:
        yield json.dumps(header)
        for line in lines:
            task = json.loads(line)
            if task == "end":
                yield line
                return
            self._names.append(task["device"]["name"])
            if self._again and task["kind"] == "push":
                task["touched"] = True
            yield json.dumps(task)
        raise FleetError("the job ends before its end mark")

    async def run(self) -> bool:
        """Run the job to its end; false where it was stopped."""
        async with Api(self._endpoint) as api:
            jobs = Jobs(api)
            if self._reason:
                return False
            doubt = Doubt(self.header.get("journal"), self.journal, self._names)
            try:
                name = await self._submit(jobs)
            except ApiRefused:
                doubt.lift()
                raise
            stopper = asyncio.create_task(self._stop_when_told(jobs, name))
            try:
                await self._follow(jobs, name)
                status = await self._status_at_end(jobs, name)
            except ApiLost as exc:
                raise FleetError(
                    f"{exc}. Job {name} may go on by itself to the end of its stage; when the cluster answers again, "
                    "run the same command: it ends that job first, reads back what was in flight and goes on"
                ) from exc
            finally:
                stopper.cancel()
            doubt.lift()
        if self._error is not None:
            raise FleetError(self._error)
        if self._summary is None:
            raise FleetError(self._last_words(name, status))
        self.journal.emit("summary", self._summary)
        return self._summary["stopped"] is None

    async def _submit(self, jobs: Jobs) -> str:
        package = f"_ray_pkg_{_digest(self._package)}.zip"
        await jobs.upload(package, self._package)
        stem = f"{self._prefix}{_slug(self._settings.stage)}-"
        for _attempt in range(_TRIES):
            taken = [name.removeprefix(stem) for name in await jobs.names(stem)]
            name = f"{stem}{max((int(number) for number in taken if number.isdigit()), default=0) + 1}"
            job = {
                "submission_id": name,
                "entrypoint": f"exec python -m engine.rollout --sealed-job {JOB_FILE}",
                "runtime_env": {
                    "working_dir": f"gcs://{package}",
                    # Whoever may use the cluster can read this: nothing secret goes here.
                    "env_vars": {"RAY_JOB_STOP_WAIT_TIME_S": str(self._grace)},
                },
                "metadata": {"raywright_run": self._settings.run, "raywright_stage": self._settings.stage},
            }
            if await jobs.submit(job):
                return name
        raise FleetError(f"somebody else keeps submitting jobs named {stem}*: run the same command again")

    async def _stop_when_told(self, jobs: Jobs, name: str) -> None:
        await self._stopped.wait()
        while True:
            with contextlib.suppress(FleetError):
                await jobs.stop(name)
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _follow(self, jobs: Jobs, name: str) -> None:
        """Read the log to its end. After a break it is read again from its beginning; events come only once."""
        loop = asyncio.get_running_loop()
        ended = False
        self._heard = loop.time()
        while True:
            broken = await self._read(jobs, name)
            if self._last or (ended and not broken):
                return
            if broken and loop.time() - self._heard > PATIENCE:
                raise broken
            ended = (await jobs.job(name))["status"] in ENDED
            await asyncio.sleep(1)

    async def _read(self, jobs: Jobs, name: str) -> ApiLost | None:
        """Read the log once from its beginning; where it broke off, say why."""
        rest = ""
        self._noise.clear()
        silent = 0
        try:
            async for text in jobs.tail(name):
                self._heard = asyncio.get_running_loop().time()
                # A server whose node died may never close the stream.
                silent = 0 if text else silent + 1
                if silent > 1 and (await jobs.job(name))["status"] in ENDED:
                    return None
                *lines, rest = (rest + text).split("\n")
                for line in lines:
                    self._take(line)
                if self._last:
                    return None
        except ApiLost as exc:
            return exc
        return None

    def _take(self, line: str) -> None:
        said, separator, text = line.partition(SEPARATOR)
        if said.strip():
            self._noise.append(said.strip())
        if not separator:
            return
        try:
            event = json.loads(text)
        except ValueError:
            return  # cut off by the engine's death; an event that is missed otherwise is noticed by the next one
        if event["seq"] <= self._seen:
            return
        if event["seq"] != self._seen + 1:
            raise FleetError(
                f"events {self._seen + 1} to {event['seq'] - 1} of the job are missing from its log; "
                "run the same command again: it reads back what was in flight and goes on"
            )
        self._seen = event["seq"]
        data = {key: value for key, value in event.items() if key not in _OWN}
        if event["event"] == "error":
            self._error = data["message"]
        elif event["event"] == "summary":
            self._summary = data
        else:
            self.journal.emit(event["event"], data)

    async def _status_at_end(self, jobs: Jobs, name: str) -> str:
        """Wait for the job to be gone after its last word, so that the next one finds nobody."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._grace
        while True:
            status = str((await jobs.job(name))["status"])
            if status in ENDED or loop.time() > deadline:
                return status
            await asyncio.sleep(_LOOK_SECONDS)

    def _last_words(self, name: str, status: str) -> str:
        said = " / ".join(self._noise)
        if not self._seen and (unfit := _UNFIT.search(said)):
            return (
                f"the Ray cluster could not run job {name}, nothing was touched ({unfit[0]}): the first python on the "
                "PATH where Ray is started must be the one that Ray runs in, 3.11 or newer, with everything in "
                "requirements/engine.txt, on every node"
            )
        if self._reason:
            return f"job {name} was stopped before it was done: {self._reason}. Run the same command again to go on"
        return (
            f"job {name} on {self.header['ray']} ended before it was done ({status}){f': {said}' if said else ''}. "
            "Run the same command again: it reads back what was in flight and goes on"
        )


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-").lower() or "x"


def _digest(package: io.BufferedRandom) -> str:
    package.seek(0)
    return hashlib.file_digest(package, "sha256").hexdigest()[:32]
