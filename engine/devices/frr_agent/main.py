# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be asked for, and the process that does it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import signal
import sys
from typing import TYPE_CHECKING, Any

from . import convergence, held, hold, memory, restoring
from .router import (
    ERROR,
    SESSION,
    Idle,
    Shaken,
    Trouble,
    call,
    clean,
    plain,
    require_same,
    running_config,
    said,
    settled,
    take_lock,
)
from .workspace import Workspace, base

if TYPE_CHECKING:
    from collections.abc import Callable

    from .convergence import Stack

    Action = Callable[[Workspace, dict[str, Any]], dict[str, Any]]

LIMIT = 600
DAEMONS = (
    (re.compile(r"(ip|ipv6) route "), "staticd"),
    (re.compile(r"router bgp\b"), "bgpd"),
    (re.compile(r"router ospf6\b"), "ospf6d"),
    (re.compile(r"router ospf\b"), "ospfd"),
    (re.compile(r"router isis\b"), "isisd"),
    (re.compile(r"router openfabric\b"), "fabricd"),
    (re.compile(r"router ripng\b"), "ripngd"),
    (re.compile(r"router rip\b"), "ripd"),
    (re.compile(r"router eigrp\b"), "eigrpd"),
    (re.compile(r"router babel\b"), "babeld"),
    (re.compile(r"mpls ldp\b"), "ldpd"),
    (re.compile(r"bfd$"), "bfdd"),
    (re.compile(r"pbr-map\b"), "pbrd"),
)


def propose(work: Workspace, job: dict[str, Any]) -> dict[str, Any]:
    """Say what would change, and what the device is known to refuse; touch nothing."""
    wanted = job["wanted"]
    _lives, waited = settled(job["wait"])
    running = running_config()
    if waited and memory.fingerprint(running) != job["read"]:
        raise Trouble(
            "a daemon of it was just started again, and what was read of it before was not all; read it again"
        )
    if memory.Memory(job["mode"], wanted).knows(running):
        return {"delete": [], "add": [], "absent": [], "known": True}
    dry = call("vtysh", "-C", "-f", work.file("wanted.conf", clean(wanted)))
    numbers = sorted({int(match.group(1)) for match in map(ERROR.match, dry.stderr.splitlines()) if match})
    if numbers:
        lines = wanted.splitlines()
        return {"unknown": [[number, lines[number - 1].strip()] for number in numbers if number <= len(lines)]}
    if dry.returncode:
        raise Trouble("vtysh could not check the configuration: " + said(dry))
    deletes, adds = convergence.delta(work, wanted) if job["mode"] == "replace" else ([], job["adds"])
    needed = [(stack[0], daemon) for stack in adds for pattern, daemon in DAEMONS if pattern.match(stack[0])]
    there = set(call("vtysh", "-c", "show daemons").stdout.split()) if needed else set()
    absent = [[line, daemon] for line, daemon in needed if daemon not in there]
    return {"delete": deletes, "add": adds, "absent": absent, "known": job["mode"] == "replace" and not deletes + adds}


def change(work: Workspace, job: dict[str, Any]) -> dict[str, Any]:
    """Make a change, to be held where that is asked; if the device refuses a part, put back what was.

    Where the job says what the change was planned on (``before``, a fingerprint), nothing is done to anything else.
    """
    if whose := held.pending():
        return {"refused": [], "held": whose}
    lives, _waited = settled(job["wait"])
    before = running_config()
    if job.get("before") and memory.fingerprint(before) != job["before"]:
        return {"refused": [], "moved": True}
    if not job.get("hold"):
        return make(work, job, before, lives)
    # The timer first: should this process be killed in the middle, there is somebody to put back what was.
    timer = hold.arm(job["hold"]["token"], before, job["hold"]["seconds"])
    try:
        answer = make(work, job, before, lives)
    except Shaken:
        # What is half made is the timer's to put back, unless somebody comes before it and makes the rest.
        raise
    except Trouble:
        timer.disarm()
        raise
    if answer["refused"]:
        timer.disarm()
    else:
        timer.count_from_now(job["hold"]["seconds"])
    return answer


