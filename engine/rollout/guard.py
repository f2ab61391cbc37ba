# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks that outlive no process: they tell whether workers of an earlier, killed try are still at work.

``flock`` is released by the kernel when its holder dies, however it dies. Every worker process on this machine holds
the run's lock shared; a new try takes it exclusively once, and so waits until the last of the old ones is gone.
"""

import fcntl
import os
import time
from pathlib import Path

from ..errors import FleetError

_open: list[int] = []

_EXCHANGES = 4
"""What a device in flight may still have before it: a read, the change, a read and the save."""


def patience(timeout: float) -> float:
    """Seconds that an earlier, interrupted try is given to finish what it has in flight."""
    return timeout * _EXCHANGES


def hold_worker_lock(path: str) -> int:
    """Take the run's lock, shared, for as long as this process lives."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    _open.append(descriptor)
    return descriptor


def wait_for_earlier_workers(path: Path, seconds: float) -> None:
    """Return when no worker of an earlier try is alive. Raises ``FleetError`` after ``seconds``."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + seconds
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise FleetError(
                        f"workers of an earlier, interrupted try are still busy after {seconds:g} s; "
                        "wait for them to end, or end them, then run the same command again"
                    ) from None
                time.sleep(0.1)
            else:
                return
    finally:
        os.close(descriptor)
