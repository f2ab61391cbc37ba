#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run one Ray node, and end when it no longer is one, so that systemd or Docker starts it again.

``ray start --block`` stays alive when its raylet has exited (after a drain, or when the head went away), so somebody
has to look. This is the main process of the service in both ways of running Ray, and the same program tells the role
whether a node runs with the settings that lie on disk:

    ray_supervisor.py run /etc/ray/node.json            the service
    ray_supervisor.py status /etc/ray/node.json         what runs, as JSON; see --wait
    ray_supervisor.py healthcheck /etc/ray/node.json    exit status for Docker

Standard library only, Python 3.9 or later: ``status`` runs with the Python of the host.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import hashlib
import json
import os
import re
import resource
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

INTERVAL = 2.0
# The state file is touched in every round; one that is older than this was left by a program that is gone.
FRESH = 30.0
# What `ray start` may take to end its processes, after the drain.
TEARDOWN = 30.0
PROBE_TIMEOUT = 3.0
PR_SET_CHILD_SUBREAPER = 36
SESSION = re.compile(r"^session_\d{4}-")
SPILLED = re.compile(r"^ray_spilled_objects")


class BadSettings(Exception):
    """The settings file, or a file that it names, cannot be used."""


# -- What is asked for ------------------------------------------------------------------------------------------------


