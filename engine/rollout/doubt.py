# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a journal says of a job that somebody else runs and that we may cease to follow."""

import os
from pathlib import Path

from .journal import Journal


class Doubt:
    """A line in the journal that takes every device of the job for touched, as long as nobody knows better.

    While we follow the job, its own events say which devices were handed out. Should we be killed, nobody copies them
    any more and the job goes on: whoever reads the journal then must expect the worst.
    """

    def __init__(self, path: str | None, journal: Journal, names: list[str]) -> None:
        self._path = Path(path) if path else None
        if self._path is None:
            return
        self._begin = self._path.stat().st_size
        journal.emit("dispatched", {"names": names})
        self._end = self._path.stat().st_size

    def lift(self) -> None:
        """The job has ended and its log was read whole: only what it said counts."""
        if self._path is None:
            return
        with self._path.open("r+b") as file:
            file.seek(self._begin)
            file.write(b'{"event":"submitted"}'.ljust(self._end - self._begin - 1))
            file.flush()
            os.fdatasync(file.fileno())
