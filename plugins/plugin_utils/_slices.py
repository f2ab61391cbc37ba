# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Private to this collection: work on every host of a fleet in forked processes, one slice of the fleet each."""

import gc
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from multiprocessing.connection import Connection, wait
from typing import Any

from ansible.errors import AnsibleActionFail

_WORTH_A_FORK = 100
_MOST_WORKERS = 16
_REPORT_EVERY = 50
# AWX ends a job that prints nothing for long enough.
_SILENCE = 30.0


def each[T](
    names: Sequence[str], work: Callable[[str], T | None], say: Callable[[int], None], *, workers: int | None = None
) -> list[T]:
    """Call ``work`` for every name and return what it returned other than ``None``, in the order of the names.

    Forked processes see all variables of this one without copying them; each result is pickled. ``say`` is told how
    many are done when there was nothing to hear for half a minute. An exception in ``work`` ends it all.
    """
    if workers is None:
        workers = min(len(os.sched_getaffinity(0)), _MOST_WORKERS, -(-len(names) // _WORTH_A_FORK))
    if workers <= 1:
        return [result for name in names if (result := work(name)) is not None]
    # Without this every process walks, and so copies, the whole inventory at its first full collection.
    gc.freeze()
    with ExitStack() as stack:
        stack.callback(gc.unfreeze)
        slices: list[_Slice[T]] = []
        for start in range(workers):
            slices.append(_Slice(range(start, len(names), workers), names, work))
            stack.callback(slices[-1].close)
        _follow(slices, say)
    results = {index: result for piece in slices for index, result in piece.results}
    return [results[index] for index in sorted(results)]


class _Slice[T]:
    """One forked process and what it has said so far."""

    def __init__(self, indices: range, names: Sequence[str], work: Callable[[str], T | None]) -> None:
        self.done = 0
        self.results: list[tuple[int, T]] = []
        context = multiprocessing.get_context("fork")
        # A pipe of which a sibling held the far end, forked along, would not end when its own process dies.
        self.connection, far = context.Pipe(duplex=False)
        with far:
            self._process = context.Process(target=_work, args=(indices, names, work, far, os.getpid()))
            self._process.start()

    def hear(self) -> bool:
        """Take one message; whether more are to come."""
        try:
            kind, value = self.connection.recv()
        except EOFError:
            self._process.join()
            raise AnsibleActionFail(
                "A process that works on the variables of hosts ended before it was done (exit code "
                f"{self._process.exitcode}; -9 means that it was killed, mostly for want of memory). Nothing was "
                "changed; run it again."
            ) from None
        if kind == "failed":
            raise AnsibleActionFail(value)
        if kind == "done":
            self.done = value
        else:
            self.results = value
        return bool(kind == "done")

    def close(self) -> None:
        # SIGTERM would do, but until the process has dropped Ansible's handler for it, that takes this one down too.
        self._process.kill()
        self._process.join()
        self.connection.close()


def _work[T](
    indices: range, names: Sequence[str], work: Callable[[str], T | None], connection: Connection, parent: int
) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    results: list[tuple[int, T]] = []
    try:
        for count, index in enumerate(indices, 1):
            if (result := work(names[index])) is not None:
                results.append((index, result))
            if count % _REPORT_EVERY == 0:
                if os.getppid() != parent:
                    return
                connection.send(("done", count))
        connection.send(("results", results))
    except Exception as error:  # noqa: BLE001 - it is raised again on the other side
        connection.send(("failed", str(error)))


def _follow(slices: Sequence[_Slice[Any]], say: Callable[[int], None]) -> None:
    open_ones = {piece.connection: piece for piece in slices}
    said = time.monotonic()
    while open_ones:
        for connection in wait(list(open_ones), timeout=_SILENCE):
            if not open_ones[connection].hear():
                del open_ones[connection]
        if time.monotonic() - said >= _SILENCE:
            said = time.monotonic()
            say(sum(piece.done for piece in slices))
