# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What travels to a cluster: whole, in order, and for one key alone."""

import io
import secrets
import zipfile

import pytest

from engine.errors import FleetError, InvalidInput
from engine.rollout import parcel
from engine.rollout.doubt import Doubt
from engine.rollout.journal import Journal, replay
from engine.sealing.key import FleetKey

KEY = FleetKey(secrets.token_bytes(32))
LINES = [f'{{"password": "hunter2hunter2", "number": {number}}}' for number in range(500)]


def job_file(tmp_path, name="job.sealed"):
    package = io.BytesIO()
    parcel.pack(KEY, LINES, package)
    path = tmp_path / name
    with zipfile.ZipFile(package) as archive:
        path.write_bytes(archive.read(parcel.JOB_FILE))
    return path


def test_what_is_packed_is_unpacked_in_order(tmp_path):
    assert list(parcel.unpack(KEY, job_file(tmp_path))) == LINES


def test_nothing_in_a_package_can_be_read(tmp_path):
    assert b"hunter2" not in job_file(tmp_path).read_bytes()


def test_another_key_opens_nothing_and_the_error_says_what_to_copy(tmp_path):
    with pytest.raises(FleetError, match="another fleet key than the controller: copy the controller's key file"):
        list(parcel.unpack(FleetKey(secrets.token_bytes(32)), job_file(tmp_path)))


def test_a_piece_of_another_job_is_refused(tmp_path):
    one, other = job_file(tmp_path, "one").read_bytes(), job_file(tmp_path, "other").read_bytes()
    mixed = tmp_path / "mixed"
    mixed.write_bytes(one[: parcel._LABEL_BYTES] + other[parcel._LABEL_BYTES :])
    with pytest.raises(FleetError):
        list(parcel.unpack(KEY, mixed))


def test_the_engine_travels_without_compiled_files():
    package = io.BytesIO()
    parcel.pack(KEY, LINES, package)
    names = zipfile.ZipFile(package).namelist()
    assert "engine/rollout/__main__.py" in names
    assert not [name for name in names if "__pycache__" in name]


def test_a_node_without_a_key_makes_none(tmp_path, monkeypatch):
    for name in ("RAYWRIGHT_FLEET_KEY", "RAYWRIGHT_FLEET_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(InvalidInput, match="no fleet key on this Ray node"):
        parcel.node_key()
    assert list(tmp_path.iterdir()) == []


def test_events_are_told_apart_from_what_else_is_on_a_log():
    log = io.BytesIO()
    events = parcel.Separated(log, encoding="utf-8", write_through=True)
    Journal(None, events).emit("phase", {"total": 1})
    log.write(b"a warning without an end")
    Journal(None, events).emit("phase", {"total": 2})
    first, second, _end = log.getvalue().decode().split("\n")
    assert first == parcel.SEPARATOR + '{"seq":1,"event":"phase","total":1}'
    assert second.partition(parcel.SEPARATOR)[2] == '{"seq":1,"event":"phase","total":2}'


def test_a_job_that_nobody_follows_to_its_end_may_have_touched_every_device(tmp_path):
    path = tmp_path / "journal"
    with Journal(path, io.StringIO()) as journal:
        doubt = Doubt(str(path), journal, ["r1", "r2"])
        journal.emit("dispatched", {"names": ["r1"]})
    assert dispatched(path) == [["r1", "r2"], ["r1"]]
    doubt.lift()
    assert dispatched(path) == [["r1"]]


def dispatched(path):
    return [event["names"] for event in replay(path, patience=0) if event["event"] == "dispatched"]
