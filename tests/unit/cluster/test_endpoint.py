# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a cluster's API is and which token it is asked with."""

from pathlib import Path

import pytest

from engine.cluster.endpoint import Endpoint
from engine.errors import InvalidInput

VARIABLES = ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")


@pytest.fixture(autouse=True)
def nobody(monkeypatch, tmp_path):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.mark.parametrize("address", ["", "local", "head:8265", "ray://head:10001", "ftp://head"])
def test_an_address_that_is_none_is_refused_by_the_name_of_its_setting(address):
    with pytest.raises(InvalidInput, match=r"job_address is '.*'; give the address of a Ray cluster's dashboard"):
        Endpoint(address, setting="job_address")


def test_the_token_is_taken_from_the_option_then_from_where_rays_own_tools_take_it(monkeypatch, tmp_path):
    where = Endpoint("http://head:8265")
    assert where.token() == ""
    for folder, text in ((".ray", "of the home"), ("named", "of the path")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "auth_token").write_text(f"{text}\n")
    assert where.token() == "of the home"
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "named" / "auth_token"))
    assert where.token() == "of the path"
    monkeypatch.setenv("RAY_AUTH_TOKEN", "of the environment")
    assert where.token() == "of the environment"
    given = tmp_path / "given"
    given.write_text("of the option")
    assert Endpoint("http://head:8265", token_file=given).token() == "of the option"


def test_a_token_file_that_cannot_be_read_is_named_with_its_setting(monkeypatch, tmp_path):
    gone = tmp_path / "gone"
    option = Endpoint("http://head:8265", token_file=gone, token_option="token_file")
    with pytest.raises(InvalidInput, match=r"the token file .*/gone \(token_file\) cannot be read: No such file"):
        option.token()
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(gone))
    with pytest.raises(InvalidInput, match=r"\(RAY_AUTH_TOKEN_PATH\) cannot be read"):
        Endpoint("http://head:8265").token()


def test_the_hint_names_the_option_only_where_there_is_one():
    assert "as token_file" in Endpoint("http://h", token_option="token_file").token_hint
    assert Endpoint("http://h", token_file=Path("x")).token_hint.startswith("set RAY_AUTH_TOKEN_PATH")
