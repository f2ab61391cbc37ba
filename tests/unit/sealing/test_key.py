# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
import copy
import pickle
import stat
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidInput, SealError
from engine.sealing.key import FleetKey

KEY = FleetKey(bytes(range(32)))
OTHER = FleetKey(bytes(range(1, 33)))
ANY_TEXT = st.text(st.characters(exclude_categories=())) | st.text()


def load(path, **env):
    return FleetKey.load(env=env, default_path=path)


@given(ANY_TEXT)
def test_what_was_sealed_opens_to_the_same_text(text):
    assert KEY.unseal(KEY.seal(text, purpose="before"), purpose="before") == text


@given(st.text(), st.integers(0), st.integers(1, 255))
def test_a_blob_with_one_changed_byte_does_not_open(text, place, difference):
    blob = bytearray(KEY.seal(text, purpose="before"))
    blob[place % len(blob)] ^= difference
    with pytest.raises(SealError):
        KEY.unseal(bytes(blob), purpose="before")


@pytest.mark.parametrize("keep", [0, 1, 12, 13, 28, -1])
def test_a_blob_that_was_cut_short_does_not_open(keep):
    with pytest.raises(SealError):
        KEY.unseal(KEY.seal("hostname leaf1", purpose="before")[:keep], purpose="before")


@pytest.mark.parametrize(("key", "purpose"), [(OTHER, "before"), (KEY, "wanted")])
def test_another_key_or_purpose_opens_nothing(key, purpose):
    with pytest.raises(SealError, match="RAYWRIGHT_FLEET_KEY"):
        key.unseal(KEY.seal("hostname leaf1", purpose="before"), purpose=purpose)


def test_the_same_text_is_never_sealed_to_the_same_bytes():
    assert KEY.seal("x", purpose="before") != KEY.seal("x", purpose="before")


def test_a_sealed_configuration_is_smaller_than_the_configuration():
    config = "\n".join(f"ip route 10.0.{i}.0/24 192.0.2.1" for i in range(150))
    assert len(KEY.seal(config, purpose="before")) < len(config) / 4


@given(st.text(), st.text())
def test_fingerprints_are_equal_exactly_for_equal_texts(one, other):
    assert (KEY.fingerprint(one) == KEY.fingerprint(other)) == (one == other)
    assert KEY.fingerprint(one) != OTHER.fingerprint(one)


def test_every_purpose_has_its_own_key():
    assert len({KEY.derive("chain"), KEY.derive("seal"), KEY.derive("fingerprint"), bytes(range(32))}) == 4


@pytest.mark.parametrize("travel", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_key_does_not_travel_inside_other_data(travel):
    with pytest.raises(TypeError, match="load it where it is needed"):
        travel(KEY)


def test_a_key_does_not_show_itself():
    assert repr(KEY) == f"{KEY}" == "FleetKey(<not shown>)"
    assert not hasattr(KEY, "__dict__")


def test_the_key_is_made_on_first_use_for_its_owner_only_and_then_kept(tmp_path):
    path = tmp_path / "private" / "fleet.key"
    blob = load(path).seal("x", purpose="before")
    assert load(path).unseal(blob, purpose="before") == "x"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [file.name for file in path.parent.iterdir()] == ["fleet.key"]


def test_runs_that_start_at_once_agree_on_one_key(tmp_path):
    path, together, found = tmp_path / "fleet.key", threading.Barrier(8), []

    def start():
        together.wait()
        found.append(load(path).fingerprint("x"))

    threads = [threading.Thread(target=start) for _thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_the_environment_comes_before_the_file(tmp_path):
    named = tmp_path / "named.key"
    named.write_text("_" * 43)
    named.chmod(0o600)
    by_file = load(tmp_path / "unused", RAYWRIGHT_FLEET_KEY_FILE=str(named))
    by_value = load(tmp_path / "unused", RAYWRIGHT_FLEET_KEY="/" * 43 + "=", RAYWRIGHT_FLEET_KEY_FILE="/nowhere")
    assert by_file.fingerprint("x") == by_value.fingerprint("x")
    assert not (tmp_path / "unused").exists()


@pytest.mark.parametrize("text", ["hunter2", "A" * 44, "not base64 at all!", "AAAA" * 8])
def test_a_malformed_key_is_refused_without_being_shown(tmp_path, text):
    with pytest.raises(InvalidInput, match="RAYWRIGHT_FLEET_KEY is not base64 of 32 bytes") as refused:
        load(tmp_path / "unused", RAYWRIGHT_FLEET_KEY=text)
    assert text not in str(refused.value)


def test_a_key_file_that_others_can_read_is_refused(tmp_path):
    path = tmp_path / "fleet.key"
    load(path)
    path.chmod(0o640)
    with pytest.raises(InvalidInput, match="chmod 600"):
        load(path)


def test_a_key_file_that_the_environment_names_is_never_made(tmp_path):
    with pytest.raises(InvalidInput, match="RAYWRIGHT_FLEET_KEY_FILE"):
        load(tmp_path / "unused", RAYWRIGHT_FLEET_KEY_FILE=str(tmp_path / "typo.key"))
    assert not list(tmp_path.iterdir())
