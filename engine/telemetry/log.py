# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The structured log: one JSON object a line and an event, for machines to read."""

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

_KEPT = ("event", "run", "phase", "name", "total", "done", "verdict", "seconds", "text")
_KEPT_OF_ANSIBLE = ("playbook", "play", "task", "host", "result")


class EventLog:
    """Appends to a file that only its owner can read. Keeps what is listed here and nothing else: names and numbers,
    never a task's arguments or results, which may hold secrets. Raises ``OSError``.
    """

    def __init__(self, path: str) -> None:
        self._file = os.open(os.path.expanduser(path), os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)  # noqa: PTH111 - Path.expanduser raises where there is no home

    def write(self, event: Mapping[str, Any], *, run: str = "", phase: str = "") -> None:
        """Write one event in one piece, so that runs that share a log do not mix their lines."""
        entry: dict[str, Any] = {"time": datetime.now(UTC).isoformat(timespec="milliseconds")}
        entry |= {name: value for name, value in (("run", run), ("phase", phase)) if value}
        entry |= {name: _plain(event[name]) for name in (*_KEPT, *_KEPT_OF_ANSIBLE) if name in event}
        entry |= _counts(event)
        if isinstance(fleet := event.get("fleet"), Mapping):
            entry["fleet"] = {name: fleet[name] for name in ("total", "done") if isinstance(fleet.get(name), int)}
            entry["fleet"] |= _counts(fleet)
        os.write(self._file, json.dumps(entry).encode() + b"\n")

    def close(self) -> None:
        os.close(self._file)


def _plain(value: Any) -> str | int | float | None:
    """Return names as text (Ansible hands out tagged strings) and numbers as they are."""
    return value if value is None or isinstance(value, (int, float)) else str(value)[:2000]


def _counts(event: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    outcomes = event.get("outcomes")
    if not isinstance(outcomes, Mapping):
        return {}
    return {"outcomes": {str(name): count for name, count in outcomes.items() if isinstance(count, int)}}
