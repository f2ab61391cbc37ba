# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Packages and data that Ray left in the file system. Private to this collection."""

from __future__ import annotations

import csv
import json
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ._ray_marks import is_ray_command
from ._remains import Item, RemovalError
from ._safe_removal import (
    RefusalError,
    home_directories,
    identity,
    problem,
    remove,
    shape_problem,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

# The second is there from the moment on that the firewall is, which is before Ray is installed.
_OWN_MARKS = (Path("/etc/ray/raywright.json"), Path("/etc/raywright/firewall.nft"))
OWN_PATHS = ("/etc/ray", "/opt/ray", "/var/lib/ray", "/var/log/ray")
_DATA = ("/tmp/ray", "/var/tmp/ray", *OWN_PATHS)  # noqa: S108 - Ray's own default
_SITES = "lib/python3*/site-packages"
_SYSTEM_SITES = (
    f"usr/local/{_SITES}",
    "usr/local/lib/python3*/dist-packages",
    "usr/lib/python3/dist-packages",
    f"opt/*/{_SITES}",
    f"opt/*/*/{_SITES}",
    f"opt/*/envs/*/{_SITES}",
    f"srv/*/{_SITES}",
    f"srv/*/*/{_SITES}",
    f"usr/local/*/{_SITES}",
    f"usr/local/*/envs/*/{_SITES}",
)
_HOME_SITES = (
    f".local/{_SITES}",
    f"*/{_SITES}",
    f"*/envs/*/{_SITES}",
    f".virtualenvs/*/{_SITES}",
    f".conda/envs/*/{_SITES}",
)
_TRACES = re.compile(
    r"session_(latest|\d{4}-\d{2}-\d{2}_.+)|ray_current_cluster|raylet(\..*)?\.(out|err)|gcs_server(\..*)?\.(out|err)"
    r"|prom_metrics_service_discovery\.json|ray_spilled_objects.*"
)
_TEXTS = (".yml", ".yaml", ".env", ".conf", ".sh", ".service", "")
_DEPTH = 2
_MOST_ENTRIES = 2000
_LARGEST_TEXT = 65536
_CONDA_NAME = re.compile(r"ray-(core|default|tune|train|serve|data|rllib|client|all|cpp|dashboard|air|llm)")


class Packages:
    """Finds and removes the installed distribution ``ray``; the environment around it stays."""

    def __init__(self, *, homes: bool, own: Sequence[str], root: Path = Path("/")) -> None:
        self._homes = homes
        self._own = own
        self._root = root

    def find(self) -> list[Item]:
        return [
            _package(site, record)
            for site in self._sites()
            if (site / "ray").is_dir() and not _within(str(site), self._own)
            for record in sorted(site.glob("ray-*.dist-info"))
        ]

    def remove(self, item: Item) -> None:
        _remove_all(item)

    def _sites(self) -> list[Path]:
        sites = {path for pattern in _SYSTEM_SITES for path in self._root.glob(pattern)}
        if self._homes:
            for home in home_directories():
                sites.update(path for pattern in _HOME_SITES for path in Path(home).glob(pattern))
        return sorted({Path(os.path.realpath(site)) for site in sites})


class Data:
    """Finds and removes directories that Ray wrote."""

    def __init__(self, *, own: Sequence[str], extra: Sequence[str] = ()) -> None:
        self._own = own
        self._extra = extra

    def find(self) -> list[Item]:
        found = []
        for name in _DATA:
            path = Path(name)
            if path.is_dir() and not path.is_symlink() and not _within(name, self._own) and not problem(name):
                why = traces(path)
                if why:
                    found.append(_data(path, why))
        for name in self._extra:
            if os.path.lexists(name):
                wrong = "it is this collection's" if _within(name, self._own) else problem(name)
                if wrong:
                    raise RefusalError(f"extra_paths holds {name}, which is never removed: {wrong}.")
                found.append(_data(Path(name), "extra_paths names it"))
        return found

    def remove(self, item: Item) -> None:
        _remove_all(item)


def own_paths() -> tuple[str, ...]:
    """Give what this collection's own deployment uses on this host."""
    return OWN_PATHS if any(mark.exists() for mark in _OWN_MARKS) else ()


def refuse_shapes(paths: Iterable[str]) -> None:
    """Refuse paths that must never be removed, whether they exist or not."""
    homes = home_directories()
    for path in paths:
        wrong = shape_problem(path, homes)
        if wrong:
            raise RefusalError(f"extra_paths holds {path}, which is never removed: {wrong}.")


def traces(folder: Path) -> str:
    """Say what in a directory shows that Ray, or a deployment of Ray, wrote it; nothing if nothing does."""
    for path in _walk(folder):
        if _TRACES.fullmatch(path.name):
            return "it holds what Ray writes, such as sessions and logs"
        if path.suffix in _TEXTS and _starts_ray(path):
            return f"{path.relative_to(folder)} in it starts Ray"
    return ""


def _walk(folder: Path) -> Iterator[Path]:
    seen = 0
    level = [folder]
    for unused in range(_DEPTH):  # noqa: B007
        following: list[Path] = []
        for each in level:
            with suppress(OSError):
                for entry in sorted(each.iterdir()):
                    seen += 1
                    if seen > _MOST_ENTRIES:
                        return
                    yield entry
                    if entry.is_dir() and not entry.is_symlink():
                        following.append(entry)
        level = following


def _starts_ray(path: Path) -> bool:
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > _LARGEST_TEXT:
            return False
        return is_ray_command(path.read_text(errors="replace"))
    except OSError:
        return False


def _package(site: Path, record: Path) -> Item:
    prefix = site.parents[2]
    removes = [site / "ray", record, *_scripts(site, record, prefix), *_conda_records(prefix)]
    version = record.name[len("ray-") : -len(".dist-info")]
    return Item(
        kind="package",
        name=f"ray {version} from {prefix}",
        identity=tuple(f"{path}={identity(path)}" for path in removes),
        why="it is an installed Ray",
        removes=tuple(map(str, removes)),
        keeps="the environment and its other packages stay",
        handle=[(path, identity(path)) for path in removes],
    )


def _scripts(site: Path, record: Path, prefix: Path) -> list[Path]:
    """Give the programs that the package installed, from its own record; nothing outside its environment counts."""
    found = []
    with suppress(OSError), (record / "RECORD").open(newline="") as stream:
        for row in csv.reader(stream):
            path = Path(os.path.normpath(site / row[0])) if row else site
            if path.parent == prefix / "bin" and path.is_file() and not path.is_symlink():
                found.append(path)
    return sorted(found)


def _conda_records(prefix: Path) -> list[Path]:
    found = []
    for path in sorted((prefix / "conda-meta").glob("ray-*.json")):
        with suppress(OSError, ValueError):
            if _CONDA_NAME.fullmatch(str(json.loads(path.read_text()).get("name"))):
                found.append(path)
    return found


def _data(path: Path, why: str) -> Item:
    return Item(
        kind="data",
        name=str(path),
        identity=(str(path), identity(path)),
        why=why,
        removes=(str(path),),
        state="with all that is in it" if path.is_dir() else "a file",
        handle=[(path, identity(path))],
    )


def _remove_all(item: Item) -> None:
    try:
        for path, wanted in item.handle:
            remove(path, wanted)
    except (RefusalError, OSError) as error:
        raise RemovalError(str(error)) from error


def _within(path: str, folders: Sequence[str]) -> bool:
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)
