# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs, checkpoints and gates as ansible-playbook runs them."""

import contextlib
import json
import os
import pty
import re
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from gated import DEADLINE, Project


@pytest.fixture
def project(tmp_path):
    project = Project(tmp_path)
    yield project
    project.end()


@pytest.fixture(scope="module")
def parked_once(tmp_path_factory):
    project = Project(tmp_path_factory.mktemp("parked"))
    code, output = project.run("site.yml")
    assert (code, project.state()) == (0, "parked"), output
    return project.path


@pytest.fixture
def parked(parked_once, project):
    for name in (".raywright", "home"):
        shutil.copytree(parked_once / name, project.path / name, dirs_exist_ok=True)
    return project


def test_a_parked_run_goes_on_by_the_same_command_once_it_is_approved(parked):
    assert parked.run("site.yml")[0] == 0
    assert parked.query("SELECT count(*) FROM approvals") == [(1,)]
    code, output = parked.approve()
    assert code == 0, output
    assert "Removes everything" in output
    code, output = parked.run("site.yml")
    assert (code, parked.state(), parked.approval()[2]) == (0, "completed", "used"), output
    assert "PLAY [nodes]" in output
    code, output = parked.approve()
    assert (code, "is used" in output) == (2, True), output


def test_the_command_that_is_printed_approves(parked):
    _code, output = parked.run("site.yml")
    command = re.search(r"^  (ansible-playbook raywright\.fleet\.approve .*)$", output, re.MULTILINE)[1]
    command = command.replace("NAME", "bob").replace("WHY", "three plain words")
    path = f"{Path(sys.executable).parent}:{parked.environment['PATH']}"
    done = subprocess.run(
        command,
        shell=True,
        cwd=parked.path,
        env={**parked.environment, "PATH": path},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert parked.query("SELECT decided_by, reason FROM approvals") == [("bob", "three plain words")]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"approver": "anna"}, "anna requested it and cannot approve it"),
        ({"digest": "0" * 16}, "look at the plan again"),
        ({"risk_acknowledged": False}, "destroys data"),
        ({"reason": " "}, "reason is empty"),
        ({"verdict": "maybe"}, "must be one of: approve, reject"),
        ({"verdikt": "reject"}, "There is no option verdikt; did you mean verdict?"),
        ({"approval": "a-nothing"}, "no approval 'a-nothing'"),
    ],
)
def test_a_decision_that_does_not_count_says_why(parked, given, says):
    code, output = parked.approve(**given)
    assert (code, says in output) == (2, True), output
    assert parked.approval()[2] == "pending"


def test_words_that_the_shell_let_loose_are_not_lost(parked):
    code, output = parked.run(
        "raywright.fleet.approve", "-e", "approval=a-1", "-e", "digest=1", "-e", "reason=two words"
    )
    assert (code, "'words' belong to no option" in output) == (2, True), output


def test_a_rejected_run_stops_and_stays_stopped_until_asked_again(parked):
    assert parked.approve(verdict="reject", reason="not on a friday")[0] == 0
    for _time in range(2):
        code, output = parked.run("site.yml")
        assert (code, "rejected by bob: not on a friday" in output, parked.state()) == (2, True, "stopped"), output
    code, _output = parked.run("site.yml", ask_again=True)
    assert (code, parked.state(), parked.approval()[2]) == (0, "parked", "pending")


def test_breaking_glass_is_recorded_and_shown(parked):
    code, output = parked.approve(approver="anna", break_glass=True)
    assert (code, "BREAK GLASS: anna" in output) == (0, True), output
    code, output = parked.run("raywright.fleet.status", run="deploy")
    assert (code, "approved by anna (cli)" in output, "BREAK GLASS" in output) == (0, True, True), output


def test_a_changed_definition_is_refused_with_what_changed(parked):
    code, output = parked.run("site.yml", version="2")
    assert (code, 'version: "1" -> "2"' in output.replace('\\"', '"')) == (2, True), output


def test_hosts_that_failed_are_done_again_and_the_others_are_not(project):
    code, output = project.run("site.yml", lose="n2")
    assert (code, "has not passed: n2 failed" in output) == (2, True), output
    code, output = project.run("site.yml")
    assert (code, "PLAY [n2]" in output) == (0, True), output


