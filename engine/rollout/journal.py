# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The event stream of one engine process: to whoever follows it, and to a file that survives them.

JSON Lines, numbered. The file is what a resume reads when the follower died: an event that says a device was handed
out is on the disk before the device is.
"""

import contextlib
import fcntl
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from ..errors import FleetError

_HANDED_OUT = "dispatched"
_DURABLE = frozenset({_HANDED_OUT, "summary"})
_LOOK_SECONDS = 0.1


class Journal:
    """Writes events to a file and to ``follower``. Holds an exclusive lock on the file while it is open.

    An engine of an earlier try that still finishes what it had in flight is waited for, ``patience`` seconds.
    """

    def __init__(self, path: Path | None, follower: IO[str] | None = None, *, patience: float = 0.0) -> None:
        self._path = path
        self._patience = patience
        self._follower = follower if follower is not None else sys.stdout
        self._descriptor: int | None = None
        self._broken: FleetError | None = None
        self._sequence = 0

    def __enter__(self) -> Self:
        if self._path is not None:
            try:
                self._descriptor = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            except OSError as exc:
                raise self._unwritable(exc) from exc
            _lock(self._descriptor, self._path, self._patience)
            _mend(self._descriptor)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def emit(self, event: str, data: dict[str, Any]) -> None:
        """Write one event. A follower that is gone is no reason to stop writing the file.

        Raises ``FleetError`` where the file cannot be written and the event says that devices are handed out: without
        the line, nobody would know later that they may have been touched. All other events still reach the follower.
        """
        self._sequence += 1
        line = json.dumps({"seq": self._sequence, "event": event, **data}, separators=(",", ":")) + "\n"
        if self._descriptor is not None and self._broken is None:
            self._write(self._descriptor, line.encode(), durable=event in _DURABLE)
        if self._broken is not None and event == _HANDED_OUT:
            raise self._broken
        if self._follower is None:
            return
        try:
            self._follower.write(line)
            self._follower.flush()
        except (BrokenPipeError, ValueError):
            self._follower = None

    def _write(self, descriptor: int, line: bytes, *, durable: bool) -> None:
        """Write a line whole or not at all; after a failure no more are written, so that none is missing between."""
        size = os.fstat(descriptor).st_size
        try:
            # A disk that fills up takes the beginning, and says why only when asked to take the rest.
            while line := line[os.write(descriptor, line) :]:
                pass
            if durable:
                os.fdatasync(descriptor)
        except OSError as exc:
            self._broken = self._unwritable(exc)
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, size)

    def _unwritable(self, cause: OSError) -> FleetError:
        return FleetError(
            f"the journal {self._path} cannot be written: {cause.strerror}; without it nobody would know which devices "
            "may have been touched, so no more are. Make room or give write access there"
        )


def _mend(descriptor: int) -> None:
    """Cut off a last line that a crash or a full disk left unfinished: the next one must not be appended to it."""
    size = os.fstat(descriptor).st_size
    end = size
    while end and os.pread(descriptor, 1, end - 1) != b"\n":
        end -= 1
    if end < size:
        os.ftruncate(descriptor, end)


def replay(path: Path, *, patience: float) -> Iterator[dict[str, Any]]:
    """Read a journal back, once nobody writes it any more. A last line that a crash cut off is left out."""
    if not path.exists():
        return
    with path.open(encoding="utf-8") as lines:
        _lock(lines.fileno(), path, patience)
        for line in lines:
            if not line.endswith("\n"):
                return
            yield json.loads(line)


def _lock(descriptor: int, path: Path, patience: float) -> None:
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise FleetError(
                    f"an engine of an earlier try still works on {path.stem} after {patience:g} s; wait for it to end, "
                    "or end it, then run the same command again"
                ) from None
            time.sleep(_LOOK_SECONDS)
        else:
            return
