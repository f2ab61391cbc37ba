# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A job's working directory as the package that a cluster keeps: the same files give the same package and name."""

import hashlib
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import IO

from ..errors import InvalidInput

LARGEST = 500 * 1024 * 1024
"""Bytes of a package that Ray's control store takes."""
_CHUNK = 1 << 20
# The first day that a ZIP archive can name.
_NO_DAY = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Package:
    """The files of one folder, in order."""

    folder: Path
    files: tuple[str, ...]
    digest: str

    @classmethod
    def of(cls, folder: Path, excludes: Sequence[str] = ()) -> "Package":
        """Read a folder. ``excludes`` are patterns of names, or of paths below the folder.

        Raises ``InvalidInput`` where it cannot be a package.
        """
        if not folder.is_dir():
            raise InvalidInput(f"the working directory {folder} is no directory on this machine")
        files = tuple(sorted(_files(folder, excludes)))
        if not files:
            raise InvalidInput(f"the working directory {folder} holds no file, or only excluded ones")
        sizes = {name: (folder / name).stat().st_size for name in files}
        if sum(sizes.values()) > LARGEST:
            largest = max(sizes, key=lambda name: sizes[name])
            raise InvalidInput(
                f"the working directory {folder} has {sum(sizes.values()) >> 20} MiB, a cluster takes "
                f"{LARGEST >> 20}; the largest file is {largest} ({sizes[largest] >> 20} MiB): exclude what the job "
                "does not need, or leave data where the nodes can read it"
            )
        return cls(folder, files, _digest(folder, files))

    @property
    def name(self) -> str:
        return f"_ray_pkg_{self.digest[:32]}.zip"

    def write(self) -> IO[bytes]:
        """Give the archive, as a file that has no name and goes when it is closed."""
        archive = tempfile.TemporaryFile(prefix="raywright-package-")  # noqa: SIM115 - the caller closes it
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
            for name in self.files:
                entry = zipfile.ZipInfo(name, _NO_DAY)
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = (0o755 if _runs(self.folder / name) else 0o644) << 16
                with (self.folder / name).open("rb") as source, zipped.open(entry, "w", force_zip64=True) as target:
                    shutil.copyfileobj(source, target, _CHUNK)
        archive.flush()
        return archive


def _files(folder: Path, excludes: Sequence[str]) -> Iterator[str]:
    for where, folders, names in os.walk(folder):
        here = Path(where)
        kept = sorted(name for name in folders if not _excluded(here / name, folder, excludes))
        for name in kept:
            if (here / name).is_symlink():
                raise InvalidInput(
                    f"{here / name} in the working directory is a link to a directory: exclude it, or put a copy there"
                )
        folders[:] = kept
        for name in names:
            path = here / name
            if _excluded(path, folder, excludes):
                continue
            if not path.is_file():
                raise InvalidInput(f"{path} in the working directory is no file that can be read: exclude it")
            yield path.relative_to(folder).as_posix()


def _excluded(path: Path, folder: Path, excludes: Sequence[str]) -> bool:
    below = path.relative_to(folder).as_posix()
    return any(fnmatch(path.name, pattern) or fnmatch(below, pattern.strip("/")) for pattern in excludes)


def _digest(folder: Path, files: Sequence[str]) -> str:
    """Of names, modes and contents, not of the archive: each version of a library compresses in its own way."""
    total = hashlib.sha256()
    for name in files:
        with (folder / name).open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        total.update(f"{name}\0{_runs(folder / name):d}\0{content}\n".encode())
    return total.hexdigest()


def _runs(path: Path) -> bool:
    return os.access(path, os.X_OK)
