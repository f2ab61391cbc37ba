# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m engine.rollout``: one job in on standard input, events out on standard output.

Standard input stays open as a lifeline: when it ends, the controller is gone, and nothing more is started.
Exit status: 0 done, 2 the job could not be run, 3 stopped before its end.
"""

import argparse
import asyncio
import io
import json
import os
import sys
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol

from ..cluster.endpoint import is_cluster
from ..errors import FleetError
from ..processes import Process
from ..sealing.key import FleetKey
from . import parcel
from .engine import Engine, Job, watch_signals
from .guard import patience
from .job import Settings, Task
from .journal import Journal

FAILED = 2
STOPPED = 3


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m engine.rollout", description=__doc__)
    parser.add_argument("--sealed-job", type=Path, help="read the job from a sealed file instead of standard input")
    sealed: Path | None = parser.parse_args().sealed_job
    # Ray and libraries may print; what follows us must see events alone.
    stdout = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    events = (parcel.Separated if sealed else io.TextIOWrapper)(stdout, encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    try:
        key = parcel.node_key() if sealed else FleetKey.from_environment()
        lines = parcel.unpack(key, sealed) if sealed else iter(sys.stdin)
        header: dict[str, Any] = json.loads(next(lines))
        path = Path(header["journal"]) if header.get("journal") else None
        waiting = patience(Settings.from_dict(header["settings"]).timeout)
        with Journal(path, events, patience=waiting) as journal:
            try:
                return asyncio.run(_run(_work(header, lines, key, journal), lifeline=sealed is None))
            except* FleetError as group:
                journal.emit("error", {"message": str(_first(group))})
    except FleetError as exc:
        Journal(None, events).emit("error", {"message": str(exc)})
    return FAILED


class _Work(Protocol):
    def stop(self, reason: str) -> None: ...

    async def run(self) -> bool: ...


def _work(header: dict[str, Any], lines: Iterator[str], key: FleetKey, journal: Journal) -> _Work:
    """Read the job; it is done here, or sent to the cluster that does it."""
    if not is_cluster(header.get("ray", "local")):
        return Engine(_job(header, _tasks(header, lines)), key, journal)
    from .submission import Submission  # noqa: PLC0415 - brings an HTTP client, which only this needs

    submission = Submission(header, key, journal)
    asyncio.run(submission.clear_the_way())
    submission.load(lines)
    return submission


async def _run(work: _Work, *, lifeline: bool) -> int:
    watch_signals(work.stop)
    if lifeline:
        loop = asyncio.get_running_loop()
        threading.Thread(target=_watch_lifeline, args=(loop, work), daemon=True).start()
    return 0 if await work.run() else STOPPED


def _watch_lifeline(loop: asyncio.AbstractEventLoop, work: _Work) -> None:
    for _line in sys.stdin:
        pass
    loop.call_soon_threadsafe(work.stop, "its controller is gone")


def _tasks(header: dict[str, Any], lines: Iterable[str]) -> tuple[Task, ...]:
    """Read the devices up to the end mark; a job that was cut off is refused whole."""
    # A fleet often shares one key, so a device's line only says which.
    keys: list[str] = header.get("private_keys", [])
    tasks: list[Task] = []
    for line in lines:
        raw = json.loads(line)
        if raw == "end":
            return tuple(tasks)
        if raw["device"].get("private_key") is not None:
            raw["device"]["private_key"] = keys[raw["device"]["private_key"]]
        tasks.append(Task.from_dict(raw))
    raise FleetError("the job ends before its end mark")


def _job(header: dict[str, Any], tasks: tuple[Task, ...]) -> Job:
    controller = header.get("controller")
    return Job(
        settings=Settings.from_dict(header["settings"]),
        tasks=tasks,
        ray=header.get("ray", "local"),
        folder=Path(header["folder"]) if header.get("folder") else None,
        controller=Process(**controller) if controller else None,
    )


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    first = group.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


if __name__ == "__main__":
    sys.exit(main())
