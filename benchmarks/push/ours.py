# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our engine, everything on: host keys, journal, sealed job, ledger, read back, verify, save.

A push needs a plan, which reads the devices once more; it is measured apart, and so is what a stage costs before its
first device. Everything counts: the engine, local Ray with all its processes, and what the modules do with the ledger.
"""

import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import asyncssh

from benchmarks.engine_job import Rollout
from benchmarks.processes import adopt_orphans, measured
from benchmarks.push.exchange import Router, Work
from engine.devices.base import Device


def _device(router: Router, platform: str, key: str, known_hosts: dict[str, str]) -> Device:
    place = router.host if router.port == asyncssh.DEFAULT_PORT else f"[{router.host}]:{router.port}"
    return Device(
        name=router.name,
        network_os=platform,
        host=router.host,
        port=router.port,
        user=router.user,
        private_key=key,
        known_hosts=known_hosts[place],
    )


def _known_hosts(path: Path) -> dict[str, str]:
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    return {host: line for line in lines for host in line.split()[0].split(",")}


def devices_of(work: Work) -> list[Device]:
    """What the engine needs to know of the routers, read once."""
    if not work.routers:
        return []
    key = Path(work.key_file).read_text()
    known_hosts = _known_hosts(Path(work.known_hosts))
    return [_device(each, work.platform, key, known_hosts) for each in work.routers]


def main() -> None:
    adopt_orphans()
    work = Work.read(sys.argv[1])
    devices = devices_of(work)
    wanted = dict.fromkeys((each.name for each in devices), "\n".join(work.lines) + "\n")
    with tempfile.TemporaryDirectory(prefix="raywright-bench-") as folder:
        rollout = Rollout(Path(folder), devices, wanted, work.in_flight)
        with measured() as planned:
            rollout.plan()
        with measured() as started:
            rollout.start()
        with measured() as pushed:
            _summary, outcomes = rollout.push()
    work.failed |= {name: outcome for name, outcome in outcomes.items() if outcome != "changed"}
    told = {"failed": work.failed, "plan": asdict(planned), "start": asdict(started), "push": asdict(pushed)}
    sys.stdout.write("\n" + json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
