# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What making a plan costs once every device has answered: shapes, strata, canary, stages, waves, digest. In memory.

Prints a JSON object for each size: seconds of CPU and of the clock, and microseconds of CPU for each device.

    python benchmarks/plan.py 1000 10000 100000
"""

import argparse
import json
import resource
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from engine.plan.policy import Policy
from engine.plan.traits import Traits
from engine.rollout.job import Result
from engine.rollout.planning import make

_ROLES = ("leaf", "leaf", "leaf", "spine")
_SITE = 40
_UNREACHABLE = 50
"""Of so many devices one did not answer."""


def answers(devices: int) -> dict[str, Result]:
    found = {}
    for number in range(devices):
        name = f"leaf-{number:06d}"
        if number % _UNREACHABLE == 0:
            found[name] = Result(name, "unreachable")
            continue
        diff = [f"+ntp server 10.0.0.{number % 250}", f"+snmp-server location s{number // _SITE}"]
        diff += [f"+router bgp {number}"] if number % 7 == 0 else ["-no ip redirects"] if number % 3 else []
        diff += [f" line {line}" for line in range(12)]
        found[name] = Result(name, "pending", diff=tuple(diff), before="b" * 64, change=f"{number:064d}")
    return found


def traits(devices: int) -> dict[str, Traits]:
    return {
        f"leaf-{number:06d}": Traits(
            kinds=(
                "platform ios" if number % 20 == 0 else "platform frr",
                f"role {_ROLES[number % 4]}",
                f"site {number // _SITE}",
            ),
            groups=(f"pair {number // 2}",),
        )
        for number in range(devices)
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("devices", type=int, nargs="+")
    for devices in parser.parse_args().devices:
        found, fleet = answers(devices), traits(devices)
        policy = Policy.parse({"never_together": "pair"})
        began, used = time.perf_counter(), time.process_time()
        plan = make(found, policy, None, fleet)
        seconds, cpu = time.perf_counter() - began, time.process_time() - used
        row = {
            "devices": devices,
            "seconds": round(seconds, 3),
            "cpu_seconds": round(cpu, 3),
            "cpu_us_per_device": round(cpu / devices * 1e6, 1),
            "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            "strata": plan.coverage.strata,
            "stages": {name: len(names) for name, names in plan.stages.items()},
        }
        print(json.dumps(row))  # noqa: T201 - what it is for


if __name__ == "__main__":
    main()
