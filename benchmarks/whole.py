# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the whole command costs, from ``ansible-playbook`` to the report, on the embedded fleet.

The fleet answers over real SSH on loopback, each answer after ``--latency`` milliseconds; it is a process of its own and
does not count. The inventory is the fleet's own dynamic source. Writes ``build/bench/whole.json``.

    python -m benchmarks.whole --devices 10000
"""

import argparse
import base64
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.processes import Shares, adopt_orphans, machine, run

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "build" / "bench" / "whole.json"
TEMPLATE = ROOT / "playbooks" / "templates" / "embedded_fabric.j2"
_START_SECONDS = 120
_KINDS = {
    "ansible": ("ansible-playbook",),
    "engine": ("engine.rollout",),
    "workers": ("ray::_Actor", "ray::Worker"),
}
"""Whose CPU it is, by a word of the command line; all else is Ray's."""


@contextmanager
def fleet(folder: Path, devices: int, latency: float) -> Iterator[Path]:
    """Run an embedded fleet; gives its inventory."""
    command = [sys.executable, "-m", "engine.embedded", "--devices", str(devices), "--port", "0"]
    server = subprocess.Popen(  # noqa: S603 - our own program
        [*command, "--latency", str(latency), "--state", str(folder)], cwd=ROOT
    )
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not (folder / "server.json").exists():
            if server.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("the embedded fleet did not start")
            time.sleep(0.1)
        yield folder / "inventory"
    finally:
        server.terminate()
        server.wait()


def environment(place: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(place),
        "LC_ALL": "C.UTF-8",
        "TMPDIR": str(place),
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "build" / "collections"),
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
        "ANSIBLE_INVENTORY_ENABLED": "script",
        "RAYWRIGHT_LEDGER_URL": f"sqlite:///{place}/ledger.db",
        "RAYWRIGHT_FLEET_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
    }