def make(work: Workspace, job: dict[str, Any], before: str, lives: dict[str, tuple[int, int]]) -> dict[str, Any]:
    wanted = job["wanted"]
    try:
        refused = merge(work, wanted) if job["mode"] == "merge" else convergence.converge(work, wanted)
    except Trouble as exc:
        end = "was put back as it was" if restoring.put_back(work, before) else "could not be put back as it was"
        raise Trouble(f"{exc}; the configuration {end}") from None
    after = running_config()
    require_same(lives)
    if not refused:
        if plain(after) != plain(wanted):
            memory.Memory(job["mode"], wanted).learn(after)
        return {"refused": [], "running": after}
    answer = {"refused": [[" / ".join(stack), reason] for stack, reason in refused]}
    return {**answer, "put_back": restoring.put_back(work, before)}


def merge(work: Workspace, fragment: str) -> list[tuple[Stack, str]]:
    lines = fragment.splitlines()
    done = call("vtysh", "-f", work.file("fragment.conf", clean(fragment)))
    numbers = [int(match.group(1)) for match in map(ERROR.match, done.stderr.splitlines()) if match]
    reasons = [line.strip() for line in done.stdout.splitlines() if line.strip() and "XFRR_" not in line]
    if done.returncode and not numbers:
        raise Trouble("vtysh could not run the change: " + said(done))
    reason = " / ".join(dict.fromkeys(reasons)) or "unknown command"
    return [([lines[number - 1].strip()], reason) for number in numbers if number <= len(lines)]


def restore_unheld(work: Workspace, job: dict[str, Any]) -> dict[str, Any]:
    if whose := held.pending():
        raise Trouble(f"a change of run {whose} is held on this router; confirm or cancel that first")
    return restoring.restore(work, job)


READING = frozenset({"propose", "held"})
"""What shares the router's lock, and may end with the session."""
ACTIONS = {"propose": propose, "change": change, "restore": restore_unheld}


def does(action: str) -> Action:
    # Those of hold are taken out of it when they are asked for, and with that the module is compiled.
    found: Action = ACTIONS.get(action) or getattr(hold, action)
    return found


def work_on(job: dict[str, Any]) -> dict[str, Any]:
    action = job["action"]
    work = None
    try:
        lock = take_lock(fcntl.LOCK_SH if action in READING else fcntl.LOCK_EX, job["wait"])
        work = Workspace()
        answer = does(action)(work, job)
        os.close(lock)
    except Trouble as exc:
        return {"trouble": str(exc), "begun": work is not None and not isinstance(exc, Idle)}
    except OSError as exc:
        place = exc.filename or f"in {base()}, where its files are"
        return {"trouble": f"the router says: {exc.strerror} ({place})", "begun": work is not None}
    else:
        return answer
    finally:
        if work is not None:
            work.close()


def detached(job: dict[str, Any]) -> bytes:
    """Work in a process that outlives the session, and hand back its answer."""
    reader, writer = os.pipe()
    if os.fork():
        os.close(writer)
        with os.fdopen(reader, "rb") as stream:
            return stream.read()
    os.setsid()
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGPIPE, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    signal.alarm(LIMIT)
    null = os.open(os.devnull, os.O_RDWR)
    for stream_number in (0, 1, 2):
        os.dup2(null, stream_number)
    answer = json.dumps(work_on(job)).encode()
    with contextlib.suppress(OSError):
        os.write(writer, answer)
    os._exit(0)


def main(job: dict[str, Any]) -> None:
    """Do a job and print the answer: ``trouble``, and whether anything was ``begun``, or what the action returns."""
    os.dup2(1, SESSION, inheritable=False)
    answer = json.dumps(work_on(job)).encode() if job["action"] in READING else detached(job)
    # On a line of its own, whatever the login printed before it.
    sys.stdout.buffer.write(b"\n" + answer + b"\n")
