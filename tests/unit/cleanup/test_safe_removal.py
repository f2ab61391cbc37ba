# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removal that cannot be led astray."""

import pytest

from plugins.module_utils import _safe_removal as removal


@pytest.mark.parametrize(
    "path",
    [
        "/", "/home", "/home/ann", "/root", "/usr", "/usr/lib/python3", "/etc", "/etc/ssh", "/etc/ssh/keys", "/var",
        "/var/lib", "/var/lib/docker", "/var/lib/docker/volumes/x", "/tmp", "/opt", "/srv", "/proc/1", "/dev/sda",
        "/boot/x", "relative/path", "/tmp/../etc/x", "/tmp/ray/", "//tmp/ray",
        "/etc/systemd/system/multi-user.target.wants",
        "/data/people",
    ],
)  # fmt: skip
def test_a_path_that_others_need_is_refused_whatever_it_holds(path):
    assert removal.shape_problem(path, ["/root", "/home/ann", "/data/people/bob"])


@pytest.mark.parametrize(
    "path", ["/tmp/ray", "/var/lib/ray", "/opt/ray", "/etc/ray", "/home/ann/ray", "/usr/local/ray", "/dev/shm/ray"]
)
def test_a_path_of_its_own_is_not_refused(path):
    assert removal.shape_problem(path, ["/root", "/home/ann"]) == ""


@pytest.fixture
def folder(tmp_path):
    target = tmp_path / "target"
    (target / "deep" / "deeper").mkdir(parents=True)
    (target / "deep" / "file").write_text("x")
    return target


@pytest.fixture(autouse=True)
def _any_shape(monkeypatch, tmp_path):
    monkeypatch.setattr(removal, "home_directories", list)


def test_a_directory_goes_with_all_that_is_in_it(folder):
    removal.remove(folder, removal.identity(folder))
    assert not folder.exists()


def test_a_link_inside_goes_and_what_it_points_to_stays(folder, tmp_path):
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").write_text("x")
    (folder / "link").symlink_to(kept)
    removal.remove(folder, removal.identity(folder))
    assert (kept / "file").exists()


def test_a_path_through_a_link_is_refused(folder, tmp_path):
    (tmp_path / "way").symlink_to(folder)
    path = tmp_path / "way" / "deep"
    with pytest.raises(removal.RefusalError, match="symbolic link"):
        removal.remove(path, removal.identity(path))
    assert path.exists()


def test_a_directory_that_was_exchanged_for_another_is_refused(folder):
    wanted = removal.identity(folder)
    folder.rename(folder.with_name("moved"))
    folder.mkdir()
    with pytest.raises(removal.RefusalError, match="not what it was"):
        removal.remove(folder, wanted)
    assert folder.exists()


def test_a_directory_that_was_exchanged_for_a_link_is_refused(folder, tmp_path):
    wanted = removal.identity(folder)
    moved = folder.rename(folder.with_name("moved"))
    folder.symlink_to(moved)
    with pytest.raises(removal.RefusalError):
        removal.remove(folder, wanted)
    assert (moved / "deep" / "file").exists()


def test_a_directory_with_a_mount_in_it_is_refused(folder, monkeypatch):
    monkeypatch.setattr(removal, "mount_points", lambda: ["/", str(folder / "deep")])
    assert "is mounted there" in removal.problem(str(folder))


def test_a_file_goes_alone(folder):
    path = folder / "deep" / "file"
    removal.remove(path, removal.identity(path))
    assert [each.name for each in (folder / "deep").iterdir()] == ["deeper"]


def test_mount_points_with_spaces_are_read(tmp_path):
    table = tmp_path / "mountinfo"
    table.write_text("36 35 98:0 / /mnt/a\\040b rw - ext4 /dev/sda rw\n")
    assert removal.mount_points(table) == ["/mnt/a b"]
