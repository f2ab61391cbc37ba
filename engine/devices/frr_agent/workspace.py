# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A place for what must not be on a command line."""

import contextlib
import fcntl
import os
import time
from pathlib import Path

STALE = 120


def base() -> str:
    """Where files lie in memory, or where temporary ones do."""
    if os.access("/dev/shm", os.W_OK | os.X_OK):  # noqa: S108 - only folders that are private from the start are made there
        return "/dev/shm"  # noqa: S108 - as above
    import tempfile  # noqa: PLC0415 - it and shutil take a small router 10 ms to import, which few need

    return tempfile.gettempdir()


def remove(folder: Path) -> None:
    """Remove a folder of files, whatever of it can be removed."""
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            with contextlib.suppress(OSError):
                path.unlink()
        folder.rmdir()


class Workspace:
    """A private directory, in memory where there is such a place, gone whatever happens.

    A lock on it says that somebody is using it; one that nobody holds was left by a session that was killed, and the
    next session removes it.
    """

    def __init__(self) -> None:
        os.umask(0o077)
        place = Path(base())
        self.remove_stale(place)
        self.path = place / f"raywright-fleet-{os.urandom(16).hex()}"
        self.path.mkdir(mode=0o700)
        self.lock = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        fcntl.flock(self.lock, fcntl.LOCK_EX)

    @staticmethod
    def remove_stale(place: Path) -> None:
        for path in place.glob("raywright-fleet-*"):
            with contextlib.suppress(OSError):
                status = path.lstat()
                if status.st_uid != os.geteuid() or time.time() - status.st_mtime < STALE:
                    continue
                handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    remove(path)
                finally:
                    os.close(handle)

    def file(self, name: str, text: str) -> str:
        path = self.path / name
        path.write_text(text, encoding="utf-8", errors="surrogateescape")
        return str(path)

    def close(self) -> None:
        remove(self.path)
