# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bringing back what was there: the running configuration line by line, the saved one byte for byte."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .convergence import converge
from .order import reorder
from .router import Trouble, call, plain, running_config

if TYPE_CHECKING:
    from .workspace import Workspace

CONFIG = Path("/etc/frr/frr.conf")
_BLOCKS = 8192
"""Bytes that files may take beyond their own: a disk counts whole blocks."""


def put_back(work: Workspace, text: str) -> bool:
    """Restore a running configuration and say whether it is the same line by line."""
    for _turn in range(2):
        if plain(running_config()) != plain(text):
            converge(work, text)
        if plain(running_config()) != plain(text):
            reorder(work, text)
    return plain(running_config()) == plain(text)


def restore(work: Workspace, job: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = {"put_back": put_back(work, job["wanted"])}
    startup = job.get("startup")
    if job.get("unsaved"):
        remove_saved()
    elif startup is not None and startup != saved():
        require_room(len(job["wanted"]) + len(startup))
        # FRR's own save keeps the file's owner, which this account mostly cannot give: most files then need no more.
        call("vtysh", "-c", "write memory")
        write_back(startup.encode("utf-8", "surrogateescape"))
    return answer


def saved() -> str | None:
    """Read the saved configuration; ``None`` where there is none that this account may read."""
    try:
        return CONFIG.read_bytes().decode("utf-8", "surrogateescape")
    except OSError:
        return None


def nothing_saved() -> bool:
    """Whether there is no saved configuration at all."""
    try:
        CONFIG.lstat()
    except FileNotFoundError:
        return True
    except OSError:
        pass
    return False


def remove_saved() -> None:
    try:
        CONFIG.unlink(missing_ok=True)
    except OSError as exc:
        raise Trouble(f"{CONFIG}, which was not there before, cannot be removed: {exc.strerror}") from None


def require_room(size: int) -> None:
    """Raise ``Trouble`` where the disk of the saved configuration has no room for so many bytes more.

    FRR's own save empties the file first, and leaves it cut off where the disk is full.
    """
    name = ""
    try:
        handle, name = tempfile.mkstemp(prefix=".frr.conf.", dir=CONFIG.parent)
        try:
            os.posix_fallocate(handle, 0, size + _BLOCKS)
        finally:
            os.close(handle)
    except OSError as exc:
        if exc.errno in (errno.ENOSPC, errno.EDQUOT):
            raise Trouble(
                f"{CONFIG.parent} has no room to save a configuration ({exc.strerror}); {CONFIG} was left as it is"
            ) from None
    finally:
        if name:
            os.unlink(name)  # noqa: PTH108 - mkstemp gives text


def write_back(data: bytes) -> None:
    """Put the saved configuration back with its owner and mode, whole or not at all."""
    with contextlib.suppress(OSError):
        if CONFIG.read_bytes() == data:
            return
    try:
        status = CONFIG.stat() if CONFIG.exists() else None
        handle, name = tempfile.mkstemp(prefix=".frr.conf.", dir=CONFIG.parent)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
        except OSError:
            os.unlink(name)  # noqa: PTH108 - mkstemp gives text
            raise
        if status is not None:
            os.chmod(name, status.st_mode & 0o7777)  # noqa: PTH101 - mkstemp gives text
            for uid in (-1, status.st_uid):
                # The group first: whoever may not give a file away may still leave it to FRR's group.
                with contextlib.suppress(OSError):
                    os.chown(name, uid, status.st_gid)
        os.replace(name, CONFIG)  # noqa: PTH105 - mkstemp gives text
    except OSError as exc:
        raise Trouble(
            f"{CONFIG} cannot be written: {exc.strerror}; see what it holds before FRR is restarted"
        ) from None
