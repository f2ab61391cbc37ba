# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""FRR over SSH: vtysh for reading, ``frr_agent`` on the router for changing.

Nothing of a configuration is ever part of a command line, here or on the router: it travels on standard input.
"""

import asyncio
import base64
import contextlib
import functools
import json
import math
import re
import secrets as tokens
import shlex
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import asyncssh

from ..errors import CommandFailed, LoginRefused, Moved, NotHeld, NothingSent, Rejected, SessionLost
from . import frr_agent, frr_tree, ssh
from .base import Change, Device, Held, Hold, Mode, Proof, Snapshot
from .frr_agent.memory import fingerprint
from .frr_secrets import SECRETS

_LOCK = "/var/run/frr"
_READING = frozenset({"propose", "held"})
_LOCKED = 75
_NO_FRR = 74
_CUT = 73
_NO_ROOM = 72
_CLOSE_SECONDS = 5

# Reading waits for a change that another session of ours began and lost: half a change must not be taken for the
# configuration. The lock is on a directory that every FRR has; nothing is written there.
_UNDER_LOCK = (
    f"exec 9<{_LOCK} || exit {_NO_FRR}; flock {{mode}} -w {{seconds}} 9 || exit {_LOCKED}; exec </dev/null; {{work}}"
)
# FRR saves each daemon's part in a file of its own where it is told so, or where it is not told and has no frr.conf.
_SAVED = (
    "printf %s {token}; if ! cd /etc/frr; then printf 2; "
    "elif grep -qsx 'no service integrated-vtysh-config' vtysh.conf; then printf 3; "
    "elif [ -r frr.conf ]; then printf 1; cat frr.conf; elif [ -e frr.conf ]; then printf 2; "
    "elif grep -qsx 'service integrated-vtysh-config' vtysh.conf; then printf 0; else printf 3; fi"
)
_NOTHING_SAVED, _IS_SAVED = "0", "1"
_NOT_RESTORABLE = {
    "2": "what is saved in /etc/frr/frr.conf cannot be read, and so could not be restored; the login must be in the "
    "group frr, or set ansible_become",
    "3": "it saves a file for each daemon, which could not be restored: say 'service integrated-vtysh-config' in "
    "/etc/frr/vtysh.conf, then save its configuration to /etc/frr/frr.conf",
}
_SNAPSHOT = f"vtysh -c 'show running-config' || exit $?; {_SAVED}"
# FRR's own save empties the file first, and leaves it cut off where the disk is full: there it must not begin. Where
# this login may not write another file than that one, nothing can be said of the room.
_SAVE = (
    "room=/etc/frr/.raywright-room.$$; said=$( (LC_ALL=C head -c {size} /dev/zero >$room) 2>&1 ); rm -f $room; "
    f'case "$said" in *"No space"*|*quota*) exit {_NO_ROOM};; esac; '
    f"vtysh -c 'write memory' || exit $?; {_SAVED}"
)
_LEAST_ROOM = 16384
# What sudo did not read of the password it did not need is skipped; the program and its input come after the mark.
# Its modules are compiled when something of them is first used: most exchanges need half of them, and a router's
# processor is mostly a small one.
_MARK = "raywright-fleet"
_BOOTSTRAP = f"""\
import sys
i=sys.stdin.buffer
while 1:
 l=i.readline()
 if l==b"{_MARK}\\n":break
 if not l:sys.exit({_CUT})
n,m=map(int,i.readline().split())
b=i.read(n+m)
if len(b)<n+m:sys.exit({_CUT})
import base64,json,zlib
from importlib.machinery import ModuleSpec
from importlib.util import LazyLoader
T=dict(json.loads(zlib.decompress(base64.b64decode(b[:n]))))
class Sent:
 def find_spec(self,name,*_):
  if name.partition(".")[0]=="agent":return ModuleSpec(name,LazyLoader(self),is_package=name=="agent")
 def create_module(self,spec):pass
 def exec_module(self,m):exec(compile(T.get(m.__name__[6:],""),m.__name__,"exec"),m.__dict__)