def load(path: Path) -> dict[str, Any]:
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadSettings(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise BadSettings(f"{path} is not JSON: {error}") from error
    if not isinstance(settings, dict) or settings.get("role") not in ("head", "worker"):
        raise BadSettings(f"{path} is not a settings file of this program: role must be head or worker")
    return settings


def digest(path: Path) -> str:
    """Name what a node runs with: the settings, the files that Ray reads only when it starts, and this program."""
    settings = load(path)
    total = hashlib.sha256()
    for each in [path, Path(__file__), *map(Path, settings["files"])]:
        try:
            content = each.read_bytes()
        except OSError as error:
            raise BadSettings(f"{each} cannot be read: {error.strerror}") from error
        total.update(hashlib.sha256(content).digest())
    return total.hexdigest()


def start_command(settings: Mapping[str, Any], secrets: Mapping[str, str]) -> list[str]:
    """Return the command that starts Ray. Options without a value are left to Ray; ``true`` is a bare flag."""
    command = [settings["ray"], "start", "--block"]
    for name, value in sorted({**settings["options"], **secrets}.items()):
        if value is None or value is False:
            continue
        if value is True:
            command.append(f"--{name}")
        else:
            text = json.dumps(value, sort_keys=True) if isinstance(value, dict) else value
            command.append(f"--{name}={text}")
    return command


def environment(settings: Mapping[str, Any], inherited: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of Ray, without what belongs to this service alone."""
    kept = {name: value for name, value in inherited.items() if name not in ("NOTIFY_SOCKET", "WATCHDOG_USEC")}
    return {**kept, **{name: str(value) for name, value in settings["environment"].items()}}


def read_secrets(settings: Mapping[str, Any]) -> dict[str, str]:
    secrets = {}
    for option, path in settings["secrets"].items():
        try:
            secrets[option] = Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise BadSettings(f"{path} (for --{option}) cannot be read: {error.strerror}") from error
    return secrets


# -- What is seen -----------------------------------------------------------------------------------------------------


@dataclass
class Judge:
    """Decide from what is seen whether a node starts, is healthy, is in doubt, or is lost.

    A process that was there and is gone is final. A probe that fails is not: the agent asks the head, so that it fails
    while the head restarts, which a node survives with GCS fault tolerance.
    """

    started: float
    start_timeout: float
    unhealthy_timeout: float
    _seen: bool = False
    _healthy: float | None = field(default=None)

    def observe(self, now: float, *, processes: bool, probes: bool) -> tuple[str, str]:
        """Return a state (starting, healthy, unhealthy or lost) and why."""
        if self._seen and not processes:
            return "lost", "a process without which it is no Ray node has exited"
        self._seen = self._seen or processes
        if processes and probes:
            self._healthy = now
            return "healthy", ""
        if self._healthy is None:
            waited = now - self.started
            if waited > self.start_timeout:
                return "lost", f"not healthy {waited:.0f} s after its start"
            return "starting", ""
        silent = now - self._healthy
        if silent > self.unhealthy_timeout:
            return "lost", f"its health endpoints have failed for {silent:.0f} s"
        return "unhealthy", f"its health endpoints have failed for {silent:.0f} s"


class Process(NamedTuple):
    pid: int
    parent: int
    name: str


def parse_stat(text: str) -> Process | None:
    """Read a line of ``/proc/PID/stat``; the name stands in brackets and may hold anything. Zombies are gone."""
    pid, rest = text.split(" (", 1)
    name, fields = rest.rsplit(") ", 1)
    state, parent = fields.split(" ")[:2]
    return None if state in "ZX" else Process(int(pid), int(parent), name)


def processes() -> Iterator[Process]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            found = look_up(entry)
            if found:
                yield found


def look_up(entry: Path) -> Process | None:
    """Read what ``/proc`` says of a process, which may end meanwhile."""
    try:
        return parse_stat((entry / "stat").read_text(encoding="utf-8", errors="replace"))
    except (OSError, ValueError):
        return None


def descendants(root: int, seen: Iterable[Process]) -> list[Process]:
    children: dict[int, list[Process]] = {}
    for process in seen:
        children.setdefault(process.parent, []).append(process)
    found: list[Process] = []
    queue = [root]
    while queue:
        below = children.get(queue.pop(), [])
        found += below
        queue += [process.pid for process in below]
    return found


def answers(url: str) -> bool:
    # A proxy that the environment names is for Ray's jobs, not for this node's own addresses.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=PROBE_TIMEOUT) as response:
            return bool(response.status == 200)  # noqa: PLR2004
    except (OSError, ValueError):
        return False


def listens(address: str, port: int) -> bool:
    try:
        with socket.create_connection((address, port), timeout=PROBE_TIMEOUT):
            return True
    except OSError:
        return False


# -- What is told -----------------------------------------------------------------------------------------------------


class State:
    """What others may know, in a file: written when it changes, touched in every round."""

    def __init__(self, path: Path, running: str) -> None:
        self._path = path
        self._running = running
        self._last: dict[str, Any] = {}

    def tell(self, state: str, detail: str = "") -> None:
        now = {"digest": self._running, "state": state, "detail": detail, "pid": os.getpid()}
        if now != self._last:
            if state != self._last.get("state"):
                say(f"{state}: {detail}" if detail else state)
            partial = self._path.with_suffix(".new")
            partial.write_text(json.dumps(now) + "\n", encoding="utf-8")
            partial.replace(self._path)
            self._last = now
        else:
            os.utime(self._path)
        notify(f"WATCHDOG=1\nSTATUS={state} {detail}".rstrip())
        # Not to be healthy is no reason to fail a boot: a worker may well be up before its head is.
        if state in ("healthy", "waiting"):
            notify("READY=1")


def say(text: str) -> None:
    print(f"ray_supervisor: {text}", flush=True)  # noqa: T201


def notify(text: str) -> None:
    """Speak to systemd, where it listens (sd_notify(3))."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
        client.connect("\0" + address[1:] if address.startswith("@") else address)
        client.sendall(text.encode())


def told(settings: Mapping[str, Any], *, now: float) -> dict[str, Any]:
    """Read what a supervisor told last, if it is not long ago."""
    file = Path(settings["state_file"])
    with contextlib.suppress(OSError, ValueError):
        if now - file.stat().st_mtime < FRESH:
            last: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            return last
    return {"digest": None, "state": "stopped", "detail": "the supervisor does not run"}


def status(path: Path, *, now: float) -> dict[str, Any]:
    """Say what runs and what is wanted. ``current`` and ``healthy`` are what the role decides by."""
    wanted = digest(path)
    settings = load(path)
    last = told(settings, now=now)
    return {
        "wanted": wanted,
        "running": last["digest"],
        "state": last["state"],
        "detail": last["detail"],
        "current": last["digest"] == wanted,
        "healthy": last["state"] == "healthy",
        "exposed": [name for name in settings["private"] if Path(name).stat().st_mode & stat.S_IRWXO],
    }


# -- What is done -----------------------------------------------------------------------------------------------------


def stale(names: Iterable[str], keep: int) -> list[str]:
    """Return the sessions to remove, the newest ``keep`` left alone: their names sort by the time of their start."""
    sessions = sorted(name for name in names if SESSION.match(name))
    return sessions[: max(0, len(sessions) - keep)]


def tidy(settings: Mapping[str, Any]) -> None:
    """Remove what earlier runs left: Ray deletes neither old sessions nor what a killed node had spilled."""
    temporary, spill = Path(settings["options"]["temp-dir"]), Path(settings["options"]["object-spilling-directory"])
    for directory in (temporary, spill):
        directory.mkdir(mode=0o750, exist_ok=True)
    with contextlib.suppress(OSError):
        for name in stale((entry.name for entry in temporary.iterdir()), settings["sessions_kept"]):
            shutil.rmtree(temporary / name, ignore_errors=True)
    with contextlib.suppress(OSError):
        for entry in spill.iterdir():
            if SPILLED.match(entry.name):
                shutil.rmtree(entry, ignore_errors=True)


def raise_limits() -> None:
    """Let Ray open as many files as the host allows: it holds a connection for every worker of every other node."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class Node:
    """The processes of one Ray node, from ``ray start`` down."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._settings = settings
        self._main = subprocess.Popen(  # noqa: S603
            start_command(settings, read_secrets(settings)), env=environment(settings, os.environ)
        )
        self._needed: dict[str, int] = {}

    @property
    def exited(self) -> int | None:
        return self._main.poll()

    def complete(self) -> bool:
        """Whether every process is there that makes it a Ray node."""
        wanted = self._settings["processes"]
        if len(self._needed) < len(wanted):
            found = {process.name: process.pid for process in descendants(self._main.pid, processes())}
            self._needed = {name: found[name] for name in wanted if name in found}
        return len(self._needed) == len(wanted) and all(map(_alive, self._needed.values(), self._needed))

    def healthy(self) -> bool:
        return all(map(answers, self._settings["probes"]))

    def terminate(self) -> None:
        # `ray start` drains the node first, for as long as its environment says.
        self._main.terminate()

    def reap(self) -> None:
        """Bury the orphans that came to this process; `ray start` itself is left to be asked for its exit status."""
        with contextlib.suppress(ChildProcessError):
            while True:
                dead = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
                if dead is None or dead.si_pid == self._main.pid:
                    break
                os.waitpid(dead.si_pid, os.WNOHANG)
        self._main.poll()

    def kill(self) -> None:
        """End whatever is left; orphans are ours, since this process is their subreaper."""
        deadline = time.monotonic() + TEARDOWN
        while time.monotonic() < deadline:
            left = descendants(os.getpid(), processes())
            for process in left:
                with contextlib.suppress(OSError):
                    os.kill(process.pid, signal.SIGKILL)
            self.reap()
            if not left:
                return
            time.sleep(0.1)


def _alive(pid: int, name: str) -> bool:
    found = look_up(Path("/proc", str(pid)))
    return found is not None and found.name == name


class Stop:
    """Whether somebody asked this program to end."""

    def __init__(self) -> None:
        self.asked = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)

    def _ask(self, *_unused: object) -> None:
        self.asked = True

    def rounds(self) -> Iterator[float]:
        """Give the time, every ``INTERVAL`` seconds, until somebody asks."""
        while not self.asked:
            yield time.monotonic()
            slept = time.monotonic() + INTERVAL
            while not self.asked and time.monotonic() < slept:
                time.sleep(0.1)


def run(path: Path) -> int:
    settings = load(path)
    state = State(Path(settings["state_file"]), digest(path))
    stop = Stop()
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    state.tell("starting")
    raise_limits()
    tidy(settings)
    if not _head_answers(settings, stop, state):
        state.tell("stopped", "asked to stop")
        return 0
    try:
        node = Node(settings)
    except OSError as error:
        state.tell("stopped", f"{settings['ray']} cannot be started: {error.strerror}")
        return 1
    try:
        why = _watch(node, settings, stop, state)
        if not why:
            _drain(node, settings, state)
    finally:
        node.kill()
    state.tell("stopped", why or "asked to stop")
    return 1 if why else 0


def _head_answers(settings: Mapping[str, Any], stop: Stop, state: State) -> bool:
    """Wait for the head: `ray start` would try for ten minutes and more, and not say what it is waiting for."""
    if settings["role"] == "head":
        return not stop.asked
    address, port = settings["head"]["address"], settings["head"]["port"]
    for _unused in stop.rounds():
        if listens(address, port):
            return True
        state.tell("waiting", f"for the head at {address}:{port}, which does not answer")
    return False


def _watch(node: Node, settings: Mapping[str, Any], stop: Stop, state: State) -> str:
    """Return why the node is lost, or nothing when somebody asked to stop."""
    judge = Judge(time.monotonic(), settings["start_timeout"], settings["unhealthy_timeout"])
    for now in stop.rounds():
        if node.exited is not None:
            return f"`ray start` has exited with {node.exited}"
        node.reap()
        verdict, why = judge.observe(now, processes=node.complete(), probes=node.healthy())
        if verdict == "lost":
            return why
        state.tell(verdict, why)
    return ""


def _drain(node: Node, settings: Mapping[str, Any], state: State) -> None:
    notify("STOPPING=1")
    node.terminate()
    deadline = time.monotonic() + settings["drain_timeout"] + TEARDOWN
    while node.exited is None and time.monotonic() < deadline:
        state.tell("draining", f"at most {settings['drain_timeout']} s")
        time.sleep(0.2)


def as_wanted(seen: Mapping[str, Any]) -> bool:
    return bool(seen["current"] and seen["healthy"])


def settled(seen: Mapping[str, Any]) -> bool:
    """Whether to look is enough: a node that is in doubt, or is just starting as it should, is worth to wait for."""
    return seen["state"] in ("healthy", "stopped") or (not seen["current"] and seen["state"] in ("starting", "waiting"))


def wait(
    look: Callable[[], dict[str, Any]], good: Callable[[Mapping[str, Any]], bool], seconds: float
) -> dict[str, Any]:
    deadline = time.monotonic() + seconds
    while True:
        seen = look()
        if good(seen) or time.monotonic() >= deadline:
            return seen
        time.sleep(0.5)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Run one Ray node, and say how it is.")
    parser.add_argument("act", choices=["run", "status", "healthcheck"])
    parser.add_argument("settings", type=Path)
    parser.add_argument("--wait", type=float, default=0, metavar="SECONDS", help="status: until it is as wanted")
    parser.add_argument("--settle", type=float, default=0, metavar="SECONDS", help="status: while it may change")
    options = parser.parse_args(arguments)
    try:
        if options.act == "run":
            return run(options.settings)
        if options.act == "healthcheck":
            return 0 if told(load(options.settings), now=time.time())["state"] == "healthy" else 1
        good, seconds = (as_wanted, options.wait) if options.wait else (settled, options.settle)
        seen = wait(lambda: status(options.settings, now=time.time()), good, seconds)
    except BadSettings as error:
        return _refuse(error)
    print(json.dumps(seen))  # noqa: T201
    return 0


def _refuse(error: BadSettings) -> int:
    print(f"ray_supervisor: {error}", file=sys.stderr)  # noqa: T201
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
