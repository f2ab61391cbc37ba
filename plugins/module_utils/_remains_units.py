# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Units of systemd and lines of crontabs that start Ray. Private to this collection."""

from __future__ import annotations

import hashlib
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ._ray_marks import MARK, is_ray_command
from ._remains import Item, RemovalError, Run
from ._safe_removal import RefusalError, identity, remove

if TYPE_CHECKING:
    from collections.abc import Iterator

UNIT_FOLDERS = ("/etc/systemd/system", "/usr/local/lib/systemd/system")
_CRONTABS = ("/etc/crontab", "/etc/cron.d", "/var/spool/cron/crontabs", "/var/spool/cron")
_EXEC = re.compile(r"^Exec(?:Start|StartPre|StartPost)=(.*)$", re.MULTILINE)


def exec_lines(text: str) -> list[str]:
    """Give the commands that a unit starts, continued lines joined."""
    return _EXEC.findall(re.sub(r"\\\n\s*", " ", text))


class Units:
    """Finds and removes units that an administrator wrote; those of packages are left to the package manager."""

    def __init__(self, run: Run, folders: tuple[str, ...] = UNIT_FOLDERS) -> None:
        self._run = run
        self._folders = folders

    def find(self) -> list[Item]:
        return [_unit_item(path, command) for path, text in self._files() for command in _ray_commands(text)[:1]]

    def ours(self) -> set[str]:
        """Give the units that this collection deployed."""
        deployed = {path.name for path, text in self._files(links=True) if MARK in text}
        for folder in self._folders:
            for path in Path(folder).glob("*.service.d/*.conf"):
                with suppress(OSError):
                    if MARK in path.read_text(errors="replace"):
                        deployed.add(path.parent.name[: -len(".d")])
        return deployed

    def remove(self, item: Item) -> None:
        path: Path = item.handle
        if _digest(path) != item.identity[1]:
            raise RemovalError(f"{path} is not removed: it is not what it was when it was shown.")
        instances = path.name.replace("@.", "@*.")
        for argv in (["stop", instances], ["disable", path.name]):
            status, out, err = self._run(["systemctl", *argv])
            if status != 0:
                raise RemovalError(f"systemctl {' '.join(argv)} failed: {(err or out).strip()[-300:]}")
        try:
            for each in (path, _drop_ins(path)):
                if each.exists():
                    remove(each, identity(each))
        except RefusalError as error:
            raise RemovalError(str(error)) from error
        self._run(["systemctl", "daemon-reload"])
        self._run(["systemctl", "reset-failed", instances])

    def _files(self, *, links: bool = False) -> Iterator[tuple[Path, str]]:
        for folder in self._folders:
            for path in sorted(Path(folder).glob("*.service")):
                if path.is_file() and (links or not path.is_symlink()):
                    with suppress(OSError):
                        drop_ins = "".join(each.read_text(errors="replace") for each in _conf_files(path))
                        yield path, path.read_text(errors="replace") + "\n" + drop_ins


class CronLines:
    """Finds and removes single lines of crontabs."""

    def __init__(self, places: tuple[str, ...] = _CRONTABS) -> None:
        self._places = places

    def find(self) -> list[Item]:
        return [_cron_item(path, line) for path in self._tables() for line in _ray_lines(path)]

    def remove(self, item: Item) -> None:
        path: Path = item.handle
        status = path.stat()
        kept = [line for line in path.read_text().splitlines(keepends=True) if line.strip() != item.identity[1]]
        # Beside it, hidden from cron by the dot, and put in its place in one step; cron sees the directory change.
        draft = path.with_name(f".{path.name}.raywright")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
            stream.writelines(kept)
        os.chown(draft, status.st_uid, status.st_gid)
        draft.chmod(status.st_mode & 0o7777)
        draft.replace(path)

    def _tables(self) -> Iterator[Path]:
        for place in map(Path, self._places):
            for path in [place] if place.is_file() else sorted(place.glob("*")):
                if path.is_file() and not path.is_symlink():
                    yield path


def _ray_lines(path: Path) -> list[str]:
    lines = (line.strip() for line in path.read_text(errors="replace").splitlines())
    return list(dict.fromkeys(line for line in lines if not line.startswith("#") and is_ray_command(line)))


def _cron_item(path: Path, line: str) -> Item:
    return Item(
        kind="cron",
        name=f'"{line}" of {path}',
        identity=(str(path), line),
        why="it starts Ray",
        removes=(f"{path}: {line}",),
        handle=path,
    )


def _ray_commands(text: str) -> list[str]:
    return [] if MARK in text else [line for line in exec_lines(text) if is_ray_command(line)]


def _unit_item(path: Path, command: str) -> Item:
    removes = [str(path)]
    if _drop_ins(path).exists():
        removes.append(str(_drop_ins(path)))
    return Item(
        kind="unit",
        name=path.name,
        identity=(str(path), _digest(path)),
        why=f"it starts {command.strip()[:100]}",
        removes=tuple(removes),
        keeps="it is stopped and disabled first",
        handle=path,
    )


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    for each in (path, *_conf_files(path)):
        digest.update(each.name.encode() + b"\0" + each.read_bytes())
    return digest.hexdigest()


def _drop_ins(path: Path) -> Path:
    return path.with_name(f"{path.name}.d")


def _conf_files(path: Path) -> list[Path]:
    return sorted(_drop_ins(path).glob("*.conf"))
