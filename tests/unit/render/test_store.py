# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
import os
import socket
import stat
import subprocess
import sys

import pytest

from engine.errors import InvalidInput
from engine.processes import Process
from engine.render.store import Staging, canonical, owned


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(
    ("text", "wanted"), [("a\r\nb\r", "a\nb\n"), ("a", "a\n"), ("a\n\n", "a\n\n"), ("", ""), ("é\n", "é\n")]
)
def test_canonical_text_has_one_kind_of_newline_and_ends_its_last_line(text, wanted):
    assert canonical(text) == wanted


def test_nothing_is_seen_before_commit_and_only_the_owner_reads_it_after(tmp_path):
    place = tmp_path / "made" / "configs"
    with Staging(place) as staging:
        staging.write("leaf-1", "hostname leaf-1\n")
        assert list(place.glob("*.cfg")) == []
        assert staging.commit(["leaf-1"]) == 1
    assert [path.name for path in place.iterdir()] == ["leaf-1.cfg"]
    assert (mode(place), mode(place / "leaf-1.cfg")) == (0o700, 0o600)


def test_what_was_not_committed_is_removed_and_what_was_there_stays(tmp_path):
    place = tmp_path / "configs"
    with Staging(place) as staging:
        staging.write("a", "old")
        staging.commit(["a"])
    with Staging(place) as staging:
        staging.write("a", "new")
    assert [(path.name, path.read_text()) for path in place.iterdir()] == [("a.cfg", "old\n")]


def test_the_same_text_again_is_no_change_but_loses_others_right_to_read(tmp_path):
    for expected in (1, 0):
        with Staging(tmp_path / "c") as staging:
            staging.write("a", "same")
            assert staging.commit(["a"]) == expected
        (tmp_path / "c" / "a.cfg").chmod(0o644 if expected else 0o600)
    assert mode(tmp_path / "c" / "a.cfg") == 0o600


def test_a_directory_that_others_can_write_is_refused(tmp_path):
    place = tmp_path / "shared"
    place.mkdir()
    place.chmod(0o770)
    with pytest.raises(InvalidInput, match="can be written by others"):
        Staging(place)


def test_a_file_in_place_of_the_directory_is_one_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInput, match="cannot be used: File exists; choose another"):
        Staging(tmp_path / "file")


@pytest.mark.parametrize("name", ["../up", "a/b", ".", "..", ".hidden"])
def test_a_name_that_leads_out_of_the_directory_is_refused(tmp_path, name):
    with Staging(tmp_path) as staging, pytest.raises(InvalidInput, match="rename the host"):
        staging.write(name, "x")


def test_what_a_killed_run_left_is_removed_after_a_day(tmp_path):
    left = tmp_path / ".rendering-old"
    left.mkdir()
    os.utime(left, (0, 0))
    with Staging(tmp_path) as running, Staging(tmp_path):
        assert not left.exists()
        running.write("a", "still usable")


def test_what_a_dead_process_left_goes_at_once_and_what_one_that_lives_has_stays(tmp_path):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        theirs = owned(tmp_path, Process.of(other.pid))
        theirs.mkdir()
        mine = owned(tmp_path, Process.of(os.getpid()))
        mine.mkdir()
        assert theirs.is_dir()
        other.communicate(b"\n")
    namesake = mine.with_name(f"{mine.name}0")  # the same number, started at another time
    namesake.mkdir()
    assert owned(tmp_path, Process.of(os.getpid())) == mine
    assert list(tmp_path.iterdir()) == [mine]


def test_what_a_process_on_another_machine_has_is_left_for_a_day_and_what_nobody_owns_for_ever(tmp_path):
    fresh = tmp_path / f"of-{socket.gethostname()}-1-4711-99"
    old = tmp_path / "of-elsewhere-4711-99"
    others = tmp_path / "configs"
    for each in (fresh, old, others):
        each.mkdir()
    for each in (old, others):
        os.utime(each, (0, 0))
    owned(tmp_path, Process.of(os.getpid()))
    assert sorted(tmp_path.iterdir()) == [others, fresh]
