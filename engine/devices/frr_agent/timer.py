# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A process that outlives session, login and controller, and puts back what was when its time is over.

Its folder says what it is to do: ``state.json`` (whose change it is, and until when), ``before.json`` (what was),
``room`` (memory that putting it back will need, taken beforehand lest somebody fill it meanwhile), and two files to
speak to it: ``wake``, a FIFO, and ``alive``, on which it holds a lock for as long as it lives. A folder
that is gone means that there is nothing left to do.

Confirming and putting back both happen under the router's lock, after another look at the folder, so exactly one of
them comes first and the other one sees that.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Any

from .held import STATE, read
from .restoring import nothing_saved, put_back, restore, saved
from .router import LOCK, Trouble
from .workspace import Workspace, remove

if TYPE_CHECKING:
    from pathlib import Path

BEFORE = "before.json"
ROOM = "room"
WAKE = "wake"
ALIVE = "alive"
_LOOK_MILLISECONDS = 30_000
_AGAIN_SECONDS = 1.0
_MOST_SECONDS_BETWEEN = 60.0
_GIVE_UP_SECONDS = 3600.0
_END_SECONDS = 5.0
_MOST_DESCRIPTORS = 4096
_LEAST_ROOM = 256 * 1024


def now() -> float:
    """Seconds since the router started, sleep included: a clock that nobody can set."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def write(path: Path, content: dict[str, Any]) -> None:
    draft = path.with_suffix(".new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
        json.dump(content, stream)
    draft.replace(path)


def reserve(folder: Path, before: str) -> None:
    """Take the memory in which to put back what was: some files of the configuration's size. Raises ``OSError``."""
    handle = os.open(folder / ROOM, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.posix_fallocate(handle, 0, _LEAST_ROOM + 4 * len(before))
    finally:
        os.close(handle)


def start(folder: Path) -> None:
    """Start the timer of a folder; it runs when this returns."""
    os.mkfifo(folder / WAKE, 0o600)
    (folder / ALIVE).touch(mode=0o600)
    reader, writer = os.pipe()
    if os.fork() == 0:
        # Whatever happens in here, it must never come back into the program that it was forked from.
        try:
            os.setsid()
            if os.fork() == 0:
                _run(folder, writer)
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        if stream.read(1) != b"1":
            raise Trouble("the timer that would take the change back could not be started; nothing was changed")


def wake(folder: Path) -> None:
    """Have the timer look at its folder."""
    with contextlib.suppress(OSError):
        handle = os.open(folder / WAKE, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        os.write(handle, b"1")
        os.close(handle)


def end(folder: Path) -> None:
    """Remove a folder, and wait until its timer is gone."""
    with contextlib.ExitStack() as stack:
        handles = []
        for name, flags in ((WAKE, os.O_WRONLY | os.O_NONBLOCK), (ALIVE, os.O_RDONLY)):
            with contextlib.suppress(OSError):
                handles.append(os.open(folder / name, flags | os.O_CLOEXEC))
                stack.callback(os.close, handles[-1])
        remove(folder)
        if len(handles) < 2:  # noqa: PLR2004 - a timer that is dead reads no FIFO
            return
        try:
            os.write(handles[0], b"1")
        except BrokenPipeError:
            return  # it saw by itself that there is nothing left to do
        until = time.monotonic() + _END_SECONDS
        while time.monotonic() < until:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(handles[1], fcntl.LOCK_SH | fcntl.LOCK_NB)
                return
            time.sleep(0.01)


def _run(folder: Path, ready: int) -> None:
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave_at_shutdown)
    os.chdir("/")
    os.dup2(ready, 3)
    # The session's own, and the router's lock, which this process would otherwise share for ever.
    os.closerange(4, _MOST_DESCRIPTORS)
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    life = os.open(folder / ALIVE, os.O_RDONLY | os.O_CLOEXEC)
    fcntl.flock(life, fcntl.LOCK_EX)
    # Opened for writing too, so that it never reads as ended.
    bell = os.open(folder / WAKE, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    os.write(3, b"1")
    os.close(3)
    try:
        _take_back(folder, bell)
    finally:
        os._exit(0)


def _leave_at_shutdown(_signal: int, _frame: object) -> None:
    """A router that is going down must not wait for this; whatever else ends processes is not obeyed."""
    with contextlib.suppress(OSError):
        asked = ["systemctl", "is-system-running"]
        done = subprocess.run(asked, capture_output=True, stdin=subprocess.DEVNULL, check=False)  # noqa: S603 - nothing from outside
        if done.stdout.strip() == b"stopping":
            os._exit(0)


def _wait(folder: Path, bell: int) -> None:
    poller = select.poll()
    poller.register(bell, select.POLLIN)
    while (left := _left(folder)) > 0:
        if poller.poll(min(_LOOK_MILLISECONDS, int(left * 1000) + 1)):
            os.read(bell, 64)


def _left(folder: Path) -> float:
    """Seconds that are left; ends this process where there is nothing to take back any more."""
    state = read(folder / STATE)
    if state is None or "until" not in state:
        os._exit(0)
    return float(state["until"]) - now()


def _take_back(folder: Path, bell: int) -> None:
    """Put back what was, under the router's lock. FRR may be on its way up just then, so not only once."""
    pause, give_up = _AGAIN_SECONDS, None
    while True:
        _wait(folder, bell)
        give_up = give_up or now() + _GIVE_UP_SECONDS
        lock = _locked()
        try:
            # Somebody may have confirmed, or begun a longer time, while the lock was theirs.
            if _left(folder) <= 0 and bring_back(folder):
                leave_note(folder)
                return
        except (Trouble, OSError, ValueError):
            pass  # the next try may fare better; what is held stays visible until one has
        finally:
            os.close(lock)
        if now() > give_up:
            return
        time.sleep(pause)
        pause = min(pause * 2, _MOST_SECONDS_BETWEEN)


def _locked() -> int:
    while True:
        with contextlib.suppress(OSError):
            # Opened anew each time: FRR's start may have made the directory again.
            handle = os.open(LOCK, os.O_RDONLY | os.O_CLOEXEC)
            fcntl.flock(handle, fcntl.LOCK_EX)
            return handle
        time.sleep(_AGAIN_SECONDS)


def bring_back(folder: Path) -> bool:
    """Put back what was, and say whether it reads the same. To be called under the router's lock."""
    before = read(folder / BEFORE)
    if before is None:
        return True
    (folder / ROOM).unlink(missing_ok=True)
    work = Workspace()
    try:
        if saved() == before["saved"] and nothing_saved() == before["unsaved"]:
            return put_back(work, before["running"])
        job = {"wanted": before["running"], "startup": before["saved"], "unsaved": before["unsaved"]}
        return bool(restore(work, job)["put_back"])
    finally:
        work.close()


def leave_note(folder: Path) -> None:
    """Let whoever comes too late, from whatever account, read why there is nothing to confirm; nothing else stays.

    The timer ends when it next sees that; there need not be one. To be called under the router's lock.
    """
    state = read(folder / STATE) or {}
    # First, for it is what a note needs room for where memory is full.
    (folder / BEFORE).unlink(missing_ok=True)
    write(folder / STATE, {"was": state.get("token"), "boot": state.get("boot")})
    wake(folder)
    for name in (WAKE, ALIVE):
        (folder / name).unlink(missing_ok=True)
    (folder / STATE).chmod(0o644)
    folder.chmod(0o755)
