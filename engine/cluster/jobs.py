# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client of Ray's Jobs API: packages, jobs and their logs."""

from collections.abc import AsyncIterator, Mapping
from typing import IO, Any
from urllib.parse import quote

import aiohttp

from .api import PATIENCE, Api, ApiLost, ApiRefused, NotThere

ENDED = frozenset({"SUCCEEDED", "FAILED", "STOPPED"})
_SILENCE_SECONDS = 10.0


class Jobs:
    """The jobs of one cluster."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def check(self) -> None:
        """Raise unless a Ray cluster's API answers here."""
        await self._api.check()

    async def names(self, prefix: str) -> dict[str, str]:
        """Give the status of each job whose submission id begins with ``prefix``."""
        ids = ((job.get("submission_id") or "", job["status"]) for job in await self._api.json("/api/jobs/"))
        return {name: status for name, status in ids if name.startswith(prefix)}

    async def job(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = await self._api.json(_path(name))
        return found

    async def find(self, name: str, *, patience: float = PATIENCE) -> dict[str, Any] | None:
        """Return a job; none where there is no such job."""
        try:
            found: dict[str, Any] = await self._api.json(_path(name), patience=patience)
        except NotThere:
            return None
        return found

    async def log(self, name: str, *, patience: float = PATIENCE) -> str:
        """Return a job's log, whole."""
        return str((await self._api.json(f"{_path(name)}/logs", patience=patience))["logs"])

    async def upload(self, name: str, package: IO[bytes]) -> None:
        await self._api.call("PUT", f"/api/packages/gcs/{name}", package=package)

    async def submit(self, job: Mapping[str, Any]) -> bool:
        """Submit a job; false where its ``submission_id`` is taken."""
        try:
            await self._api.call("POST", "/api/jobs/", json=dict(job), final="already exists")
        except ApiRefused as exc:
            if "already exists" not in str(exc):
                raise
            there = await self.job(str(job["submission_id"]))
            # An answer may have been lost on the way: then the job that is there is ours.
            return _package(there) == _package(job) and there.get("metadata") == job.get("metadata")
        return True

    async def stop(self, name: str) -> None:
        """Ask a job to end in order. One that has not begun yet does not hear it: ask again."""
        await self._api.call("POST", f"{_path(name)}/stop", patience=0)

    async def forget(self, name: str) -> None:
        """Delete the record and the log of a job that has ended."""
        await self._api.call("DELETE", _path(name))

    async def tail(self, name: str) -> AsyncIterator[str]:
        """Give a job's log from its beginning, as it grows; nothing, now and then, while it is silent.

        Ends when the server ends it, which is after the job's end. Raises ``ApiLost``.
        """
        try:
            async with self._api.stream(f"{_path(name)}/logs/tail", heartbeat=_SILENCE_SECONDS * 2) as socket:
                while True:
                    try:
                        message = await socket.receive(timeout=_SILENCE_SECONDS)
                    except TimeoutError:
                        yield ""
                        continue
                    if message.type is aiohttp.WSMsgType.TEXT:
                        yield message.data
                    elif (
                        message.type is aiohttp.WSMsgType.ERROR
                        or socket.close_code == aiohttp.WSCloseCode.ABNORMAL_CLOSURE
                    ):
                        raise ApiLost(f"the log of {name} broke off")
                    else:
                        return
        except (aiohttp.ClientError, OSError) as exc:
            raise ApiLost(f"the log of {name} broke off: {exc}") from exc


def _package(job: Mapping[str, Any]) -> str | None:
    return (job.get("runtime_env") or {}).get("working_dir")


def _path(name: str) -> str:
    return f"/api/jobs/{quote(name, safe='')}"
