# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same exchange with the same routers by everybody in turn: ours, the floor and the peers.

Read the running configuration, push 20 lines, read back, verify: on real FRR routers, and on embedded ones that speak
in the style of Cisco IOS. Prints tables; writes ``build/bench/push.json``.

CPU is the client's: its whole process tree, what it leaves behind included; the routers' is not in it. What a client
costs before it speaks to the first router (an interpreter's start, imports, an inventory) is measured with a run in
which there is nothing to do, stated as ``start_cpu_seconds``, and not part of ``cpu_ms_per_device``.

    python -m benchmarks.push --routers 100 --embedded 100 --runs 3
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from statistics import median
from typing import Any

from benchmarks.machine import described
from benchmarks.processes import adopt_orphans
from benchmarks.push import fleets
from benchmarks.push.clients import CLIENTS, FEW, PYTHON, ClientFailed, Cost, milliseconds
from benchmarks.push.exchange import KEX, LINES, Router, Work, lines
from benchmarks.push.fleets import BUILD


def _figures(costs: Sequence[Cost], error: str, work: Work) -> dict[str, Any]:
    """The medians of a client's runs; ``failed`` is the most of one run."""
    if not costs:
        return {"error": error, "runs": 0, "failed": len(work.routers)}
    more = {key: median(each.more[key] for each in costs if each.more) for key in costs[0].more or ()}
    return {
        "cpu_ms_per_device": median(milliseconds(each.used.cpu_seconds - each.start, work) for each in costs),
        "devices_per_second": round(
            median(len(work.routers) / max(0.001, each.used.seconds - each.start_seconds) for each in costs), 2
        ),
        "rss_mb": round(median(each.used.rss_mb for each in costs), 1),
        "failed": max(each.failed for each in costs),
        "runs": len(costs),
        "start_cpu_seconds": round(median(each.start for each in costs), 2),
        "each_run_cpu_ms": [milliseconds(each.used.cpu_seconds - each.start, work) for each in costs],
        **more,
        **({"error": error} if error else {}),
    }


def _measure(routers: list[Router], platform: str, options: argparse.Namespace) -> dict[str, Any]:
    """Run every client in turn, ``runs`` times: who comes later in a noisy minute is another one each time."""
    # Not before: the routers' daemons are nobody's children here.
    adopt_orphans()
    clients = CLIENTS[platform]
    names = [name for name in clients if not options.only or name in options.only]
    costs: dict[str, list[Cost]] = {name: [] for name in names}
    errors = dict.fromkeys(names, "")
    folder = BUILD / "push"
    folder.mkdir(parents=True, exist_ok=True)
    # Numbers that no earlier benchmark on these routers had: a change must be one.
    number = int(time.time()) % (1 << 16)
    works = {name: Work(routers[: FEW.get(name)], [], options.in_flight, platform) for name in names}
    for turn in range(options.runs):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            if turn and name in FEW:
                continue
            number += 1
            sys.stderr.write(f"{platform}, run {turn + 1} of {options.runs}: {name}\n")
            try:
                costs[name].append(clients[name](replace(works[name], lines=lines(number), failed={}), folder))
            except (ClientFailed, ValueError, OSError) as exc:
                errors[name] = str(exc)[:300]
    figures = {name: _figures(costs[name], errors[name], works[name]) for name in names}
    ratios = _ratios(figures)
    return {"ours": figures.pop("ours", {}), "floor": figures.pop("floor", {}), "peers": figures, "ratios": ratios}


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


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--routers", type=int, default=100, help="real FRR routers; 0 leaves them out")
    parser.add_argument("--embedded", type=int, default=100, help="embedded routers; 0 leaves them out")
    parser.add_argument("--latency", type=float, default=100.0, help="milliseconds until an embedded router answers")
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--in-flight", type=int, default=50, help="sessions, threads or forks at once")
    names = sorted({name for clients in CLIENTS.values() for name in clients})
    parser.add_argument("--only", action="append", choices=names, help="this client, and others named so")
    options = parser.parse_args()
    if options.only != ["ours"] and not PYTHON.exists():
        parser.error("the peers are not installed: 'make bench' does that, and --only ours needs none")
    return options


def _compared(options: argparse.Namespace, devices: int, platform: str) -> dict[str, Any]:
    return {
        "devices": devices,
        "platform": platform,
        "exchange": f"read running configuration, push {LINES} lines, read back, verify",
        "key_exchange": KEX,
        "in_flight": options.in_flight,
        "not_in_cpu": "the routers; each client's start (start_cpu_seconds)",
        "ours_also": "checks host keys, journals, seals, records in a ledger, saves on the device",
    }


def main() -> None:
    options = _arguments()
    BUILD.mkdir(parents=True, exist_ok=True)
    result: dict[str, Any] = {}
    if options.routers:
        with fleets.frr(options.routers) as routers:
            result = _measure(routers, "frr", options)
        named = "FRR in network namespaces of this machine, OpenSSH"
        result["compared"] = _compared(options, options.routers, named)
        sys.stdout.write(f"{options.routers} FRR routers\n{_table(result)}\n{json.dumps(result['ratios'])}\n")
    if options.embedded:
        with fleets.ios(options.embedded, options.latency) as routers:
            embedded = _measure(routers, "ios", options)
        named = f"embedded routers in the style of Cisco IOS, {options.latency:g} ms an answer, asyncssh on loopback"
        embedded["compared"] = {
            **_compared(options, options.embedded, named),
            "network_cli": f"once, {FEW['ansible_network_cli']} routers, 30 forks; without host keys, for which its "
            "library looks in the account's home alone",
        }
        result["embedded"] = embedded
        sys.stdout.write(f"{options.embedded} {named}\n{_table(embedded)}\n{json.dumps(embedded['ratios'])}\n")
    result["machine"] = described(PYTHON)
    (BUILD / "push.json").write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
