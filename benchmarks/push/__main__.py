# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same exchange with the same real routers by everybody in turn: ours, the floor and the peers.

Read the running configuration, push 20 lines, read back, verify. Prints a table; writes ``build/bench/push.json``.

CPU is the client's: its whole process tree, what it leaves behind included; the routers' is not in it. What a client
costs before it speaks to the first router (an interpreter's start, imports, an inventory) is measured with a run in
which there is nothing to do, stated as ``start_cpu_seconds``, and not part of ``cpu_ms_per_device``.

    python -m benchmarks.push --routers 100 --runs 3
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import yaml

from benchmarks.machine import described
from benchmarks.processes import Used, adopt_orphans, run
from benchmarks.push import playbooks
from benchmarks.push.exchange import KEX, LINES, Router, Work, failures, lines

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "bench"
PYTHON = BUILD / "venv" / "bin" / "python"
_NETWORK = "198.19.128.0/17"
_LIMIT = 300.0
_MEGABYTE = 1 << 20


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


def _environment() -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "build" / "collections"),
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "RAYWRIGHT_FLEET_KEY": "bm90IGEgc2VjcmV0LCBhIGtleSBmb3IgYmVuY2htYXI=",
    }


def _last(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace").rstrip().rpartition("\n")[2]


def _program(module: str) -> Client:
    """A client that is a program of its own: see ``floor``."""

    def once(work: Work, folder: Path) -> tuple[Used, int]:
        work.write(folder / "work.json")
        log = folder / f"{module}.log"
        command = [PYTHON, "-m", f"benchmarks.push.{module}", folder / "work.json"]
        used, status = run(command, cwd=folder, env=_environment(), log=log, limit=_LIMIT)
        if status:
            raise ClientFailed(f"exit status {status}: {_last(log)}")
        return used, len(failures(log))

    def client(work: Work, folder: Path) -> Cost:
        start, _failed = once(replace(work, routers=[]), folder)
        used, failed = once(work, folder)
        return Cost(used, failed, start.cpu_seconds, start.seconds)

    return client


def _ansible(name: str) -> Client:
    def once(work: Work, folder: Path) -> tuple[Used, int]:
        log = folder / f"{name}.log"
        command = [Path(sys.executable).with_name("ansible-playbook"), *playbooks.write(folder, name, work)]
        used, status = run(command, cwd=folder, env=_environment(), log=log, limit=_LIMIT)
        if status not in (0, 2, 4):
            raise ClientFailed(f"exit status {status}: {_last(log)}")
        recap = log.read_text(errors="replace").partition("PLAY RECAP")[2].splitlines()
        passed = sum("failed=0" in line and "unreachable=0" in line for line in recap)
        return used, len(work.routers) - passed

    def client(work: Work, folder: Path) -> Cost:
        start, _failed = once(replace(work, routers=[]), folder)
        used, failed = once(work, folder)
        return Cost(used, failed, start.cpu_seconds, start.seconds)

    return client


def _ours(work: Work, folder: Path) -> Cost:
    work.write(folder / "work.json")
    log = folder / "ours.log"
    command = [sys.executable, "-m", "benchmarks.push.ours", folder / "work.json"]
    _used, status = run(command, cwd=folder, env=_environment(), log=log, limit=_LIMIT)
    if status:
        raise ClientFailed(f"exit status {status}: {_last(log)}")
    told = json.loads(_last(log))
    start, plan, push = (Used(**told[part]) for part in ("start", "plan", "push"))
    more = {"plan_cpu_ms_per_device": _milliseconds(plan.cpu_seconds - start.cpu_seconds, work)}
    return Cost(push, len(told["failed"]), start.cpu_seconds, start.seconds, more)


class ClientFailed(Exception):
    """A client did not come to its end; it is named in the result, and the others go on."""


CLIENTS: dict[str, Client] = {
    "ours": _ours,
    "floor": _program("floor"),
    "nornir_scrapli": _program("nornir_scrapli"),
    "nornir_netmiko": _program("nornir_netmiko"),
    **{name: _ansible(name) for name in playbooks.PLAYS},
}


def _milliseconds(cpu: float, work: Work) -> float:
    return round(cpu * 1000 / max(1, len(work.routers)), 2)


def _figures(costs: Sequence[Cost], error: str, work: Work) -> dict[str, Any]:
    """The medians of a client's runs; ``failed`` is the most of one run."""
    if not costs:
        return {"error": error, "runs": 0, "failed": len(work.routers)}
    more = {key: median(each.more[key] for each in costs if each.more) for key in costs[0].more or ()}
    return {
        "cpu_ms_per_device": median(_milliseconds(each.used.cpu_seconds - each.start, work) for each in costs),
        "devices_per_second": round(
            median(len(work.routers) / max(0.001, each.used.seconds - each.start_seconds) for each in costs), 2
        ),
        "rss_mb": round(median(each.used.rss_mb for each in costs), 1),
        "failed": max(each.failed for each in costs),
        "runs": len(costs),
        "start_cpu_seconds": round(median(each.start for each in costs), 2),
        "each_run_cpu_ms": [_milliseconds(each.used.cpu_seconds - each.start, work) for each in costs],
        **more,
        **({"error": error} if error else {}),
    }


def _lab(**more: str) -> None:
    options = {"lab_name": "bench", "lab_management_network": _NETWORK, "lab_directory": str(BUILD / "lab"), **more}
    extra = [word for name, value in options.items() for word in ("-e", f"{name}={value}")]
    with (BUILD / "lab.log").open("wb") as log:
        subprocess.run(  # noqa: S603 - our own playbook
            [Path(sys.executable).with_name("ansible-playbook"), "raywright.fleet.lab", *extra],
            env=_environment(),
            cwd=ROOT,
            stdout=log,
            stderr=log,
            check=True,
        )


@contextmanager
def _routers(count: int) -> Iterator[list[Router]]:
    """Run a lab of that many routers; gives them."""
    try:
        _lab(lab_routers=str(count))
        yield _of_inventory()
    finally:
        _lab(lab_state="absent")


def _of_inventory() -> list[Router]:
    inventory = yaml.safe_load((BUILD / "lab" / "inventory.yml").read_text())
    shared = inventory["fabric"]["vars"]
    hosts = {name: host for group in inventory.values() for name, host in (group.get("hosts") or {}).items() if host}
    return [
        Router(
            name=name,
            host=host["ansible_host"],
            port=22,
            user=shared["ansible_user"],
            key_file=shared["ansible_ssh_private_key_file"],
            known_hosts=shared["raywright_known_hosts"],
        )
        for name, host in hosts.items()
    ]


def _measure(routers: list[Router], options: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Run every client in turn, ``runs`` times: who comes later in a noisy minute is another one each time."""
    names = [name for name in CLIENTS if not options.only or name in options.only]
    costs: dict[str, list[Cost]] = {name: [] for name in names}
    errors = dict.fromkeys(names, "")
    folder = BUILD / "push"
    folder.mkdir(parents=True, exist_ok=True)
    # Numbers that no earlier benchmark on these routers had: a change must be one.
    number = int(time.time()) % (1 << 16)
    work = Work(routers, [], options.in_flight)
    for turn in range(options.runs):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            number += 1
            sys.stderr.write(f"run {turn + 1} of {options.runs}: {name}\n")
            try:
                costs[name].append(CLIENTS[name](replace(work, lines=lines(number), failed={}), folder))
            except (ClientFailed, ValueError, OSError) as exc:
                errors[name] = str(exc)[:300]
    return {name: _figures(costs[name], errors[name], work) for name in names}


def _ratios(figures: dict[str, dict[str, Any]]) -> dict[str, float]:
    """CPU per device: ours in floors, the peers in ours."""
    cost = {name: each["cpu_ms_per_device"] for name, each in figures.items() if each.get("cpu_ms_per_device")}
    if "ours" not in cost:
        return {}
    found = {
        f"{name}_to_ours": round(each / cost["ours"], 2) for name, each in cost.items() if name not in ("ours", "floor")
    }
    return ({"ours_to_floor": round(cost["ours"] / cost["floor"], 2)} if "floor" in cost else {}) | found


def _table(result: dict[str, Any]) -> str:
    rows = [("", "CPU ms/device", "devices/s", "peak MB", "start CPU s", "failed", "runs")]
    for name, each in [("ours", result["ours"]), ("floor", result["floor"]), *result["peers"].items()]:
        if "cpu_ms_per_device" in each:
            figures = (each[key] for key in ("cpu_ms_per_device", "devices_per_second", "rss_mb", "start_cpu_seconds"))
            rows.append((name, *(f"{value:.1f}" for value in figures), str(each["failed"]), str(each["runs"])))
        elif each:
            rows.append((name, f"failed: {each['error']}", *[""] * 5))
    return "\n".join(f"{row[0]:<16}" + "".join(f"{cell:>14}" for cell in row[1:]) for row in rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--routers", type=int, default=100)
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--in-flight", type=int, default=50, help="sessions, threads or forks at once")
    parser.add_argument("--only", action="append", choices=list(CLIENTS), help="this client, and others named so")
    options = parser.parse_args()
    BUILD.mkdir(parents=True, exist_ok=True)
    with _routers(options.routers) as routers:
        # Not before: the routers' daemons are nobody's children here.
        adopt_orphans()
        figures = _measure(routers, options)
    result = {
        "ours": figures.pop("ours", {}),
        "floor": figures.pop("floor", {}),
        "peers": figures,
        "compared": {
            "devices": options.routers,
            "platform": "FRR in network namespaces of this machine, OpenSSH",
            "exchange": f"read running configuration, push {LINES} lines, read back, verify",
            "key_exchange": KEX,
            "in_flight": options.in_flight,
            "not_in_cpu": "the routers; each client's start (start_cpu_seconds)",
            "ours_also": "checks host keys, journals, seals, records in a ledger, saves on the device",
            "left_out": "network_cli: Ansible has no cli plugin for FRR outside frr.frr, which is not to be had here",
        },
        "machine": described(PYTHON),
    }
    result["ratios"] = _ratios({**figures, **{name: result[name] for name in ("ours", "floor") if result[name]}})
    (BUILD / "push.json").write_text(json.dumps(result, indent=2) + "\n")
    print(_table(result))  # noqa: T201 - the result
    print(json.dumps(result["ratios"]))  # noqa: T201


if __name__ == "__main__":
    main()
