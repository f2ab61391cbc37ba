# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m engine.rollout``: one job in on standard input, events out on standard output.

Standard input stays open as a lifeline: when it ends, the controller is gone, and nothing more is started.
Exit status: 0 done, 2 the job could not be run, 3 stopped before its end.
"""

import argparse
import asyncio
import json
import os
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..errors import FleetError
from ..sealing.key import FleetKey
from . import vault
from .engine import Engine, Job, watch_signals
from .job import Settings, Task
from .journal import Journal
from .local_ray import Process

FAILED = 2
STOPPED = 3

_PATIENCE = 4


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m engine.rollout", description=__doc__)
    parser.add_argument("--sealed-job", type=Path, help="read the job from a sealed file instead of standard input")
    options = parser.parse_args()
    key = FleetKey.from_environment()
    # Ray and libraries may print; what follows us must see events alone.
    events = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    if options.sealed_job:
        lines: Iterable[str] = key.unseal(options.sealed_job.read_bytes(), purpose=vault.JOB).splitlines()
    else:
        lines = sys.stdin
    header, tasks = _read(lines)
    job = _job(header, tasks)
    path = Path(header["journal"]) if header.get("journal") else None
    try:
        with Journal(path, events, patience=job.settings.timeout * _PATIENCE) as journal:
            try:
                return asyncio.run(_run(Engine(job, key, journal), lifeline=options.sealed_job is None))
            except* FleetError as group:
                journal.emit("error", {"message": str(_first(group))})
    except FleetError as exc:
        sys.stderr.write(f"{exc}\n")
    return FAILED


async def _run(engine: Engine, *, lifeline: bool) -> int:
    watch_signals(engine.stop)
    if lifeline:
        loop = asyncio.get_running_loop()
        threading.Thread(target=_watch_lifeline, args=(loop, engine), daemon=True).start()
    return 0 if await engine.run() else STOPPED


def _watch_lifeline(loop: asyncio.AbstractEventLoop, engine: Engine) -> None:
    for _ in sys.stdin:
        pass
    loop.call_soon_threadsafe(engine.stop, "its controller is gone")


def _read(lines: Iterable[str]) -> tuple[dict[str, Any], tuple[Task, ...]]:
    """Read header and devices up to the end mark; a job that was cut off is refused whole."""
    source = iter(lines)
    header: dict[str, Any] = json.loads(next(source))
    # A fleet often shares one key, so a device's line only says which.
    keys: list[str] = header.get("private_keys", [])
    tasks: list[Task] = []
    for line in source:
        raw = json.loads(line)
        if raw == "end":
            return header, tuple(tasks)
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
