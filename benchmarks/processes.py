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
    found = _descendants(root, without).values()
    return sum(each.cpu for each in found), sum(each.rss for each in found)


def _descendants(root: int, without: Container[int]) -> dict[int, _Process]:
    found = {pid: each for pid, each in _all() if pid not in without}
    children = defaultdict(list)
    for pid, each in found.items():
        children[each.parent].append(pid)
    tree, waiting = {}, [root]
    while waiting:
        pid = waiting.pop()
        waiting += children[pid]
        if each := found.get(pid):
            tree[pid] = each
    return tree


def _forgotten(before: Mapping[int, _Process], now: Mapping[int, _Process]) -> float:
    """CPU seconds of processes that have ended and of which their parent did not want to hear: Ray's workers."""
    gone = (each for pid, each in before.items() if pid not in now)
    return sum(each.cpu for each in gone if each.parent in now and _ignores_its_children(each.parent))


def _ignores_its_children(pid: int) -> bool:
    with contextlib.suppress(OSError):
        status = Path(f"/proc/{pid}/status").read_text(errors="replace")
        ignored = int(status.partition("SigIgn:")[2].split()[0], 16)
        return bool(ignored >> signal.SIGCHLD - 1 & 1)
    return False


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
    looking = forgotten = 0.0
    seen: dict[int, _Process] = {}

    def take() -> None:
        nonlocal seen, forgotten
        now = _descendants(root, without)
        forgotten += _forgotten(seen, now)
        seen = now
        used.rss_mb = max(used.rss_mb, sum(each.rss for each in now.values()) / _MEGABYTE)

    def look() -> None:
        nonlocal looking
        while not ended.wait(_LOOK_SECONDS):
            take()
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
        take()
        used.cpu_seconds = sum(each.cpu for each in seen.values()) + forgotten - cpu - looking


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
