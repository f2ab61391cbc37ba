# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a figure was measured on and with."""

import json
import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

_OURS = ("ansible-core", "asyncssh", "ray", "sqlalchemy")
_PEERS = (
    "ansible-core",
    "ansible-pylibssh",
    "asyncssh",
    "netmiko",
    "nornir",
    "nornir-netmiko",
    "nornir-scrapli",
    "paramiko",
    "scrapli",
    "ssh2-python",
)
_ASK = (
    "import json, sys; from importlib.metadata import version; print(json.dumps({n: version(n) for n in sys.argv[1:]}))"
)


def described(peers: Path | None = None) -> dict[str, Any]:
    """``peers`` is the interpreter that the peers run in."""
    found = {
        "cpus": len(os.sched_getaffinity(0)),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30), 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load_average": [round(each, 1) for each in os.getloadavg()],
        "versions": {name: metadata.version(name) for name in _OURS},
    }
    if peers is not None and peers.exists():
        asked = subprocess.run([peers, "-c", _ASK, *_PEERS], capture_output=True, text=True, check=False)  # noqa: S603
        found["peer_versions"] = json.loads(asked.stdout or "{}")
    return found


if __name__ == "__main__":
    sys.stdout.write(json.dumps(described(), indent=2) + "\n")
