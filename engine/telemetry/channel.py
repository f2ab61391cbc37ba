# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The progress channel: JSON datagrams on a Unix socket that only its owner can reach.

The reader makes it and names it in the environment, so that forked workers find it. Progress is news, not a record:
what cannot be delivered at once is dropped, and neither end ever disturbs the run.
"""

import contextlib
import errno
import json
import os
import shutil
import socket
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

VARIABLE = "RAYWRIGHT_PROGRESS"

_PREFIX = "raywright-progress-"
_LARGEST = 60_000
# sockaddr_un holds 108 bytes on Linux, 104 on the BSDs.
_LONGEST_PATH = 100


_claims: set[int] = set()


def claim() -> bool:
    """Return whether this process has no reader yet, and make the caller it.

    Ansible may load the same callback twice, under its full name and from beside a playbook.
    """
    if os.getpid() in _claims:
        return False
    _claims.add(os.getpid())
    return True


def release() -> None:
    """Give the claim back."""
    _claims.discard(os.getpid())


class Receiver:
    """The reading end. Raises ``OSError`` where no socket can be made."""

    def __init__(self) -> None:
        self._owner = os.getpid()
        self._folder = _private_folder()
        self.path = str(self._folder / "events")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            self._socket.bind(self.path)
        except OSError:
            self.close()
            raise

    def receive(self, timeout: float) -> dict[str, Any] | None:
        """Wait for one event; an empty one is a call of ``wake``, ``None`` when none came that can be read."""
        self._socket.settimeout(timeout)
        try:
            event = json.loads(self._socket.recv(_LARGEST) or b"{}")
        except (OSError, ValueError):
            return None
        return event if isinstance(event, dict) else None

    def wake(self) -> None:
        """Make a waiting ``receive`` return; for another thread of this process."""
        with contextlib.suppress(OSError):
            self._socket.sendto(b"", socket.MSG_DONTWAIT, self.path)

    def close(self) -> None:
        """Close the socket and remove it. A forked child does not: the socket is still its parent's."""
        self._socket.close()
        if os.getpid() == self._owner:
            shutil.rmtree(self._folder, ignore_errors=True)


class Sender:
    """The writing end. Never raises, never waits."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def send(self, event: Mapping[str, Any]) -> bool:
        """Return whether there is a reader; an event that does not fit is dropped."""
        try:
            self._socket.sendto(json.dumps(event).encode(), self._path)
        except OSError as error:
            return isinstance(error, BlockingIOError) or error.errno in (errno.EMSGSIZE, errno.ENOBUFS)
        except (TypeError, ValueError):
            return True
        return True

    def close(self) -> None:
        self._socket.close()


def _private_folder() -> Path:
    """Make a folder of mode 0700, and remove those of processes that were killed."""
    for base in (tempfile.gettempdir(), "/tmp"):  # noqa: S108  where TMPDIR is too deep for a socket's name
        if len(base) + len(_PREFIX) + 40 > _LONGEST_PATH:
            continue
        _sweep(Path(base))
        return Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=base))
    raise OSError("No temporary folder has a path short enough for a Unix socket")


def _sweep(base: Path) -> None:
    for folder in base.glob(_PREFIX + "*"):
        with contextlib.suppress(OSError, ValueError):
            pid = int(folder.name.removeprefix(_PREFIX).split("-")[0])
            if folder.lstat().st_uid == os.getuid() and not _alive(pid):
                shutil.rmtree(folder, ignore_errors=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
