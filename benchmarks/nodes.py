# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a second and a third Ray node bring what they should: the rate of one stage with 1, 2 and 3 nodes.

The nodes are raylets of this machine with one worker each, so its cores are shared, and nothing that computes would get
faster. Each device in memory therefore occupies its worker for ``BUSY`` seconds without computing, as it would a core
of another machine. What this shows is that devices reach all workers, and that handing them out and taking results back
does not hold them up; it cannot show what real devices cost on real machines. Writes ``build/bench/nodes.json``.

    python -m benchmarks.nodes --nodes 1 2 3
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.machine import described
from benchmarks.processes import adopt_orphans, run

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "build" / "bench" / "nodes.json"
BUSY = 0.02
_LIMIT = 600.0


def _one(nodes: int, devices: int) -> float:
    """Devices a second of one stage on that many nodes."""
    from ray.cluster_utils import Cluster  # noqa: PLC0415 - Ray: not in the process that only compares

    from benchmarks.engine_job import Rollout  # noqa: PLC0415 - as above
    from engine.devices.base import Device  # noqa: PLC0415

    adopt_orphans()
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    for _node in range(nodes - 1):
        cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    os.environ["RAY_ADDRESS"] = cluster.address
    fleet = [Device(name=f"device-{n:06}", network_os="benchmark_memory", host="127.0.0.1") for n in range(devices)]
    wanted = {each.name: f"ntp server 192.0.2.{number % 250}\n" for number, each in enumerate(fleet)}
    with tempfile.TemporaryDirectory(prefix="raywright-nodes-") as folder:
        rollout = Rollout(Path(folder), fleet, wanted, concurrency=60 * nodes, ray="auto")
        rollout.plan()
        _summary, outcomes = rollout.push()
    cluster.shutdown()
    if set(outcomes.values()) != {"changed"}:
        raise SystemExit("not all devices were changed: what that took is no figure")
    return devices / rollout.acting_seconds


def _measure(sizes: list[int], devices: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "RAYWRIGHT_DRIVERS": "benchmarks.memory",
        "RAYWRIGHT_BENCHMARK_BUSY": str(BUSY),
        "RAYWRIGHT_FLEET_KEY": "bm90IGEgc2VjcmV0LCBhIGtleSBmb3IgYmVuY2htYXI=",
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    for nodes in sizes:
        sys.stderr.write(f"{nodes} Ray nodes\n")
        log = RESULT.parent / "nodes.log"
        command = [sys.executable, "-m", "benchmarks.nodes", "--one", str(nodes), "--devices", str(devices)]
        _used, status = run(command, cwd=ROOT, env=environment, log=log, limit=_LIMIT)
        if status:
            raise SystemExit(f"{nodes} nodes: exit status {status}; see {log}")
        rate = json.loads(log.read_text().rstrip().rpartition("\n")[2])
        times = round(rate / rows[0]["devices_per_second"], 2) if rows else 1.0
        rows.append({"nodes": nodes, "devices_per_second": round(rate, 1), "times_the_first": times})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--devices", type=int, default=1500)
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print("\n" + json.dumps(_one(options.one, options.devices)))  # noqa: T201 - for the process that compares
        return
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    adopt_orphans()
    result = {
        "rows": _measure(options.nodes, options.devices),
        "compared": {
            "nodes": "raylets of one machine, one worker each",
            "devices": f"{options.devices} in memory, each of which occupies its worker {BUSY} s without computing",
        },
        "machine": described(),
    }
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    print(f"{'nodes':>6}{'devices/s':>12}{'times the first':>18}")  # noqa: T201 - the result
    for row in result["rows"]:
        print(f"{row['nodes']:>6}{row['devices_per_second']:>12.1f}{row['times_the_first']:>18.2f}")  # noqa: T201


if __name__ == "__main__":
    main()
