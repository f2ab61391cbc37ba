# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is held on this router: the folder that says so. Read at every change, and mostly there is none."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

from .router import Trouble
from .workspace import base, remove

STATE = "state.json"
_BOOT = Path("/proc/sys/kernel/random/boot_id")


def where() -> Path:
    """The folder of this router's timer for this account."""
    return Path(f"{_place()}{os.geteuid()}")


def _place() -> str:
    """How the folders of all accounts begin. A network namespace makes a router, also where several share memory.

    Its name does not: that may be changed while a change is on trial.
    """
    return f"{base()}/raywright-hold-{Path('/proc/self/ns/net').stat().st_ino}-"


def state() -> dict[str, Any] | None:
    """What is, or was last, held on this router since it started, for this account. Raises ``Trouble`` where another
    one holds a change on it.
    """
    own = where()
    for folder in Path(base()).glob(f"{Path(_place()).name}*"):
        if folder != own and _may_hold(folder):
            raise Trouble(
                f"a change is held on this router by another account (user number {folder.lstat().st_uid}, {folder}); "
                "wait for it to end, or log in as that account",
            )
    try:
        status = own.lstat()
    except FileNotFoundError:
        return None
    if status.st_uid != os.geteuid() or not stat.S_ISDIR(status.st_mode) or status.st_mode & 0o022:
        raise Trouble(f"{own} is not this account's own, and in the way of holding a change; have it removed")
    found = read(own / STATE)
    if found is None or found["boot"] != boot():
        # A container's memory, or a disk where there is no memory to use, outlives the restart that ended the hold.
        remove(own)
        return None
    return found


def _may_hold(folder: Path) -> bool:
    """Whether another account's folder is more than a note of what is over, as far as this account can tell."""
    try:
        found = read(folder / STATE)
        return found is not None and "token" in found and found["boot"] == boot()
    except (OSError, ValueError, LookupError):
        return True


def read(path: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    return found


def boot() -> str:
    """What is another one after each start of this router, a container's included."""
    try:
        first = Path("/proc/1/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        first = ""
    return f"{_BOOT.read_text().strip()} {first}"


def pending() -> str:
    """The token of the change that is held now, or nothing."""
    return str((state() or {}).get("token", ""))
