# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ray's HTTP API: a connection, one request and its errors."""

import asyncio
import json
import os
from collections.abc import Mapping
from types import TracebackType
from typing import IO, Any, Self

import aiohttp

from ..errors import FleetError
from .endpoint import Endpoint

PATIENCE = 120.0
"""Seconds in which a lost API may come back: a head that is started again needs about that."""
FIRST_PATIENCE = 8.0
"""Seconds in which it has to answer the first time."""
_LONGEST_PAUSE = 8.0
_ANSWER_SECONDS = 60.0
_SERVER_ERROR = 500
_REFUSED = {401: "no token was given", 403: "the token is not the cluster's"}


class ApiLost(FleetError):
    """The API does not answer any more, or answers with an internal error."""


class ApiRefused(FleetError):
    """The API answered and will not do it."""


class NotThere(ApiRefused):
    """The API knows nothing of what was asked for."""


class Api:
    """One connection to a cluster's API. Used as an asynchronous context manager."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.address = endpoint.address.rstrip("/")
        token = endpoint.token()
        # A log's stream has no end of its own; whatever else is asked has.
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

    async def check(self) -> dict[str, Any]:
        """Return what the cluster says of its version. Raise unless a Ray cluster's API answers here."""
        try:
            found = json.loads(await self.call("GET", "/api/version", patience=FIRST_PATIENCE))
            known = "ray_version" in found
        except (ValueError, TypeError):
            known = False
        if not known:
            raise ApiRefused(
                f"{self.address} answers, but is not the API of a Ray cluster; "
                "give the address of its dashboard, http://HEAD:8265"
            )
        return dict(found)

    async def json(self, path: str, *, patience: float = PATIENCE) -> Any:
        """Return what the API answers at ``path``."""
        try:
            return json.loads(await self.call("GET", path, patience=patience))
        except ValueError as exc:
            raise ApiRefused(f"{self.address} answers GET {path} with what is no JSON: {exc}") from exc

    def stream(self, path: str, *, heartbeat: float) -> Any:
        """Open a web socket: an asynchronous context manager."""
        return self._session.ws_connect(f"{self.address}{path}", heartbeat=heartbeat, max_msg_size=0)

    async def call(
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
                        f"the Ray cluster's API at {self.address} does not answer: {exc}; "
                        f"see that the address is right ({self.endpoint.setting}) and that Ray's head is up"
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
                method, self.address + path, data=data, allow_redirects=False, timeout=limit, **options
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
                f"the Ray cluster at {self.address} refuses us (HTTP {status}): {_REFUSED[status]}; "
                f"{self.endpoint.token_hint}"
            )
        if status < _SERVER_ERROR or (final and final in said):
            refused = NotThere if status == 404 else ApiRefused  # noqa: PLR2004 - HTTP
            raise refused(f"the Ray cluster at {self.address} refused {method} {path} (HTTP {status}): {said}")
        raise ApiLost(f"HTTP {status}: {said}")


def _again(package: IO[bytes]) -> IO[bytes]:
    # The client closes what it has sent; the next try needs it open, and at its beginning.
    copy = os.fdopen(os.dup(package.fileno()), "rb")
    copy.seek(0)
    return copy


def _last_line(body: bytes) -> str:
    """What a Python service answers in an error is a traceback, whose last line says it."""
    lines = [line.strip() for line in body.decode("utf-8", "replace").splitlines()]
    return next((line for line in reversed(lines) if len(line) > 1), "it gives no reason")
