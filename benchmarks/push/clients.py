# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who pushes: ours, the floor and the peers, each run as the processes that its user would run."""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.processes import Used, run
from benchmarks.push import playbooks
from benchmarks.push.exchange import Work, failures
from benchmarks.push.fleets import BUILD, environment

PYTHON = BUILD / "venv" / "bin" / "python"
"""The peers' own."""
_LIMIT = 900.0


class ClientFailed(Exception):
    """A client did not come to its end; it is named in the result, and the others go on."""


@dataclass(frozen=True, slots=True)
class Cost:
    """One run of one client."""

    used: Used
    failed: int
    start: float
    """CPU seconds without any router."""
    start_seconds: float
    more: dict[str, Any] | None = None


Client = Callable[[Work, Path], Cost]
Once = Callable[[Work, Path], tuple[Used, int]]


def _beyond_its_start(once: Once) -> Client:
    """A client that is first run without any router."""

    def client(work: Work, folder: Path) -> Cost:
        start, _failed = once(replace(work, routers=[]), folder)
        used, failed = once(work, folder)
        return Cost(used, failed, start.cpu_seconds, start.seconds)

    return client


def _last(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace").rstrip().rpartition("\n")[2]


def _program(module: str) -> Client:
    """A client that is a program of its own: see ``floor``."""

    def once(work: Work, folder: Path) -> tuple[Used, int]:
        work.write(folder / "work.json")
        log = folder / f"{module}.log"
        command = [PYTHON, "-m", f"benchmarks.push.{module}", folder / "work.json"]
        used, status = run(command, cwd=folder, env=environment(), log=log, limit=_LIMIT)
        if status:
            raise ClientFailed(f"exit status {status}: {_last(log)}")
        return used, len(failures(log))

    return _beyond_its_start(once)


def _ansible(name: str) -> Client:
    def once(work: Work, folder: Path) -> tuple[Used, int]:
        log = folder / f"{name}.log"
        command = [PYTHON.with_name("ansible-playbook"), *playbooks.write(folder, name, work)]
        path = f"{PYTHON.parent}{os.pathsep}{os.environ['PATH']}"
        used, status = run(command, cwd=folder, env={**environment(), "PATH": path}, log=log, limit=_LIMIT)
        if status not in (0, 2, 4):
            raise ClientFailed(f"exit status {status}: {_last(log)}")
        recap = log.read_text(errors="replace").partition("PLAY RECAP")[2].splitlines()
        passed = sum("failed=0" in line and "unreachable=0" in line for line in recap)
        return used, len(work.routers) - passed

    return _beyond_its_start(once)


def _ours(work: Work, folder: Path) -> Cost:
    work.write(folder / "work.json")
    log = folder / "ours.log"
    command = [sys.executable, "-m", "benchmarks.push.ours", folder / "work.json"]
    _used, status = run(command, cwd=folder, env=environment(), log=log, limit=_LIMIT)
    if status:
        raise ClientFailed(f"exit status {status}: {_last(log)}")
    told = json.loads(_last(log))
    start, plan, push = (Used(**told[part]) for part in ("start", "plan", "push"))
    more = {"plan_cpu_ms_per_device": milliseconds(plan.cpu_seconds - start.cpu_seconds, work)}
    return Cost(push, len(told["failed"]), start.cpu_seconds, start.seconds, more)


def milliseconds(cpu: float, work: Work) -> float:
    """CPU seconds of a run as milliseconds a device."""
    return round(cpu * 1000 / max(1, len(work.routers)), 2)


_EVERYWHERE: dict[str, Client] = {
    "ours": _ours,
    "floor": _program("floor"),
    "nornir_scrapli": _program("nornir_scrapli"),
    "nornir_netmiko": _program("nornir_netmiko"),
}
CLIENTS: dict[str, dict[str, Client]] = {
    "frr": {**_EVERYWHERE, "ansible_raw": _ansible("ansible_raw"), "ansible_command": _ansible("ansible_command")},
    "ios": {**_EVERYWHERE, "ansible_network_cli": _ansible("ansible_network_cli")},
}
"""By platform."""
FEW = {"ansible_network_cli": 20}
"""Who takes many seconds of CPU a router: is run once, on so many of them."""
