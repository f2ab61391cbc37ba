# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A directory of configurations, one file a device, replaced together or not at all.

Configurations hold secrets: files are readable by their owner only, and so is a directory made here.
"""

import os
import shutil
import socket
import stat
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from ..errors import InvalidInput
from ..processes import Process, is_labelled_alive

SUFFIX = ".cfg"
_STAGING = ".rendering-"
_OWNED = "of-"
_ABANDONED_AFTER = 24 * 3600


def canonical(text: str) -> str:
    r"""One newline convention (``\n``) and a last line that ends, so that equal means equal on every platform."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text if text.endswith("\n") or not text else text + "\n"


def file_name(device: str) -> str:
    """Name of a device's file. Raises ``InvalidInput`` for a name that would lead out of the directory."""
    if "/" in device or "\0" in device or device.startswith("."):
        raise InvalidInput(
            f"The inventory name {device!r} cannot be the name of a configuration file; "
            "rename the host and put its address into ansible_host."
        )
    return device + SUFFIX


def owned(base: Path, owner: Process) -> Path:
    """Name the directory in ``base`` for what one process renders for itself, and remove those of dead processes.

    A killed process cannot tidy up behind itself, and what it left holds secrets. Its directory bears its name, so
    that there is no moment at which the directory is there and its owner is not known.
    """
    for left in base.glob(_OWNED + "*"):
        if _has_lost_its_owner(left):
            shutil.rmtree(left, ignore_errors=True)
    return base / f"{_OWNED}{socket.gethostname()}-{owner.label}"


def _has_lost_its_owner(directory: Path) -> bool:
    host, *label = directory.name.removeprefix(_OWNED).rsplit("-", 2)
    if host == socket.gethostname():
        return not is_labelled_alive("-".join(label))
    # Of a process on another machine that shares the directory, only its age tells.
    return _is_old(directory)


class Staging:
    """Configurations on their way into ``directory``; nothing is to be seen there until ``commit``.

    Several processes may write different devices. Use as a context manager: what was not committed is removed at
    the end.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        _prepare(directory)
        self._staged = Path(tempfile.mkdtemp(prefix=_STAGING, dir=directory))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self._staged, ignore_errors=True)

    def write(self, device: str, text: str) -> None:
        """Stage one configuration in its canonical form."""
        path = self._staged / file_name(device)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(canonical(text))

    def commit(self, devices: Iterable[str]) -> int:
        """Move the staged configurations of ``devices`` into place and return how many of them are new or differ."""
        changed = 0
        for device in devices:
            name = file_name(device)
            staged, final = self._staged / name, self.directory / name
            if not _same(staged, final):
                changed += 1
            # Also where the text is the same: the file that was there may be readable by others.
            staged.replace(final)
        return changed


def _prepare(directory: Path) -> None:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode = directory.stat().st_mode
        if not os.access(directory, os.W_OK | os.X_OK):
            raise PermissionError("no permission to write into it")
    except OSError as error:
        raise InvalidInput(
            f"The directory for rendered configurations {directory} cannot be used: {error.strerror or error}; "
            "choose another one (option dest)."
        ) from error
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise InvalidInput(
            f"The directory for rendered configurations {directory} can be written by others, who could change what "
            "devices get; choose one of your own, or take that right away (chmod go-w)."
        )
    for left in directory.glob(_STAGING + "*"):
        # Several may write here, and none of them says who it is: what a killed one left is told by its age.
        if _is_old(left):
            shutil.rmtree(left, ignore_errors=True)


def _is_old(directory: Path) -> bool:
    try:
        return time.time() - directory.stat().st_mtime > _ABANDONED_AFTER
    except FileNotFoundError:  # somebody else was faster
        return False


def _same(one: Path, other: Path) -> bool:
    try:
        return one.stat().st_size == other.stat().st_size and one.read_bytes() == other.read_bytes()
    except OSError:
        return False
