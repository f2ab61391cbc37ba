# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ray on this machine, for the length of one run of the controller.

Ray takes seconds to start, and a rollout is several engine processes: so a *keeper* process starts it once, and every
engine of the same controller process connects to it. The keeper ends it when the controller is gone and no engine is
left. Everything listens on loopback, and token authentication is on: on a shared machine, an open Ray is a shell for
everybody.
"""

import contextlib
import fcntl
import json
import os
import secrets
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import FleetError
from ..processes import Process

_START_SECONDS = 120.0
_POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Home:
    """The folder in which a keeper and its engines meet."""

    folder: Path

    @classmethod
    def of(cls, controller: Process) -> "Home":
        """The folder of one controller process: private, and gone with the keeper."""
        runtime = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
        return cls(runtime / f"raywright-{os.getuid()}-{controller.label}")

    def make(self) -> None:
        """Make the folder. Raises ``FleetError`` when somebody else made it first."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        found = self.folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
            raise FleetError(f"{self.folder} is not a folder of ours alone; remove it")

    @property
    def address(self) -> Path:
        return self.folder / "ray.json"

    @property
    def token(self) -> Path:
        return self.folder / "ray.token"

    @property
    def lock(self) -> Path:
        return self.folder / "ray.lock"

    @property
    def users(self) -> Path:
        return self.folder / "ray.users"

    def environment(self) -> dict[str, str]:
        """What Ray's processes need to find each other and to let nobody else in."""
        return {
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(self.token),
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
            # Ray's own default is 15, with which a worker gets next to no CPU on a busy machine: in the middle of
            # changes, whose sessions then time out.
            "RAY_worker_niceness": "0",
        }


@contextlib.contextmanager
def _locked(path: Path, mode: int) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, mode)
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def address(home: Home, controller: Process) -> Iterator[str]:
    """Give the address of a Ray that lives as long as ``controller``, starting one if there is none."""
    home.make()
    with _locked(home.users, fcntl.LOCK_SH):
        with _locked(home.lock, fcntl.LOCK_EX):
            found = _running(home) or _start(home, controller)
        yield found


def _running(home: Home) -> str | None:
    try:
        known = json.loads(home.address.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return str(known["address"]) if Process(**known["keeper"]).alive else None


def _spawn(home: Home, controller: Process) -> Process:
    home.address.unlink(missing_ok=True)
    if not home.token.exists():
        descriptor = os.open(home.token, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32))
    with (home.folder / "keeper.log").open("a") as log:
        keeper = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", f"{__package__}.keeper", str(home.folder), str(controller.pid), controller.started],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env={**os.environ, **home.environment()},
        )
    spawned = Process.of(keeper.pid)
    (home.folder / "keeper.json").write_text(json.dumps({"pid": spawned.pid, "started": spawned.started}))
    return spawned


def _start(home: Home, controller: Process) -> str:
    keeper = _starting(home) or _spawn(home, controller)
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if found := _running(home):
            return found
        if not keeper.alive:
            break
        time.sleep(_POLL_SECONDS)
    log = home.folder / "keeper.log"
    said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    raise FleetError(f"Ray did not start on this machine: {said[-1] if said else 'it said nothing'}; {log} has more")


def _starting(home: Home) -> Process | None:
    try:
        keeper = Process(**json.loads((home.folder / "keeper.json").read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return None
    return keeper if keeper.alive else None
