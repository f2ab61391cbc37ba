# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client of Ray's Jobs API: packages, jobs and their logs. Needs no Ray, and not the cluster's Python version."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import aiohttp

from ..errors import FleetError, InvalidInput

ENDED = frozenset({"SUCCEEDED", "FAILED", "STOPPED"})

PATIENCE = 120.0
"""Seconds in which a lost API may come back: a head that is started again needs about that."""
_FIRST_PATIENCE = 8.0
_LONGEST_PAUSE = 8.0
_ANSWER_SECONDS = 60.0
_SILENCE_SECONDS = 10.0
_BAD_REQUEST, _SERVER_ERROR = 400, 500
_REFUSED = {401: "no token was given", 403: "the token is not the cluster's"}
_DEFAULT_TOKEN = Path("~/.ray/auth_token")


class ApiLost(FleetError):
    """The API does not answer any more, or answers with an internal error."""


class ApiRefused(FleetError):
    """The API answered and will not do it."""


class JobsApi:
    """One connection to ``address`` (``http://head:8265``). Used as an asynchronous context manager."""

    def __init__(self, address: str) -> None:
        self._address = address.rstrip("/")
        token = _token(os.environ)
        # The logs' stream has no end of its own; whatever else is asked has.
        self._session = aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {token}"} if token else {},
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_LONGEST_PAUSE),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def check(self) -> None:
        """Raise unless a Ray cluster's API answers here."""
        try:
            found = json.loads(await self._call("GET", "/api/version", patience=_FIRST_PATIENCE))
            known = "ray_version" in found
        except (ValueError, TypeError):
            known = False
        if not known:
            raise ApiRefused(
                f"{self._address} answers, but is not the Jobs API of a Ray cluster; "
                "give the address of its dashboard, http://HEAD:8265"
            )

    async def jobs(self, prefix: str) -> dict[str, str]:
        """Give the status of each job whose submission id begins with ``prefix``."""
        found = json.loads(await self._call("GET", "/api/jobs/"))
        ids = ((job.get("submission_id") or "", job["status"]) for job in found)
        return {name: status for name, status in ids if name.startswith(prefix)}

    async def job(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(await self._call("GET", f"/api/jobs/{name}"))
        return found

    async def upload(self, name: str, package: IO[bytes]) -> None:
        await self._call("PUT", f"/api/packages/gcs/{name}", package=package)

    async def submit(self, job: Mapping[str, Any]) -> bool:
        """Submit a job; false where its ``submission_id`` is taken."""
        try:
            await self._call("POST", "/api/jobs/", json=dict(job), final="already exists")
        except ApiRefused as exc:
            if "already exists" not in str(exc):
                raise
            there = await self.job(str(job["submission_id"]))
            # An answer may have been lost on the way: then the job that is there is ours.
            return bool((there.get("runtime_env") or {}).get("working_dir") == job["runtime_env"]["working_dir"])
        return True

    async def stop(self, name: str) -> None:
        """Ask a job to end in order. One that has not begun yet does not hear it: ask again."""
        await self._call("POST", f"/api/jobs/{name}/stop", patience=0)

    async def tail(self, name: str) -> AsyncIterator[str]:
        """Give a job's log from its beginning, as it grows; nothing, now and then, while it is silent.

        Ends when the server ends it, which is after the job's end. Raises ``ApiLost``.
        """
        address = f"{self._address}/api/jobs/{name}/logs/tail"
        try:
            async with self._session.ws_connect(address, heartbeat=_SILENCE_SECONDS * 2, max_msg_size=0) as socket:
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

    async def _call(
        self,
        method: str,
        path: str,
        *,
        patience: float = PATIENCE,
        package: IO[bytes] | None = None,
        final: str | None = None,
        **options: Any,
    ) -> bytes:
        """Send one request, again while the API is away. ``final``: words of a server error that trying cannot cure."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + patience
        pause = 0.5
        while True:
            try:
                return await self._once(method, path, package, final, options)
            except ApiLost as exc:
                if loop.time() + pause > deadline:
                    raise ApiLost(
                        f"the Jobs API at {self._address} does not answer: {exc}; "
                        "see that the address is right (network_rollout_ray_address) and that Ray's head is up"
                    ) from exc
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _once(
        self, method: str, path: str, package: IO[bytes] | None, final: str | None, options: Mapping[str, Any]
    ) -> bytes:
        data = _again(package) if package else None
        limit = aiohttp.ClientTimeout(total=None if package else _ANSWER_SECONDS, sock_connect=_LONGEST_PAUSE)
        try:
            async with self._session.request(
                method, self._address + path, data=data, allow_redirects=False, timeout=limit, **options
            ) as answer:
                body = await answer.read()
                status = answer.status
        except (aiohttp.ClientError, TimeoutError, OSError) as exc:
            raise ApiLost(getattr(exc, "strerror", None) or str(exc) or type(exc).__name__) from exc
        if status < 300:  # noqa: PLR2004 - HTTP
            return body
        said = _last_line(body)
        if status in _REFUSED:
            raise ApiRefused(
                f"the Ray cluster at {self._address} refuses us (HTTP {status}): {_REFUSED[status]}; "
                "set RAY_AUTH_TOKEN_PATH to the file with its token, or RAY_AUTH_TOKEN"
            )
        if status < _SERVER_ERROR or (final and final in said):
            raise ApiRefused(f"the Jobs API at {self._address} refused {method} {path} (HTTP {status}): {said}")
        raise ApiLost(f"HTTP {status}: {said}")


def _token(env: Mapping[str, str]) -> str:
    """Take the cluster's token from where Ray's own tools do."""
    if token := env.get("RAY_AUTH_TOKEN", "").strip():
        return token
    named = env.get("RAY_AUTH_TOKEN_PATH", "").strip()
    try:
        return Path(named or _DEFAULT_TOKEN).expanduser().read_text(encoding="ascii").strip()
    except (OSError, ValueError) as exc:
        if named:
            raise InvalidInput(f"the token file {named} (RAY_AUTH_TOKEN_PATH) cannot be read: {exc}") from exc
        return ""


def _again(package: IO[bytes]) -> IO[bytes]:
    # The client closes what it has sent; the next try needs it open, and at its beginning.
    copy = os.fdopen(os.dup(package.fileno()), "rb")
    copy.seek(0)
    return copy


def _last_line(body: bytes) -> str:
    """What a Python service answers in an error is a traceback, whose last line says it."""
    lines = [line.strip() for line in body.decode("utf-8", "replace").splitlines()]
    return next((line for line in reversed(lines) if len(line) > 1), "it gives no reason")
