# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger's promises on SQLite, and what is SQLite's alone."""

import stat
from multiprocessing import get_context

import pytest

from engine.errors import LedgerError
from engine.ledger import open_ledger
from tests.unit.ledger.claims import KEY, LedgerClaims, planned
from tests.unit.ledger.holding import HoldingClaims


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/project/.raywright/ledger.db"


class TestHolding(HoldingClaims):
    pass


class TestSQLite(LedgerClaims):
    def test_only_its_owner_reads_the_file(self, ledger, tmp_path):
        planned(ledger)
        directory = tmp_path / "project" / ".raywright"
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
        assert {stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()} == {0o600}

    def test_a_forked_worker_uses_the_ledger_of_its_parent(self, ledger):
        run_id = planned(ledger)
        worker = get_context("fork").Process(target=ledger.move_run, args=(run_id, "running"))
        worker.start()
        worker.join()
        assert (worker.exitcode, ledger.run(run_id).state) == (0, "running")


def test_reading_makes_no_file(tmp_path):
    with pytest.raises(LedgerError, match="There is no ledger at"):
        open_ledger(f"sqlite:///{tmp_path}/none/ledger.db", chain_key=KEY, read_only=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ("https://ledger.example/api", "not part of this release"),
        ("sqlite://", "must outlive the process"),
        ("mysql://fleet:hush@db/x", "does not run on mysql"),
        ("fleet:hush@db", "not one"),
        ("postgresql+psycopg://fleet:hush@127.0.0.1:1/x?password=hush", "cannot be used: .*refused"),
    ],
)
def test_a_bad_url_gets_one_sentence_and_no_password(bad, says):
    with pytest.raises(LedgerError, match=says) as caught:
        open_ledger(bad, chain_key=KEY)
    assert "hush" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_ledger_and_a_directory_that_is_none_are_named(tmp_path):
    (tmp_path / "text.db").write_text("this is not a database, it is a text of some length" * 50)
    (tmp_path / "file").touch()
    for path in ("text.db", "file/ledger.db"):
        with pytest.raises(LedgerError, match=path):
            open_ledger(f"sqlite:///{tmp_path}/{path}", chain_key=KEY)
