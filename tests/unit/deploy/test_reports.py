# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a deployment shows: marks of hosts, tables, surveys, checks."""

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.raywright.fleet.plugins.action import checks_report, run_report, survey_report
from ansible_collections.raywright.fleet.plugins.plugin_utils._marks import marks
from ansible_collections.raywright.fleet.plugins.plugin_utils._table import table, write_json


class Hostvars:
    """What an action sees of other hosts."""

    def __init__(self, **hosts):
        self._hosts = hosts

    def raw_get(self, name):
        return self._hosts[name]


LOST = {"checkpoint": "ray-deployment", "task": "Start it", "reason": "no memory"}


def test_a_host_without_marks_is_neither_done_nor_lost():
    mark = marks(Hostvars(n1={}), ["n1"])["n1"]
    assert (mark.done, mark.lost) == ((), False)


@pytest.mark.parametrize(
    ("outcome", "counts_as"),
    [({}, "failed"), ({"outcome": "held_back"}, "held_back"), ({"outcome": "nonsense"}, "failed")],
)
def test_a_lost_host_tells_why(outcome, counts_as):
    mark = marks(Hostvars(n1={"raywright_done": ["a"], "raywright_lost": LOST | outcome}), ["n1"])["n1"]
    assert (mark.lost, mark.outcome, mark.task, mark.reason) == (True, counts_as, "Start it", "no memory")


def test_a_table_fits_the_terminal_and_keeps_short_columns_whole(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    lines = table(("HOST", "FOUND", "FIX"), [("n1", "word " * 40, "do this " * 20)])
    assert max(map(len, lines)) <= 80
    assert lines[1].split()[0] == "n1"
    assert " ".join(lines).count("word") == 40


def test_a_table_takes_out_what_would_steer_the_terminal():
    assert "\x1b" not in "".join(table(("HOST",), [("\x1b[2Jn1",)]))


def test_a_report_is_written_whole(tmp_path):
    write_json(str(tmp_path / "new" / "report.json"), {"ok": True})
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["report.json"]


ROW = {"checkpoint": "docker-installation", "check": "Docker answers", "ok": False, "found": "no", "wanted": "yes"}
ARGS = {"facts": ["docker_checks"], "hosts": ["n1", "n2"], "checkpoints": []}


def rows(**hosts):
    return checks_report._rows(Hostvars(**hosts), ARGS)


def test_hosts_with_the_same_finding_share_a_line():
    found = rows(n1={"docker_checks": [ROW]}, n2={"docker_checks": [ROW]})
    text = checks_report._text(checks_report._report(found, ARGS["hosts"]), None)
    assert "2 errors" in text
    assert text.count("Docker answers") == 1
    assert "n1, n2" in text


def test_a_warning_is_no_error():
    report = checks_report._report(rows(n1={"docker_checks": [ROW | {"severity": "warning"}]}, n2={}), ARGS["hosts"])
    assert (report["ok"], report["warnings"], report["failed_hosts"]) == (True, 1, {})


def test_nothing_looked_at_is_not_all_well():
    assert not checks_report._report(rows(n1={}, n2={}), ARGS["hosts"])["ok"]


def test_a_lost_host_is_an_error_of_the_report():
    report = checks_report._report(
        rows(n1={"docker_checks": [ROW | {"ok": True}]}, n2={"raywright_lost": LOST}), ["n1", "n2"]
    )
    assert report["failed_hosts"] == {"n2": "The checks could be made"}


def test_a_row_that_is_no_check_is_refused_with_its_fact_and_host():
    with pytest.raises(AnsibleActionFail, match="docker_checks of n1"):
        rows(n1={"docker_checks": [{"check": "x", "ok": "yes"}]}, n2={})


def test_hosts_with_the_same_survey_are_shown_together():
    text = survey_report._summary({"n1": ["install docker"], "n2": [], "n3": ["install docker"]})
    assert text == "n1, n3:\n  - install docker\nn2:\n  nothing to do"


def test_a_host_that_was_not_looked_at_is_not_one_without_anything_to_do():
    assert survey_report._survey({}, ["a_survey"]) is None
    assert survey_report._survey({"b_survey": []}, ["a_survey", "b_survey"]) == []


@pytest.mark.parametrize(
    ("state", "states", "lost", "ok", "failed"),
    [
        ("completed", ["passed", "skipped"], False, True, False),
        ("checked", ["checked", "checked"], False, True, False),
        ("parked", ["passed", "pending"], False, False, False),
        ("paused", ["passed", "running"], False, False, True),
        ("completed", ["passed", "passed"], True, False, True),
        ("failed", ["passed", "failed"], False, False, True),
        ("listed", ["passed", "running"], False, False, False),
    ],
)
def test_a_run_is_well_when_all_that_was_asked_for_is_done(state, states, lost, ok, failed):
    report = {"state": state, "checkpoints": [{"name": str(at), "state": each} for at, each in enumerate(states)]}
    judged = run_report._judged(report, ["0", "1"], lost=lost)
    assert (judged["ok"], judged["failed"]) == (ok, failed)


def test_a_checkpoint_that_was_not_asked_for_may_be_left():
    report = {"state": "paused", "checkpoints": [{"name": "a", "state": "passed"}, {"name": "b", "state": "pending"}]}
    assert run_report._judged(report, ["a"], lost=False) == {"left": [], "failed": False, "ok": True}
