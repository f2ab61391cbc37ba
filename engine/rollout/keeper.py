# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m engine.rollout.keeper FOLDER PID STARTED``: see ``local_ray``."""

import fcntl
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType

import ray

from ..processes import Process
from .local_ray import Home

_POLL_SECONDS = 0.5
_OBJECT_STORE_BYTES = 128 * 1024 * 1024
"""Ray's own default is 30% of memory; what travels here is a few batches of sealed text."""
_LONGEST_FOLDER = 107 - len("/session_2026-11-21_03-03-32_675162_4194304/sockets/plasma_store")
"""A socket's path holds 107 bytes at the most, and Ray's sockets lie that deep below its folder."""


def main(folder: str, pid: str, started: str) -> None:
    """Run Ray until the controller is gone and no engine uses it."""
    home = Home(Path(folder))
    controller = Process(int(pid), started)
    signal.signal(signal.SIGTERM, _leave)
    _sweep(home)
    files = _folder(home)
    try:
        _serve(home, controller, files)
    finally:
        shutil.rmtree(files, ignore_errors=True)


def _serve(home: Home, controller: Process, files: Path) -> None:
    _start(files)
    me = Process.of(os.getpid())
    known = {
        "address": ray.get_runtime_context().gcs_address,
        "keeper": {"pid": me.pid, "started": me.started},
    }
    draft = home.address.with_suffix(".new")
    draft.write_text(json.dumps(known), encoding="utf-8")
    draft.replace(home.address)
    try:
        while controller.alive or _used(home):
            time.sleep(_POLL_SECONDS)
    finally:
        ray.shutdown()
        shutil.rmtree(home.folder, ignore_errors=True)


def _start(files: Path) -> None:
    """Start Ray. It gives itself half a minute, which cannot be changed and is short on a busy machine: so twice."""
    for last in (False, True):
        try:
            ray.init(
                _temp_dir=str(files),
                include_dashboard=False,
                object_store_memory=_OBJECT_STORE_BYTES,
                log_to_driver=False,
                logging_level="error",
                _node_ip_address="127.0.0.1",
            )
        except Exception:  # the type that Ray raises there
            if last:
                raise
            ray.shutdown()
        else:
            return


def _sweep(home: Home) -> None:
    """Remove the folders of keepers that were killed: nobody else does."""
    for folder in home.folder.parent.glob(f"raywright-{os.getuid()}-*"):
        pid = folder.name.split("-")[2]
        if folder != home.folder and pid.isdigit() and not _lives(folder, int(pid)):
            shutil.rmtree(folder, ignore_errors=True)


def _lives(folder: Path, pid: int) -> bool:
    """Whether the controller that a folder was made for, or its keeper, is alive."""
    if folder.name.endswith(Process.of(pid).label):
        return True
    try:
        return Process(**json.loads((folder / "keeper.json").read_text(encoding="utf-8"))).alive
    except (OSError, ValueError, TypeError):
        return False


def _folder(home: Home) -> Path:
    """A folder for Ray's files: ours alone and gone with us, unlike Ray's own below the machine's for all."""
    folder = home.folder / "ray"
    if len(os.fsencode(folder)) <= _LONGEST_FOLDER:
        return folder
    return Path(tempfile.mkdtemp(prefix="raywright-ray-", dir="/tmp"))


def _leave(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def _used(home: Home) -> bool:
    """Whether an engine still holds the users' lock, finishing what is in flight."""
    descriptor = os.open(home.users, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(descriptor)


if __name__ == "__main__":
    main(*sys.argv[1:])
