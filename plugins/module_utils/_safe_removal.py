# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# ruff: noqa: S108 - paths are named here so that they are refused
"""Removal of files and directories that cannot be led astray. Private to this collection.

A path is opened component by component without following links, compared with what was approved, and emptied
through the open directory: whoever swaps a directory for a link meanwhile gets an error, not a removal elsewhere.
"""

from __future__ import annotations

import os
import pwd
import re
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_SYSTEM = ("bin", "boot", "dev", "lib", "lib32", "lib64", "proc", "run", "sbin", "sys", "usr")
_WITHIN_SYSTEM = ("/dev/shm/", "/usr/local/")  # where programs leave files
# Directories that hold what many programs share: their children may go, they themselves never.
_SHARED = frozenset(
    [
        "/dev/shm",
        "/etc",
        "/home",
        "/media",
        "/mnt",
        "/opt",
        "/root",
        "/srv",
        "/tmp",
        "/var",
        "/var/backups",
        "/var/cache",
        "/var/lib",
        "/var/log",
        "/var/mail",
        "/var/opt",
        "/var/spool",
        "/var/tmp",
        "/usr/local",
        "/usr/local/bin",
        "/usr/local/etc",
        "/usr/local/lib",
        "/usr/local/lib/systemd",
        "/usr/local/lib/systemd/system",
        "/usr/local/sbin",
        "/usr/local/share",
        "/usr/local/src",
    ]
)
_OF_OTHERS = [
    "/etc/alternatives",
    "/etc/apt",
    "/etc/containerd",
    "/etc/cron.d",
    "/etc/default",
    "/etc/docker",
    "/etc/kubernetes",
    "/etc/netplan",
    "/etc/network",
    "/etc/pam.d",
    "/etc/security",
    "/etc/ssh",
    "/etc/ssl",
    "/etc/sudoers.d",
    "/etc/systemd",
    "/opt/cni",
    "/opt/containerd",
    "/opt/nvidia",
    "/var/lib/apt",
    "/var/lib/containerd",
    "/var/lib/docker",
    "/var/lib/dpkg",
    "/var/lib/kubelet",
    "/var/lib/mysql",
    "/var/lib/postgresql",
    "/var/lib/rpm",
    "/var/lib/systemd",
    "/var/log/journal",
]
_UNIT_FILE = re.compile(r"/etc/systemd/system/[^/]+\.service(?:\.d)?")
_LEAST_PARTS = 3  # "/", a directory, a name in it
_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class RefusalError(Exception):
    """Something is not removed; the message says what, and why."""


def shape_problem(path: str, homes: Iterable[str] = ()) -> str:
    """Say why a path must never be removed whole, whatever it holds; nothing if it may."""
    if not path.startswith("/") or path.startswith("//") or os.path.normpath(path) != path:
        return "it is not an absolute path in its plain form"
    parts = Path(path).parts
    if len(parts) < _LEAST_PARTS:
        return "it is too close to the root of the file system"
    if _UNIT_FILE.fullmatch(path):
        return ""
    rules = (
        (
            path in _SHARED or any(path == home or home.startswith(f"{path}/") for home in homes),
            "it holds what other programs and people need",
        ),
        (parts[1] in _SYSTEM and not path.startswith(_WITHIN_SYSTEM), "it belongs to the operating system"),
        (any(path == other or path.startswith(f"{other}/") for other in _OF_OTHERS), "it belongs to another program"),
        (parts[1] == "home" and len(parts) == _LEAST_PARTS, "it is somebody's home"),
    )
    return next((reason for applies, reason in rules if applies), "")


def home_directories() -> list[str]:
    return sorted({entry.pw_dir for entry in pwd.getpwall() if entry.pw_uid == 0 or entry.pw_dir.startswith("/home/")})


def problem(path: str) -> str:
    """Say why a path is not removed: its shape, a link in it, a mount at it or below it."""
    wrong = shape_problem(path, home_directories())
    if wrong:
        return wrong
    if os.path.realpath(path) != path:
        return f"it is, or leads through, a symbolic link to {os.path.realpath(path)}"
    mounted = [point for point in mount_points() if point == path or point.startswith(f"{path}/")]
    if mounted:
        return f"{mounted[0]} is mounted there"
    return ""


def mount_points(table: Path = Path("/proc/self/mountinfo")) -> list[str]:
    points = []
    for line in table.read_text().splitlines():
        field = line.split()[4]
        points.append(field.encode().decode("unicode_escape"))
    return points


def identity(path: Path) -> str:
    """Give what makes a file or directory this very one; what is inside a directory may change meanwhile."""
    status = path.lstat()
    return f"{status.st_dev}:{status.st_ino}:{status.st_uid}:{stat.S_IFMT(status.st_mode):o}"


def remove(path: Path, wanted: str) -> None:
    """Remove a file or a whole directory, if it still is what it was. Raises RefusalError if not."""
    wrong = problem(str(path))
    if wrong:
        raise RefusalError(f"{path} is not removed: {wrong}.")
    with _opened(path.parent) as parent:
        status = os.stat(path.name, dir_fd=parent, follow_symlinks=False)
        seen = f"{status.st_dev}:{status.st_ino}:{status.st_uid}:{stat.S_IFMT(status.st_mode):o}"
        if seen != wanted:
            raise RefusalError(f"{path} is not removed: it is not what it was when it was shown.")
        if stat.S_ISDIR(status.st_mode):
            _remove_directory(path.name, parent, (status.st_dev, status.st_ino))
        else:
            os.unlink(path.name, dir_fd=parent)


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    current = os.open("/", _OPEN)
    try:
        for part in folder.parts[1:]:
            following = os.open(part, _OPEN, dir_fd=current)
            os.close(current)
            current = following
        yield current
    finally:
        os.close(current)


def _remove_directory(name: str, parent: int, expected: tuple[int, int]) -> None:
    current = os.open(name, _OPEN, dir_fd=parent)
    try:
        status = os.fstat(current)
        if (status.st_dev, status.st_ino) != expected:
            raise RefusalError(f"{name} was exchanged while it was removed.")
        for child in os.listdir(current):  # noqa: PTH208 - of an open directory
            inside = os.stat(child, dir_fd=current, follow_symlinks=False)
            if not stat.S_ISDIR(inside.st_mode):
                os.unlink(child, dir_fd=current)
            elif inside.st_dev != status.st_dev:
                raise RefusalError(f"{child} in {name} is another file system.")
            else:
                _remove_directory(child, current, (inside.st_dev, inside.st_ino))
    finally:
        os.close(current)
    os.rmdir(name, dir_fd=parent)