def test_a_checkpoint_cut_off_behind_its_gate_asks_nobody_again(parked):
    parked.approve()
    assert parked.run("site.yml", die=True)[0] == 2
    code, output = parked.run("site.yml")
    assert (code, parked.state(), "gate is open already" in output) == (0, "completed", False), output
    assert parked.query("SELECT state FROM approvals") == [("used",)]


def test_check_mode_asks_for_nothing_and_makes_nothing(project):
    code, output = project.run("site.yml", "--check")
    assert code == 0, output
    assert not (project.path / ".raywright").exists()
    assert not (project.path / "home" / ".config").exists()


def test_listing_hosts_has_no_side_effects(project):
    code, output = project.run("site.yml", "--list-hosts")
    assert (code, "n1" in output) == (0, True), output
    assert not (project.path / ".raywright").exists()


def test_a_held_run_goes_on_when_somebody_approves(project):
    held = project.start("site.yml", wait="hold")
    project.await_line("An approval is needed")
    code, output = project.approve()
    assert code == 0, output
    assert held.wait(DEADLINE) == 0, (project.path / "output").read_text()
    assert project.state() == "completed"


def test_one_approval_lets_one_of_two_waiting_playbooks_go_on_and_the_other_leaves_the_run_alone(project):
    held = [project.start("site.yml", wait="hold", exclusive=False)]
    project.await_line("An approval is needed")
    first = (project.path / "output").rename(project.path / "first")
    try:
        held.append(project.start("site.yml", wait="hold", exclusive=False))
        project.await_line("An approval is needed")
        code, output = project.approve()
        assert code == 0, output
        codes = sorted(each.wait(DEADLINE) for each in held)
    finally:
        for each in held:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(each.pid, signal.SIGKILL)
    said = first.read_text() + (project.path / "output").read_text()
    assert (codes, project.state()) == ([0, 2], "completed"), said
    assert "another process" in " ".join(said.split())


def test_a_held_run_fails_when_its_approval_expires(project):
    code, output = project.run("site.yml", wait="hold", ttl="2s")
    assert (code, "expired at" in output, project.state()) == (2, True, "parked"), output


def test_after_the_playbook_was_killed_the_next_run_takes_up_the_same_request(project):
    held = project.start("site.yml", wait="hold")
    project.await_line("An approval is needed")
    before = project.approval()
    workers = _children(held.pid)
    os.kill(held.pid, signal.SIGKILL)
    held.wait()
    deadline = time.monotonic() + DEADLINE
    while any(_is_running(pid) for pid in workers):
        assert time.monotonic() < deadline, "a worker goes on waiting without its playbook"
        time.sleep(0.1)
    code, _output = project.run("site.yml")
    assert (code, project.approval()) == (0, before)


def test_a_playbook_beside_another_one_is_refused_at_its_start_and_told_who_is_at_work(project):
    held = project.start("site.yml", wait="hold")
    project.await_line("An approval is needed")
    project.await_state("waiting")
    before = project.query("SELECT count(*) FROM events")
    code, output = project.run("site.yml")
    said = " ".join(output.split())
    told = f"is in the hands of process {held.pid} on {socket.gethostname()} since 20"
    assert (code, told in said, "PLAY [nodes]" in output) == (2, True, False), output
    code, output = project.run("abandon.yml")
    assert (code, told in " ".join(output.split())) == (2, True), output
    assert project.query("SELECT count(*) FROM events") == before
    assert project.approve()[0] == 0
    assert held.wait(DEADLINE) == 0, (project.path / "output").read_text()
    assert project.query("SELECT count(*) FROM leases") == [(0,)]


def test_the_run_of_a_playbook_that_was_killed_is_free_for_the_next_one_also_elsewhere(project):
    held = project.start("site.yml", wait="hold")
    project.await_line("An approval is needed")
    os.kill(held.pid, signal.SIGKILL)
    held.wait()
    deadline = time.monotonic() + DEADLINE
    while project.query("SELECT count(*) FROM leases") != [(0,)]:
        assert time.monotonic() < deadline, "nobody has given the lease back for the playbook that was killed"
        time.sleep(0.1)
    assert project.run("site.yml")[0] == 0
    assert project.state() == "parked"


@pytest.mark.parametrize("suffix", ["yml", "json"])
def test_a_file_approves(parked, suffix):
    _decide_by_file(parked, suffix=suffix)
    code, output = parked.run("site.yml")
    assert (code, parked.state()) == (0, "completed"), output
    assert parked.query("SELECT decided_by, door, reason FROM approvals") == [("bob", "file", "looks good")]


