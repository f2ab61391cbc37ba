# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What safety costs: a rollout, and the same exchanges by the same drivers with nothing around them.

``without`` reads every device and computes its change; then, in another session, reads it again, changes it, reads it
back and saves it: drivers in one event loop, no engine. ``recorded`` is a rollout of the same: sealed records, plan and
digest, ledger, journal, breaker, an outcome for each device. ``validated`` has a check after the change as well, which
is asked once more when the plan is made. Writes ``build/bench/safety.json``.

CPU is that of whole process trees, without what they cost before the first device; the devices' is not in it.

    python -m benchmarks.safety --devices 400
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median

from benchmarks.engine_job import Rollout
from benchmarks.machine import described
from benchmarks.processes import adopt_orphans, run
from benchmarks.push.exchange import Work, lines
from benchmarks.push.fleets import BUILD, embedded_fleet, environment
from benchmarks.push.ours import devices_of
from engine.devices import registry
from engine.devices.base import Change, Device

RESULT = BUILD / "safety.json"
CHECK = {"name": "answers", "command": "show version", "match": "."}
_LIMIT = 600.0


async def _each(devices: list[Device], in_flight: int, work: Callable[[Device], Awaitable[None]]) -> None:
    bound = asyncio.Semaphore(in_flight)

    async def one(device: Device) -> None:
        async with bound:
            await work(device)

    async with asyncio.TaskGroup() as group:
        for device in devices:
            group.create_task(one(device))


async def _without(devices: list[Device], wanted: str, in_flight: int) -> None:
    changes: dict[str, Change] = {}

    async def plan(device: Device) -> None:
        session = await registry.driver(device.network_os).connect(device)
        changes[device.name] = await session.propose((await session.snapshot()).running, wanted, "merge")
        await session.close()

    async def push(device: Device) -> None:
        session = await registry.driver(device.network_os).connect(device)
        await session.running()
        left = await session.apply(changes[device.name])
        if not (await session.propose(left or await session.running(), wanted, "merge")).empty:
            raise SystemExit(f"{device.name} does not show the change")
        await session.save()
        await session.close()

    await _each(devices, in_flight, plan)
    await _each(devices, in_flight, push)


def _roll_out(devices: list[Device], wanted: str, in_flight: int, *, validated: bool) -> None:
    checks = (CHECK,) if validated else ()
    configurations = dict.fromkeys((each.name for each in devices), wanted)
    with tempfile.TemporaryDirectory(prefix="raywright-bench-") as folder:
        rollout = Rollout(Path(folder), devices, configurations, in_flight, checks=checks)
        rollout.plan()
        _summary, outcomes = rollout.push()
        rollout.close()
    if set(outcomes.values()) - {"changed"}:
        raise SystemExit("not all devices were changed: what that took is no figure")


WAYS: dict[str, Callable[[list[Device], str, int], None]] = {
    "without": lambda devices, wanted, in_flight: asyncio.run(_without(devices, wanted, in_flight)),
    "recorded": lambda devices, wanted, in_flight: _roll_out(devices, wanted, in_flight, validated=False),
    "validated": lambda devices, wanted, in_flight: _roll_out(devices, wanted, in_flight, validated=True),
}


def _measure(work: Work, runs: int) -> dict[str, list[float]]:
    """CPU milliseconds a device of each way, by run: what it takes beyond its start with a single device."""
    costs: dict[str, list[float]] = {way: [] for way in WAYS}
    number = int(time.time()) % (1 << 16)
    folder = BUILD / "safety"
    folder.mkdir(parents=True, exist_ok=True)
    for turn in range(runs):
        for way in WAYS:
            used = []
            for count in (1, len(work.routers)):
                number += 1
                Work(work.routers[:count], lines(number), work.in_flight, work.platform).write(folder / "work.json")
                command = [sys.executable, "-m", "benchmarks.safety", "--way", way, "--work", folder / "work.json"]
                # One process does it all, as without: a local Ray has costs of its own, see benchmarks.whole.
                alone = {**environment(), "RAYWRIGHT_RAY_FROM": "1000000"}
                cost, status = run(command, cwd=folder, env=alone, log=folder / f"{way}.log", limit=_LIMIT)
                if status:
                    raise SystemExit(f"{way} failed: see {folder / way}.log")
                used.append(cost.cpu_seconds)
            sys.stderr.write(f"run {turn + 1} of {runs}: {way}\n")
            costs[way].append((used[1] - used[0]) * 1000 / (len(work.routers) - 1))
    return costs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--devices", type=int, default=400)
    parser.add_argument("--latency", type=float, default=100.0, help="milliseconds until a device answers")
    parser.add_argument("--in-flight", type=int, default=100)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--work", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        work = Work.read(options.work)
        WAYS[options.way](devices_of(work), "\n".join(work.lines) + "\n", work.in_flight)
        return
    adopt_orphans()
    BUILD.mkdir(parents=True, exist_ok=True)
    with embedded_fleet(options.devices, options.latency) as routers:
        costs = _measure(Work(routers, [], options.in_flight, "embedded"), options.runs)
    figures = {way: round(median(each), 2) for way, each in costs.items()}
    overhead = {way: round(cost / figures["without"] - 1, 3) for way, cost in figures.items() if way != "without"}
    result = {
        "cpu_ms_per_device": figures,
        "overhead": overhead,
        "each_run": {way: [round(cost, 2) for cost in each] for way, each in costs.items()},
        "devices": options.devices,
        "machine": described(),
    }
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    for way, cost in figures.items():
        more = f", {overhead[way]:+.0%}" if way in overhead else ""
        sys.stdout.write(f"{way:<10}{cost:8.2f} CPU ms a device{more}\n")


if __name__ == "__main__":
    main()
