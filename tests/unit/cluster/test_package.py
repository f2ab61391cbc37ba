# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A working directory as a package: named after its content, and nothing else."""

import os
import zipfile

import pytest

from engine.cluster import package
from engine.cluster.package import Package
from engine.errors import InvalidInput


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "job"
    (folder / "lib").mkdir(parents=True)
    (folder / "main.py").write_text("print(1)\n")
    (folder / "lib" / "more.py").write_text("x = 1\n")
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "run.sh").chmod(0o755)
    return folder


def archived(found):
    with found.write() as file, zipfile.ZipFile(file) as archive:
        return {entry.filename: (entry.external_attr >> 16, archive.read(entry)) for entry in archive.infolist()}


def test_the_archive_holds_the_files_and_whether_they_run(folder):
    assert archived(Package.of(folder)) == {
        "lib/more.py": (0o644, b"x = 1\n"),
        "main.py": (0o644, b"print(1)\n"),
        "run.sh": (0o755, b"#!/bin/sh\n"),
    }


def test_the_same_files_give_the_same_bytes_whenever_they_were_written(folder):
    first = Package.of(folder)
    with first.write() as file:
        file.seek(0)
        before = file.read()
    os.utime(folder / "main.py", (1, 1))
    second = Package.of(folder)
    with second.write() as file:
        file.seek(0)
        assert file.read() == before
    assert second.name == first.name


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "main.py").write_text("print(2)\n"),
        lambda folder: (folder / "main.py").rename(folder / "other.py"),
        lambda folder: (folder / "main.py").chmod(0o755),
        lambda folder: (folder / "new").touch(),
    ],
)
def test_any_change_gives_another_name(folder, change):
    before = Package.of(folder).name
    change(folder)
    assert Package.of(folder).name != before


def test_what_is_excluded_stays_behind_by_name_or_by_path(folder):
    for name in ("__pycache__", "lib/data"):
        (folder / name).mkdir()
        (folder / name / "file").touch()
    assert Package.of(folder, ["__pycache__", "lib/data/", "*.sh"]).files == ("lib/more.py", "main.py")


def test_what_cannot_travel_is_refused_by_name(folder, tmp_path, monkeypatch):
    with pytest.raises(InvalidInput, match="gone is no directory"):
        Package.of(tmp_path / "gone")
    with pytest.raises(InvalidInput, match="holds no file, or only excluded ones"):
        Package.of(folder, ["*"])
    (folder / "broken").symlink_to("nowhere")
    with pytest.raises(InvalidInput, match="broken in the working directory is no file that can be read"):
        Package.of(folder)
    (folder / "broken").unlink()
    (folder / "elsewhere").symlink_to(tmp_path)
    with pytest.raises(InvalidInput, match="elsewhere in the working directory is a link to a directory"):
        Package.of(folder)
    assert Package.of(folder, ["elsewhere"]).files
    monkeypatch.setattr(package, "LARGEST", 10)
    with pytest.raises(InvalidInput, match=r"the largest file is run\.sh"):
        Package.of(folder, ["elsewhere"])