sys.meta_path.insert(0,Sent())
from agent import main
main.main(json.loads(b[n:]))
"""

_ROLLBACK = Proof(
    "unprovable",
    "FRR has no candidate to try it in: frr-reload works the way back out on the router when it is gone, and it is "
    "read back then",
)


@functools.cache
def _program() -> str:
    """The agent, packed: it goes to every router, and text of its size costs a third of a millisecond each time."""
    folder = Path(frr_agent.__file__).parent
    modules = [(name, (folder / f"{name}.py").read_text(encoding="utf-8")) for name in frr_agent.SENT]
    return base64.b64encode(zlib.compress(json.dumps(modules).encode(), 9)).decode()


@dataclass(slots=True)
class FrrSession:
    """One SSH connection to one router."""

    device: Device
    connection: asyncssh.SSHClientConnection
    _shown: str | None = None
    """The running configuration, where it was read last and is what will be saved."""

    async def snapshot(self) -> Snapshot:
        self._shown, kind, saved = await self._saved("-s", _SNAPSHOT, "read the configuration")
        if kind in _NOT_RESTORABLE:
            raise Rejected(f"{self._where}: {_NOT_RESTORABLE[kind]}")
        nothing = kind == _NOTHING_SAVED
        return Snapshot(running=self._shown, startup=None if nothing else saved, unsaved=nothing)

    async def running(self) -> str:
        done = await self._sh(self._locked("-s", "vtysh -c 'show running-config'"))
        self._shown = self._succeeded(done, "read the configuration").stdout
        return self._shown

    async def _saved(self, lock: str, script: str, act: str, **values: int) -> tuple[str, str, str]:
        """Run a script that ends with ``_SAVED``; what came before that, its answer, and the saved configuration."""
        token = tokens.token_hex(16)
        done = await self._sh(self._locked(lock, script.format(token=token, **values)))
        before, _token, answer = self._succeeded(done, act).stdout.partition(token)
        return before, answer[:1], answer[1:]

    async def propose(self, running: str, wanted: str, mode: Mode) -> Change:
        if not frr_tree.normalise(wanted):
            raise Rejected(f"{self._where}: the wanted configuration is empty; check the template for this device")
        if mode == "replace" and frr_tree.normalise(running) == frr_tree.normalise(wanted):
            return Change(mode, wanted, ())
        missing = frr_tree.missing(running, wanted) if mode == "merge" else None
        if missing == ([], []):
            return Change(mode, wanted, ())
        deletes, adds = missing or ([], [])
        job = {"action": "propose", "mode": mode, "wanted": wanted, "adds": adds, "read": fingerprint(running)}
        answer = await self._ask(job)
        self._refuse(answer)
        if answer["known"]:
            return Change(mode, wanted, ())
        if mode == "replace":
            deletes, adds = answer["delete"], answer["add"]
        return Change(mode, wanted, frr_tree.diff(running, deletes, adds), _ROLLBACK)

    async def apply(self, change: Change, hold: Hold | None = None) -> str | None:
        return None if change.empty else await self._change({}, change, hold)

    async def apply_to(self, before: str, change: Change, hold: Hold | None = None) -> str | None:
        return await self._change({"before": fingerprint(before)}, change, hold)

    async def _change(self, given: dict[str, str], change: Change, hold: Hold | None) -> str:
        """Have the agent make a change where what is ``given`` holds."""
        trial = {"hold": {"token": hold.token, "seconds": hold.seconds}} if hold else {}
        self._shown = None
        answer = await self._ask({"action": "change", "mode": change.mode, "wanted": change.wanted, **given, **trial})
        if "held" in answer:
            raise Rejected(
                f"{self._where}: a change of run {answer['held']} is held on it and not confirmed yet; wait for it, or "
                "roll that run back; nothing was sent"
            )
        if "moved" in answer:
            raise Moved(f"{self._where}: its configuration is not the one the change was planned on; nothing was sent")
        if answer["refused"]:
            after = (
                "the configuration was put back as it was"
                if answer["put_back"]
                else "the configuration could not be put back as it was; compare it with the snapshot"
            )
            raise Rejected(f"{self._where}: the device refused {_listed(answer['refused'])}; {after}")
        self._shown = str(answer["running"])
        return self._shown

    async def held(self) -> Held | None:
        answer = await self._ask({"action": "held"})
        if "unable" in answer:
            raise Rejected(f"{self._where}: the router cannot hold a change until it is confirmed: {answer['unable']}")
        return Held(answer["token"], answer["remaining"]) if answer else None

    async def confirm(self, token: str) -> None:
        self._still(await self._ask({"action": "confirm", "token": token}))

    async def cancel(self, token: str) -> None:
        answer = await self._ask({"action": "cancel", "token": token})
        self._still(answer)
        if not answer["put_back"]:
            raise CommandFailed(
                f"{self._where}: the change was taken back, but the configuration does not read the same as before; "
                "the router tries again when the time is over"
            )

    def _still(self, answer: dict[str, Any]) -> None:
        if "gone" in answer:
            raise NotHeld(f"{self._where}: {answer['gone']}")

    async def save(self) -> None:
        size = _LEAST_ROOM + len(self._shown or "")
        said, kind, saved = await self._saved("-x", _SAVE, "save the configuration", size=size)
        if "[OK]" not in said and "saved to" not in said:
            raise CommandFailed(
                f"{self._where}: could not save the configuration: {_flat(said)}; the login needs write access "
                "to /etc/frr, or set ansible_become",
            )
        if kind == _IS_SAVED and self._shown is not None and fingerprint(saved) != fingerprint(self._shown):
            # vtysh leaves out, without a word, what a daemon has that has just died.
            raise CommandFailed(
                f"{self._where}: what was saved is not what was read before it: a daemon died, somebody else "
                "changed the router, or its disk is full; see what /etc/frr/frr.conf holds before FRR is restarted"
            )

    async def restore(self, snapshot: Snapshot) -> None:
        self._shown = None
        answer = await self._ask(
            {
                "action": "restore",
                "mode": "replace",
                "wanted": snapshot.running,
                "startup": snapshot.startup,
                "unsaved": snapshot.unsaved,
            },
        )
        if not answer["put_back"]:
            raise CommandFailed(
                f"{self._where}: the configuration was restored, but it does not read the same as before; compare it "
                "with the snapshot and correct what is left by hand",
            )

    async def command(self, line: str, *, shell: bool = False) -> str:
        done = await self._sh(line if shell else f"vtysh -c {shlex.quote(line)}", errors="replace")
        return self._succeeded(done, "run the command").stdout

    async def close(self) -> None:
        self.connection.close()
        with contextlib.suppress(TimeoutError, OSError, asyncssh.Error):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self.connection.wait_closed()
            return
        self.connection.abort()

    @property
    def _where(self) -> str:
        return ssh.where(self.device)

    def _locked(self, mode: str, work: str) -> str:
        return _UNDER_LOCK.format(mode=mode, seconds=self._lock_wait, work=work)

    @property
    def _lock_wait(self) -> int:
        return max(1, int(self.device.timeout * 0.8))

    def _refuse(self, answer: dict[str, Any]) -> None:
        if answer.get("unknown"):
            found = "; ".join(f"line {number} '{text}'" for number, text in answer["unknown"][:5])
            more = len(answer["unknown"]) - 5
            tail = f" and {more} more" if more > 0 else ""
            raise Rejected(f"{self._where}: FRR does not know {found}{tail}; correct the template, nothing was sent")
        if answer["absent"]:
            line, daemon = answer["absent"][0]
            raise Rejected(
                f"{self._where}: '{line}' needs {daemon}, which does not run on the device; enable it in "
                "/etc/frr/daemons or leave the line out, nothing was sent",
            )

    async def _ask(self, job: dict[str, Any]) -> dict[str, Any]:
        program, text = _program(), json.dumps({**job, "wait": self._lock_wait})
        stdin = f"{_MARK}\n{len(program)} {len(text)}\n{program}{text}"
        try:
            done = await self._run(f"python3 -I -c {shlex.quote(_BOOTSTRAP)}", stdin)
        except CommandFailed as exc:
            if job["action"] in _READING:
                raise
            # It may still come to its end on the router: what became of it is for the next session to read.
            raise SessionLost(f"{self._where}: the change had not ended when its time was over: {exc}") from exc
        answer = self._decode(done, changing=job["action"] not in _READING)
        if "trouble" in answer:
            kind = CommandFailed if answer["begun"] else NothingSent
            raise kind(f"{self._where}: {answer['trouble']}")
        return answer

    def _decode(self, done: ssh.Completed, *, changing: bool) -> dict[str, Any]:
        self._check_sudo(done)
        # Its last line: a login may print something of its own before.
        if done.status == 0 and (said := done.stdout.strip().rpartition("\n")[2]).startswith("{"):
            answer: dict[str, Any] = json.loads(said)
            return answer
        if changing and done.status in (0, _CUT, 128 + 9, 128 + 15):
            raise SessionLost(f"{self._where}: the session ended in the middle of the change")
        raise CommandFailed(
            f"{self._where}: the change could not be computed (exit status {done.status}): {_first_lines(done)}; the "
            "device needs python3 3.9 or later and the package frr-pythontools",
        )

    async def _sh(self, script: str, *, errors: str = "strict") -> ssh.Completed:
        # Whatever the login prints of its own comes before the mark, and is no part of a configuration.
        mark = f"{_MARK} {tokens.token_hex(8)}\n"
        done = await self._run(f"sh -c {shlex.quote(f'echo {mark.strip()}; {script}')}", errors=errors)
        return replace(done, stdout=done.stdout.partition(mark)[2] if mark in done.stdout else done.stdout)

    async def _run(self, command: str, stdin: str = "", *, errors: str = "strict") -> ssh.Completed:
        device = self.device
        if device.become:
            user = shlex.quote(device.become_user)
            if device.become_password is None:
                command = f"sudo -n -u {user} -- {command}"
            else:
                # sudo reads its line from standard input and leaves the rest to the command.
                command = f"sudo -S -p '' -u {user} -- {command}"
                stdin = f"{device.become_password}\n{stdin}"
        try:
            return await ssh.run(self.connection, command, stdin=stdin, timeout=device.timeout, errors=errors)
        except (CommandFailed, SessionLost) as exc:
            raise type(exc)(f"{self._where}: {exc}") from exc

    def _check_sudo(self, done: ssh.Completed) -> None:
        if self.device.become and done.status == 1 and re.search(r"^sudo: |^Sorry, ", done.stderr, re.MULTILINE):
            raise LoginRefused(
                f"{self._where}: sudo to {self.device.become_user} was refused: {_first_lines(done)}; check "
                "ansible_become_password and what sudo allows this user",
            )

    def _succeeded(self, done: ssh.Completed, act: str) -> ssh.Completed:
        self._check_sudo(done)
        if done.status == 0:
            return done
        if done.status == _LOCKED:
            raise CommandFailed(
                f"{self._where}: could not {act}: another session is changing this router and did not end within "
                f"{self._lock_wait} s; try again later",
            )
        if done.status == _NO_ROOM:
            raise CommandFailed(
                f"{self._where}: could not {act}: /etc/frr has no room; what is saved there was left as it is"
            )
        if done.status == _NO_FRR:
            raise CommandFailed(f"{self._where}: could not {act}: {_LOCK} is not there; is FRR installed and running?")
        advice = "; the login must be in the group frrvty, or set ansible_become" if "connect" in done.stderr else ""
        raise CommandFailed(f"{self._where}: could not {act}: {_first_lines(done)}{advice}")


class FrrDriver:
    """FRR 8 and later with integrated configuration; replace and merge."""

    network_os: tuple[str, ...] = ("frr", "frr.frr.frr")
    secrets: Sequence[re.Pattern[str]] = SECRETS
    saves_what_it_shows = True
    longest_hold = math.inf

    async def connect(self, device: Device) -> FrrSession:
        return FrrSession(device, await ssh.connect(device))

    def normalise(self, config: str) -> str:
        return frr_tree.normalise(config)


DRIVER = FrrDriver()


def _listed(refused: list[list[str]]) -> str:
    shown = "; ".join(f"'{line}' ({reason})" for line, reason in refused[:3])
    return shown if len(refused) <= 3 else f"{shown} and {len(refused) - 3} more"  # noqa: PLR2004 - as many as the line above shows


def _flat(text: str) -> str:
    """The first lines of a text as one."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    # Of a traceback the last line is the one that says something.
    return " / ".join(lines[-1:] if "Traceback (most recent call last):" in lines else lines[:3])


def _first_lines(done: ssh.Completed) -> str:
    return _flat(done.stderr + "\n" + done.stdout) or f"no reason given, exit status {done.status}"
