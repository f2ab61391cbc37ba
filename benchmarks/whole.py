# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the whole command costs, from ``ansible-playbook`` to the report, on the embedded fleet.

The fleet answers over real SSH on loopback, each answer after ``--latency`` milliseconds; it is a process of its own
and does not count. The inventory is the fleet's own dynamic source. Writes ``build/bench/whole.json``.

CPU is shared out: what Ansible needs to start and to load the inventory is measured with a play that does nothing; what
it and our modules need then, and what for, is sampled (``callback_plugins/cpu_shares``); the engine reports its own.

    python -m benchmarks.whole --devices 10000
"""

import argparse
import base64
import json
import os
import secrets
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.callback_plugins.cpu_shares import SECONDS, SHARES
from benchmarks.embedded import fleet
from benchmarks.machine import described
from benchmarks.processes import Used, adopt_orphans, run

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build" / "bench"
TEMPLATE = ROOT / "playbooks" / "templates" / "embedded_fabric.j2"
_LIMIT = 1800.0


def _environment(place: Path, **more: str) -> dict[str, str]:
    return {
        **more,
        "PATH": os.environ["PATH"],
        "HOME": str(place),
        "LC_ALL": "C.UTF-8",
        "TMPDIR": str(place),
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "build" / "collections"),
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_INVENTORY_ENABLED": "script",
        "ANSIBLE_CALLBACK_PLUGINS": str(ROOT / "benchmarks" / "callback_plugins"),
        "RAYWRIGHT_LEDGER_URL": f"sqlite:///{place}/ledger.db",
        "RAYWRIGHT_FLEET_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
    }


def _playbook(place: Path, inventory: Path, log: str, *arguments: str | Path, **environment: str) -> Used:
    command = [Path(sys.executable).with_name("ansible-playbook"), "-i", inventory, *arguments]
    used, status = run(command, cwd=place, env=_environment(place, **environment), log=BUILD / log, limit=_LIMIT)
    if status:
        raise SystemExit(f"ansible-playbook ended with {status}; see {BUILD / log}")
    return used


def _measure(place: Path, options: argparse.Namespace) -> dict[str, Any]:
    empty = place / "empty.json"
    empty.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": []}]))
    with fleet(options.devices, options.latency) as inventory:
        start = _playbook(place, inventory, "whole-start.log", empty)
        given = {"template": str(TEMPLATE), "report": "report.json", "concurrency": options.concurrency}
        extra = json.dumps({f"network_rollout_{name}": value for name, value in given.items()})
        sampled = {"ANSIBLE_CALLBACKS_ENABLED": "cpu_shares", "CPU_SHARES": str(place / "shares")}
        used = _playbook(place, inventory, "whole.log", "raywright.fleet.rollout", "-e", extra, **sampled)
    report = json.loads((place / "report.json").read_text())
    return {
        "devices": report["devices"],
        "outcomes": report["outcomes"],
        "failed": report["devices"] - report["outcomes"].get("changed", 0),
        "seconds": round(used.seconds, 1),
        "rss_mb": round(used.rss_mb),
        "cpu_ms_per_device": {
            share: round(seconds * 1000 / options.devices, 2)
            for share, seconds in _shares(used, start, report["engine"]["cpu_seconds"], place / "shares").items()
        },
        "stages": [{key: stage[key] for key in ("name", "devices", "seconds")} for stage in report["stages"]],
    }


def _shares(used: Used, start: Used, engine: float, samples: Path) -> dict[str, float]:
    """CPU seconds: the whole, and its parts."""
    found = Counter(samples.read_text(encoding="ascii"))
    parts = {
        "ansible_start_and_inventory": start.cpu_seconds,
        "ansible_tasks": found[SHARES["tasks"]] * SECONDS,
        "ansible_host_variables": found[SHARES["host_variables"]] * SECONDS,
        "ansible_templating": found[SHARES["templating"]] * SECONDS,
        "our_modules": found[SHARES["ours"]] * SECONDS,
        "engine_and_workers": engine,
    }
    return {"whole": used.cpu_seconds, **parts, "ray": used.cpu_seconds - sum(parts.values())}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--devices", type=int, default=1_000)
    parser.add_argument("--latency", type=float, default=100.0, help="milliseconds until a device answers")
    parser.add_argument("--concurrency", type=int, default=500)
    options = parser.parse_args()
    BUILD.mkdir(parents=True, exist_ok=True)
    adopt_orphans()
    with tempfile.TemporaryDirectory(prefix="raywright-whole-") as place:
        result = _measure(Path(place), options)
    result["compared"] = {
        "fleet": "embedded routers, real SSH on loopback; their own CPU does not count",
        "latency_ms": options.latency,
        "concurrency": options.concurrency,
        "inventory": "dynamic, a script that prints JSON",
        "our_modules": "plan, ledger, journal, report, progress",
        "ray": "Ray's own processes, and what is in none of the other parts",
    }
    result["machine"] = described()
    (BUILD / "whole.json").write_text(json.dumps(result, indent=2) + "\n")
    print(  # noqa: T201 - the result
        f"{result['devices']} embedded devices, {options.latency:g} ms: {result['seconds']:.0f} s, "
        f"{result['failed']} failed, {result['rss_mb']} MB; CPU ms/device:"
    )
    for name, value in result["cpu_ms_per_device"].items():
        print(f"  {name:<28}{value:>8.2f}")  # noqa: T201


if __name__ == "__main__":
    main()
