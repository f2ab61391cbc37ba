# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the engine's cost for each device stays flat: 1,000, 10,000 and 100,000 devices in memory.

The devices are a fake (``benchmarks.memory``): what is measured is all that is not a device. The path is the real one:
a job goes in, workers on Ray, the dispatcher, the journal, and every outcome into an SQLite ledger; a plan and then its
one stage. Each size has processes of its own. Writes ``build/bench/scale.json``.

    python -m benchmarks.scale --devices 1000 10000 100000
"""

import argparse
import json
import math
import os
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.machine import described
from benchmarks.processes import adopt_orphans, measured, run

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "build" / "bench" / "scale.json"
_CONCURRENCY = 500


def _one(devices: int) -> dict[str, Any]:
    """Roll out to that many devices, in this process and those that it starts."""
    from benchmarks.engine_job import Rollout  # noqa: PLC0415 - the engine: not in the process that only compares
    from engine.devices.base import Device  # noqa: PLC0415

    adopt_orphans()
    fleet = [
        Device(name=f"device-{number:06}", network_os="benchmark_memory", host="127.0.0.1") for number in range(devices)
    ]
    wanted = {each.name: f"ntp server 192.0.2.{number % 250}\n" * 20 for number, each in enumerate(fleet)}
    with tempfile.TemporaryDirectory(prefix="raywright-scale-") as folder:
        rollout = Rollout(Path(folder), fleet, wanted, _CONCURRENCY)
        with measured() as used:
            rollout.plan()
            _summary, outcomes = rollout.push()
    changed = sum(outcome == "changed" for outcome in outcomes.values())
    if changed != devices:
        raise SystemExit(f"{changed} of {devices} devices were changed: what that cost is no figure")
    return {"devices": devices, **asdict(used)}


def exponent(rows: list[dict[str, Any]], of: str) -> float:
    """The slope of a line through the logarithms of devices and of what they cost (least squares)."""
    points = [(math.log(row["devices"]), math.log(max(row[of], 1e-9))) for row in rows]
    x, y = (sum(axis) / len(points) for axis in zip(*points, strict=True))
    return sum((a - x) * (b - y) for a, b in points) / sum((a - x) ** 2 for a, _b in points)


def _measure(sizes: list[int]) -> list[dict[str, Any]]:
    rows = []
    log = RESULT.parent / "scale.log"
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "RAYWRIGHT_DRIVERS": "benchmarks.memory",
        "RAYWRIGHT_FLEET_KEY": "bm90IGEgc2VjcmV0LCBhIGtleSBmb3IgYmVuY2htYXI=",
    }
    for devices in sizes:
        sys.stderr.write(f"{devices} devices in memory\n")
        command = [sys.executable, "-m", "benchmarks.scale", "--one", str(devices)]
        _used, status = run(command, cwd=ROOT, env=environment, log=log, limit=1800)
        if status:
            raise SystemExit(f"{devices} devices: exit status {status}; see {log}")
        row = json.loads(log.read_text().rstrip().rpartition("\n")[2])
        rows.append({key: round(value, 2) for key, value in row.items()})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--devices", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print("\n" + json.dumps(_one(options.one)))  # noqa: T201 - for the process that compares
        return
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    adopt_orphans()
    rows = _measure(options.devices)
    result = {
        "rows": rows,
        "time_exponent": round(exponent(rows, "seconds"), 3) if len(rows) > 1 else None,
        "cpu_exponent": round(exponent(rows, "cpu_seconds"), 3) if len(rows) > 1 else None,
        "memory_exponent": round(exponent(rows, "rss_mb"), 3) if len(rows) > 1 else None,
        "compared": {
            "devices": "in memory, a fake: they answer at once",
            "path": "plan and one stage: job, Ray workers, dispatcher, journal, SQLite ledger",
            "concurrency": _CONCURRENCY,
        },
        "machine": described(),
    }
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    print(f"{'devices':>10}{'seconds':>10}{'CPU s':>10}{'ms/device':>11}{'peak MB':>10}")  # noqa: T201 - the result
    for row in rows:
        each = row["cpu_seconds"] * 1000 / row["devices"]
        print(  # noqa: T201
            f"{row['devices']:>10}{row['seconds']:>10.1f}{row['cpu_seconds']:>10.1f}{each:>11.2f}{row['rss_mb']:>10.0f}"
        )
    exponents = (result[f"{what}_exponent"] for what in ("time", "cpu", "memory"))
    print("growth exponents: time {}, CPU {}, memory {}".format(*exponents))  # noqa: T201


if __name__ == "__main__":
    main()
