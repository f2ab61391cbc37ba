# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a process and everything that it started used: CPU seconds, and the most memory at once.

Orphans count: a process that calls ``adopt_orphans`` becomes the parent of what its descendants leave behind, such as
OpenSSH's shared connections and the keeper of a local Ray. That is Linux, and so are these benchmarks.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36
_END_SECONDS = 10.0
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_LOOK_SECONDS = 1.0
_MEGABYTE = 1 << 20


@dataclass(slots=True)
class Used:
    """What something cost."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    rss_mb: float = 0.0
    """The most at once, all processes together. Pages that processes share count once for each."""


@dataclass(frozen=True, slots=True)
class _Process:
    parent: int
    cpu: float
    """Its own, and that of its ended children."""
    rss: int


def adopt_orphans() -> None:
    """From now on, be the parent of what our descendants leave behind."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def tree(root: int, without: Container[int] = ()) -> tuple[float, int]:
    """CPU seconds and resident bytes of a process and its descendants; the ended ones' CPU included.

    ``without``: processes that do not count, and theirs neither.
    """
    found = {pid: each for pid, each in _all() if pid not in without}
    children = defaultdict(list)
    for pid, each in found.items():
        children[each.parent].append(pid)
    cpu, rss, waiting = 0.0, 0, [root]
    while waiting:
        pid = waiting.pop()
        waiting += children[pid]
        if each := found.get(pid):
            cpu += each.cpu
            rss += each.rss
    return cpu, rss


def _all() -> Iterator[tuple[int, _Process]]:
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            fields = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
            cpu = sum(map(int, fields[11:15])) / _TICKS
            yield int(folder.name), _Process(parent=int(fields[1]), cpu=cpu, rss=int(fields[21]) * _PAGE)


@contextmanager
def measured(without: Container[int] = ()) -> Iterator[Used]:
    """Measure what this process and its descendants use in a ``with``, but for those in ``without``.

    What the looking itself costs does not count.
    """
    root = os.getpid()
    used = Used()
    ended = threading.Event()
    looking = 0.0

    def look() -> None:
        nonlocal looking
        while not ended.wait(_LOOK_SECONDS):
            used.rss_mb = max(used.rss_mb, tree(root, without)[1] / _MEGABYTE)
            looking = time.thread_time()

    watcher = threading.Thread(target=look, daemon=True)
    cpu, began = tree(root, without)[0], time.monotonic()
    watcher.start()
    try:
        yield used
    finally:
        used.seconds = used.seconds or time.monotonic() - began
        ended.set()
        watcher.join()
        after, rss = tree(root, without)
        used.cpu_seconds = after - cpu - looking
        used.rss_mb = max(used.rss_mb, rss / _MEGABYTE)


def run(
    command: Sequence[str | Path], *, cwd: Path, env: Mapping[str, str], log: Path, limit: float = 900.0
) -> tuple[Used, int]:
    """Run a command to its end; what it used and its exit status. Its output goes to ``log``.

    What it leaves behind is ended as well: its CPU counts, the time that it takes to end does not. Call
    ``adopt_orphans`` first. What ran before is no part of it: a lab's daemons may be our children.
    """
    ours = _children()
    began = time.monotonic()
    with log.open("wb") as output, measured(without=ours) as used:
        process = subprocess.Popen(  # noqa: S603 - commands of these benchmarks
            command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
        try:
            status = process.wait(limit)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            status = process.wait()
        except BaseException:
            os.killpg(process.pid, signal.SIGTERM)
            raise
        used.seconds = time.monotonic() - began
        _reap(ours)
    return used, status


def _children() -> set[int]:
    me = os.getpid()
    return {pid for pid, each in _all() if each.parent == me}


def _reap(ours: set[int]) -> None:
    """End the children that are not ``ours`` but were left behind by a command, and take their CPU time."""
    patient = time.monotonic() + _END_SECONDS
    while orphans := _children() - ours:
        how = signal.SIGTERM if time.monotonic() < patient else signal.SIGKILL
        for pid in orphans:
            with contextlib.suppress(ProcessLookupError, ChildProcessError):
                os.kill(pid, how)
                os.waitpid(pid, os.WNOHANG)
        time.sleep(0.05)