@pytest.mark.parametrize(
    ("content", "mode", "says"),
    [
        ({}, 0o666, "Everybody may write to"),
        ({"approver": "anna"}, 0o600, "cannot approve it"),
        ({"digest": "0" * 16}, 0o600, "look at the plan again"),
        ({"verdict": True}, 0o600, "verdict must be a text"),
        ({"risk_acknowledged": "yes"}, 0o600, "must be true or false"),
        ({"risk": True}, 0o600, "there is no risk"),
        ({"reason": None}, 0o600, "reason missing"),
    ],
)
def test_a_file_with_anything_wrong_is_named_and_approves_nothing(parked, content, mode, says):
    _decide_by_file(parked, mode=mode, **content)
    code, output = parked.run("site.yml")
    shown = " ".join(output.split())
    assert (code, parked.state(), says in shown) == (0, "parked", True), output


def test_the_terminal_approves_only_by_the_whole_name(project):
    ours, theirs = pty.openpty()
    project.environment["PYTHONUNBUFFERED"] = "1"
    held = project.start("site.yml", terminal=theirs, wait="hold", doors=["terminal"], destructive=False)
    os.close(theirs)
    for question, answer in (
        ("Approver's name", "bob"),
        ("Reason:", "looks good"),
        ("Type 'clean'", "c"),
        ("That is not it", "clean"),
    ):
        project.await_line(question)
        _type(ours, answer, project)
    assert held.wait(DEADLINE) == 0, (project.path / "output").read_text()
    os.close(ours)
    assert project.query("SELECT decided_by, door, reason FROM approvals") == [("bob", "terminal", "looks good")]


def test_without_a_terminal_the_other_doors_stay_open(project):
    code, output = project.run("site.yml", doors=["terminal", "ledger"])
    assert (code, project.state(), "there is no terminal" in output) == (0, "parked", True), output


def test_status_fails_and_names_what_somebody_changed(parked):
    code, output = parked.run("raywright.fleet.status")
    assert (code, "The record is whole" in output) == (0, True), output
    with sqlite3.connect(parked.path / ".raywright" / "ledger.db") as connection:
        connection.execute("UPDATE approvals SET state = 'approved', decided_by = 'bob', reason = 'ok'")
    connection.close()
    code, output = parked.run("raywright.fleet.status", run="deploy")
    assert (code, "THE RECORD WAS CHANGED" in output, "state says 'approved'" in output) == (2, True, True), output
    code, output = parked.run("site.yml")
    assert (code, "somebody edited the record" in output) == (2, True), output


def test_status_speaks_json(parked):
    code, output = parked.run("raywright.fleet.status", run="deploy", status_format="json")
    found = json.loads(next(line for line in output.splitlines() if line.startswith('{"')))
    assert (code, found["run"]["state"], found["verification"]["ok"]) == (0, "parked", True)
    assert found["counts"] == {"check": {"unchanged": 3}, "clean": {}}


def test_status_without_a_ledger_makes_none(project):
    code, output = project.run("raywright.fleet.status")
    assert (code, "There is no ledger" in output) == (2, True), output
    assert not (project.path / ".raywright").exists()


def test_a_ledger_out_of_reach_is_one_sentence_without_the_password(project):
    project.environment["RAYWRIGHT_LEDGER_URL"] = "postgresql://fleet:hush-hush@127.0.0.1:1/fleet"
    code, output = project.run("site.yml")
    assert (code, "cannot be used" in output, "hush" in output) == (2, True, False), output


def _decide_by_file(project, *, suffix="yml", mode=0o600, **content):
    approval_id, digest, _state = project.approval()
    given = {"approver": "bob", "digest": digest[:16], "verdict": "approve", "reason": "looks good"}
    path = project.path / ".raywright" / "approvals" / f"{approval_id}.{suffix}"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({**given, "risk_acknowledged": True, **content}))
    path.chmod(mode)
    assert stat.S_IMODE(path.stat().st_mode) == mode


def _type(terminal, answer, project):
    # Input that comes before the prompt has set the terminal up is thrown away: type until something else is said.
    size = (project.path / "output").stat().st_size
    deadline = time.monotonic() + DEADLINE
    while (project.path / "output").stat().st_size <= size + len(answer):
        assert time.monotonic() < deadline, (project.path / "output").read_text()
        os.write(terminal, b"\x7f" * 40 + answer.encode() + b"\n")
        time.sleep(0.5)


def _children(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
