# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A place for what must not be on a command line."""

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from pathlib import Path

STALE = 120


class Workspace:
    """A private directory, in memory where there is such a place, gone whatever happens.

    A lock on it says that somebody is using it; one that nobody holds was left by a session that was killed, and the
    next session removes it.
    """

    def __init__(self) -> None:
        os.umask(0o077)
        base = "/dev/shm" if os.access("/dev/shm", os.W_OK | os.X_OK) else tempfile.gettempdir()  # noqa: S108 - mkdtemp
        self.remove_stale(Path(base))
        self.path = Path(tempfile.mkdtemp(prefix="raywright-fleet-", dir=base))
        self.lock = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        fcntl.flock(self.lock, fcntl.LOCK_EX)

    @staticmethod
    def remove_stale(base: Path) -> None:
        for path in base.glob("raywright-fleet-*"):
            with contextlib.suppress(OSError):
                status = path.lstat()
                if status.st_uid != os.geteuid() or time.time() - status.st_mtime < STALE:
                    continue
                handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(path, ignore_errors=True)
                finally:
                    os.close(handle)

    def file(self, name: str, text: str) -> str:
        path = self.path / name
        path.write_text(text, encoding="utf-8", errors="surrogateescape")
        return str(path)

    def close(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
