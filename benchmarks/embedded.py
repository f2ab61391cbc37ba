# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An embedded fleet for a benchmark: a process of its own, whose CPU does not count."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_START_SECONDS = 300


@contextmanager
def fleet(devices: int, latency: float, dialect: str = "embedded") -> Iterator[Path]:
    """Run an embedded fleet whose answers take ``latency`` milliseconds; gives its inventory, a script.

    Its routers' configurations are files, each replaced at every commit: they lie in memory where there is such a
    place, for a disk's part in this is nobody's who is measured.
    """
    memory = Path("/dev/shm")  # noqa: S108 - a private folder is made in it
    with tempfile.TemporaryDirectory(prefix="raywright-fleet-", dir=memory if memory.is_dir() else None) as folder:
        command = [sys.executable, "-m", "engine.embedded", "--devices", str(devices), "--port", "0"]
        server = subprocess.Popen(  # noqa: S603 - our own program
            [*command, "--latency", str(latency), "--dialects", dialect, "--state", folder], cwd=ROOT
        )
        try:
            deadline = time.monotonic() + _START_SECONDS
            while not (Path(folder) / "server.json").exists():
                if server.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit("the embedded fleet did not start")
                time.sleep(0.1)
            yield Path(folder) / "inventory"
        finally:
            server.terminate()
            server.wait()
