# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the router, and locking it against other sessions of ours."""

import contextlib
import fcntl
import os
import re
import select
import subprocess
import time

# A directory that every FRR has, that every user may open, and that is the router's own even where several routers
# share a file system. Nothing is written to it.
LOCK = "/var/run/frr"
SESSION = 63
"""A file descriptor kept on the session's output, to see whether anybody still reads it."""
ERROR = re.compile(r"^line (\d+): (.*)$")
"""How vtysh names a line of a file that it refused."""
RESTART = 20.0
"""Seconds in which FRR's own watchdog has started again a daemon that died."""
YOUNG = 4.0
"""Seconds after which a daemon that was started again has been given its configuration."""
NOISE = ("Building configuration...", "Current configuration:", "end", "")


class Trouble(Exception):
    """Something the operator must hear; nothing of the configuration is in it."""


class Idle(Trouble):
    """... and nothing was touched."""


class Shaken(Trouble):
    """... for a daemon ended while the change was made, so that what is shown now proves nothing."""


def call(*args: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end. Text that is not UTF-8 goes through unchanged."""
    return subprocess.run(  # noqa: S603 - no shell, and no argument comes from the configuration
        args,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        check=False,
    )


def running_config() -> str:
    done = call("vtysh", "-c", "show running-config")
    if done.returncode:
        raise Trouble("the running configuration cannot be read: " + said(done))
    return done.stdout


def daemons() -> dict[str, tuple[int, int]]:
    """FRR's daemons, each with what tells one life of it from the next. Raises ``Trouble`` where one has died.

    vtysh passes over a daemon that is not there: its lines are neither shown nor taken, and nothing says so.
    """
    found = {}
    for name in os.listdir(LOCK):  # noqa: PTH208 - pathlib's way costs more, and a small router pays it each time
        if name.endswith(".pid") and name != "watchfrr.pid":
            path = f"{LOCK}/{name}"
            with contextlib.suppress(OSError, ValueError), open(path) as file:  # noqa: PTH123 - as above
                found[name[:-4]] = (int(file.read()), os.stat(path).st_mtime_ns)  # noqa: PTH116 - as above
    dead = sorted(name for name, (pid, _since) in found.items() if not alive(pid))
    if dead:
        raise Trouble(
            f"{' and '.join(dead)} died and was not started again; see the router's log, or remove its file "
            f"{LOCK}/{dead[0]}.pid where it is not wanted any more"
        )
    return found


def settled(patience: float) -> tuple[dict[str, tuple[int, int]], bool]:
    """Wait until no daemon is dead, or so young that it may not have read its configuration; ``daemons``, and whether
    that took any waiting. Raises ``Idle`` where one stays dead for ``patience`` seconds.
    """
    began = time.monotonic()
    waited = False
    while True:
        late = time.monotonic() - began > min(patience, RESTART)
        try:
            lives = daemons()
        except Trouble as exc:
            if late:
                raise Idle(str(exc)) from None
        else:
            now = time.time()
            if late or all(abs(now - since / 1e9) > YOUNG for _pid, since in lives.values()):
                return lives, waited
        waited = True
        time.sleep(0.2)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def require_same(lives: dict[str, tuple[int, int]]) -> None:
    """Raise ``Shaken`` where not all daemons have lived since ``lives`` was taken."""
    try:
        now = daemons()
    except Trouble as exc:
        raise Shaken(f"{exc}; that was while the change was made") from None
    if gone := sorted(name for name, life in lives.items() if now.get(name) != life):
        raise Shaken(f"{' and '.join(gone)} ended while the change was made, and does not have all of it")


def said(done: subprocess.CompletedProcess[str]) -> str:
    lines = [line.strip() for line in (done.stderr + "\n" + done.stdout).splitlines() if line.strip()]
    return " / ".join(lines[:3]) or f"no reason given, exit status {done.returncode}"


def clean(config: str) -> str:
    """Make a file of what ``show running-config`` printed; line numbers stay."""
    lines = ("!" if line.rstrip() in NOISE else line for line in config.splitlines())
    return "".join(line + "\n" for line in lines)


def plain(config: str) -> list[str]:
    """Return the configuration's lines without what the command adds and without separators."""
    lines = (line.rstrip() for line in config.splitlines())
    return [line for line in lines if line not in NOISE and not line.lstrip().startswith("!")]


def take_lock(mode: int, seconds: float) -> int:
    """Lock the router against other sessions of ours."""
    try:
        handle = os.open(LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as exc:
        raise Trouble(f"{LOCK} cannot be opened ({exc.strerror}); is FRR installed and running?") from None
    until = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(handle, mode | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise Trouble(
                    f"another session is changing this router and did not end within {seconds:.0f} s; try again later",
                ) from None
            time.sleep(0.05)
        else:
            break
    if abandoned():
        raise Trouble("the session ended before the work began")
    return handle


def abandoned() -> bool:
    """Say whether the session that asked is gone. A change that has not begun must then not begin."""
    poller = select.poll()
    poller.register(SESSION, 0)
    return bool(poller.poll(0))
