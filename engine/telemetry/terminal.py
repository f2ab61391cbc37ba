# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One line at the bottom of a terminal that others print to as well."""

import contextlib
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TextIO

Lock = AbstractContextManager[Any]
"""Re-entrant: clearing the line is part of printing something else."""

_USUAL_COLUMNS = 80
_CLEAR = "\r\x1b[K"


class LiveLine:
    """Paints the line, and takes it away before anything else of this process is printed.

    The streams' ``write`` is wrapped for as long as this is open, which is the only place that all printing has in
    common. The line itself goes straight to the terminal's descriptor: a thread that was inside the stream's own
    buffer while Ansible forks would leave the child with a lock that nobody releases. ``lock`` must be the one under
    which the streams are written (Ansible's display has one): with two, two threads could wait for each other.
    """

    def __init__(self, terminal: TextIO, *others: TextIO, lock: Lock) -> None:
        self._terminal = terminal.fileno()
        self._encoding = terminal.encoding or "ascii"
        self._owner = os.getpid()
        self._lock = lock
        self._shown = ""
        self._line_open = False
        self._streams = [stream for stream in (terminal, *others) if stream.isatty()]
        for stream in self._streams:
            self._wrap(stream)

    @property
    def width(self) -> int:
        """Cells that a line may take; the last column is left free, for some terminals wrap when it is written."""
        columns = os.get_terminal_size(self._terminal).columns
        return (columns or _USUAL_COLUMNS) - 1  # 0: a terminal whose size nobody has set

    def paint(self, text: str) -> None:
        with self._lock:
            # While a prompt waits at the end of its line, there is no line for this one.
            if text != self._shown and not self._line_open:
                self._put("\r" + text + "\x1b[K")
                self._shown = text

    def clear(self) -> None:
        with self._lock:
            if self._shown:
                self._put(_CLEAR)
                self._shown = ""

    def close(self) -> None:
        self.clear()
        for stream in self._streams:
            with contextlib.suppress(AttributeError):
                del stream.write
        self._streams = []

    def _wrap(self, stream: TextIO) -> None:
        write: Callable[[str], int] = stream.write

        def write_around_the_line(text: str, /) -> int:
            if os.getpid() != self._owner:
                return write(text)
            with self._alone():
                written = write(text)
                stream.flush()
                self._line_open = bool(text) and not text.endswith("\n")
                return written

        stream.write = write_around_the_line  # type: ignore[method-assign]  # undone when the bar ends

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with self._lock:
            self.clear()
            yield

    def _put(self, text: str) -> None:
        data: Any = memoryview(text.encode(self._encoding, "replace"))
        while data:
            data = data[os.write(self._terminal, data) :]
