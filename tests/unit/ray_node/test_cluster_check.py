# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cluster compared with its inventory: what becomes a row, and when it is a failure."""

import json

import pytest

from tests.unit.ray_node.program import ROOT, load_program

check = load_program(ROOT / "roles/ray_head/files/ray_cluster_check.py")

WANTED = {"name": "w1", "role": "worker", "resources": {"CPU": 2, "slot": 3}, "labels": {"site": "ams1"}}
SEEN = {
    "name": "w1",
    "address": "10.0.0.2",
    "resources": {"CPU": 2.0, "slot": 3.0, "memory": 1e9},
    "labels": {"site": "ams1", "ray.io/node-id": "x"},
    "error": "",
}


def failures(expected, seen):
    return {row.check: row.found for row in check.node_rows(expected, seen) if not row.ok}


def test_a_cluster_that_is_as_its_inventory_has_no_failing_row():
    assert failures([WANTED], [SEEN]) == {}


@pytest.mark.parametrize(
    ("seen", "found"),
    [
        ([], {"node w1 is in the cluster": "not among the nodes that are alive"}),
        (
            [{**SEEN, "resources": {"CPU": 1.0}}],
            {"node w1 has the resources and labels of the inventory": "resource CPU=1.0, resource slot=None"},
        ),
        ([{**SEEN, "labels": {}}], {"node w1 has the resources and labels of the inventory": "label site=None"}),
        ([{**SEEN, "error": "it did not end within 60 s"}], {"a task runs on node w1": "it did not end within 60 s"}),
        ([SEEN, {**SEEN, "name": "guest"}], {"no node that the inventory does not know": "guest"}),
    ],
)
def test_what_differs_is_a_row_that_says_what_was_found(seen, found):
    assert failures([WANTED], seen) == found


def test_a_stranger_is_a_warning_and_all_else_an_error():
    rows = check.node_rows([WANTED], [SEEN])
    assert {row.severity for row in rows if row.check.startswith("no node")} == {"warning"}
    assert {row.severity for row in rows if not row.check.startswith("no node")} == {"error"}


def test_a_row_has_the_fields_of_the_report_and_nothing_but_text_and_one_truth():
    row = check.job_row("SUCCEEDED", "").plain()
    assert set(row) == {"checkpoint", "check", "ok", "severity", "found", "wanted", "fix"}
    assert all(isinstance(value, bool if key == "ok" else str) for key, value in row.items())


def test_the_report_is_found_among_what_else_a_job_writes():
    logs = f"noise\n{check.MARK}{json.dumps([SEEN])}\nmore noise"
    assert check.report_of(logs) == [SEEN]
    assert check.report_of("noise") is None


def test_a_job_that_fails_shows_its_last_lines():
    row = check.job_row("FAILED", "one\ntwo")
    assert (row.ok, row.found) == (False, "FAILED: one | two")


def test_jobs_that_are_over_do_not_hold_up_a_restart_and_drivers_do():
    jobs = [
        {"submission_id": "a", "job_id": None, "status": "SUCCEEDED"},
        {"submission_id": "b", "job_id": "01", "status": "RUNNING"},
        {"submission_id": None, "job_id": "02", "status": "RUNNING"},
        {"submission_id": "c", "job_id": None, "status": "PENDING"},
    ]
    assert check.running(jobs) == ["02", "b", "c"]


def test_a_dashboard_that_does_not_answer_is_a_row_and_not_a_crash():
    rows = check.check(check.Api("http://127.0.0.1:9", ""), [WANTED], "true", 1)
    assert [row["ok"] for row in rows] == [False]
    assert "does not answer" in rows[0]["found"]
