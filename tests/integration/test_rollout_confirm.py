# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes on trial, as people run them: confirmed when a stage has passed, else taken back by the devices."""

import contextlib
import os
import re
import signal

import pytest
from rollouts import NEVER, Project, wait_for

SMALL = 6
PATIENT = [{"name": "patient", "command": "show version", "match": "no such thing", "retries": 300, "delay": 1}]
FINE = [{"name": "fine", "command": "show version", "match": "embedded router", "retries": 0}]
TIMEOUT = 10
"""Seconds of one exchange: part of what a trial must be longer than."""


@pytest.fixture
def project(tmp_path):
    made = Project(tmp_path, SMALL)
    yield made
    made.end()


def flat(output):
    return " ".join(output.split())


def pending(project):
    """Devices that hold a change on trial."""
    return {name for name, router in project.fleet._serving.fleet.routers.items() if router.unconfirmed}


def details(project):
    newest = "SELECT id FROM runs ORDER BY number DESC LIMIT 1"
    return dict(project.query(f"SELECT name, detail FROM targets WHERE run_id = ({newest})"))


def run(project, **given):
    return project.run(**{"timeout": str(TIMEOUT), "confirm_timeout": "10m", "stages": ["100%"], **given})


def kill_all(project):
    """SIGKILL for the playbook and every process that it began, engine and Ray included."""
    for process in project.processes():
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    for process in project.started:
        process.wait()


def test_a_stage_that_passed_is_confirmed_and_saved_only_then(project):
    code, output = run(project, validate=FINE, stages=[2, "100%"])
    assert (code, project.state(), project.add_up()["outcomes"]) == (0, "completed", {"changed": SMALL}), output
    assert "each device reverts by itself unless confirmed within 600 s; it is saved only then" in flat(output)
    assert pending(project) == set()
    assert set(project.fleet.commits().values()) == {1}
    assert all(running == startup for running, startup in project.fleet.configurations().values())
    assert not any('"unconfirmed":true' in detail for detail in details(project).values())


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (
            {"confirm_timeout": "8m", "stages": [{"size": "100%", "soak": "5m"}], "validate": PATIENT},
            "480 s are not enough for stage '100%', which may take 610 s until its devices are confirmed (soak 300 s;",
        ),
        (
            {"confirm_timeout": "11m", "validate": PATIENT, "concurrency": 2},
            "660 s are not enough for stage '100%', which may take 910 s",
        ),
        ({"confirm_timeout": "soon"}, "confirm_timeout: 'soon' is no duration"),
        ({"on_unconfirmable": "shrug"}, "network_rollout_on_unconfirmable must be one of: refuse, without"),
    ],
)
def test_a_trial_that_cannot_end_in_time_is_refused_before_anything_is_touched(project, given, says):
    before = project.fleet.configurations()
    code, output = run(project, **given)
    assert code == 2
    assert says in flat(output)
    assert (project.fleet.configurations(), set(project.fleet.commits().values())) == (before, {0})


@pytest.mark.parametrize("on_failure", ["stop", "rollback_stage", "rollback_run"])
def test_a_stage_that_fails_is_taken_back_at_once_and_the_ledger_says_what_was_read(project, on_failure):
    before = project.fleet.configurations()
    code, output = run(project, validate=NEVER, on_failure=on_failure, stages=[2, "100%"])
    state = "stopped" if on_failure == "stop" else "rolled_back"
    assert (code, project.state()) == (2, state), output
    assert project.fleet.configurations() == before
    assert pending(project) == set()
    assert project.add_up()["outcomes"] == {"rolled_back": 2, "pending": SMALL - 2}
    assert "did not pass its checks" in output


def test_one_device_that_fails_its_checks_is_taken_back_and_the_others_are_confirmed(project):
    name = project.fleet.names[0]
    own = [{"name": "not this one", "command": "show version", "not_match": f"{name},", "retries": 0}]
    before = project.fleet.configurations()[name]
    code, output = run(project, validate=own, max_failure_percentage=20)
    assert (code, project.add_up()["outcomes"]) == (0, {"changed": SMALL - 1, "rolled_back": 1}), output
    assert project.fleet.configurations()[name] == before
    assert pending(project) == set()


def test_with_everything_killed_amid_the_checks_every_device_reverts_by_itself_and_a_resume_sends_again(project):
    before = project.fleet.configurations()
    waits = [{"name": "fine", "command": "show version", "match": "embedded router", "retries": 25, "delay": 2}]
    given = {"stages": ["100%"], "validate": waits, "confirm_timeout": "60", "timeout": "5"}
    project.fleet.faults({"*": {"garbage": "show version"}})
    project.start(**given)
    wait_for(lambda: '"phase":"validate"' in journal(project), "the checks have begun")
    wait_for(lambda: '"unconfirmed":true' in str(details(project)), "the ledger says so")
    assert pending(project) == set(project.fleet.names)
    kill_all(project)
    wait_for(lambda: not pending(project), "every device has reverted")
    assert project.fleet.configurations() == before
    _code, output = project.run(playbook="raywright.fleet.status", inventory=False, run="rollout")
    assert f"on trial when last heard of: {SMALL} devices; they revert unless they are confirmed" in flat(output)
    project.fleet.faults({})
    code, output = project.run(**given)
    assert (code, project.state(), project.add_up()["outcomes"]) == (0, "completed", {"changed": SMALL}), output
    assert all(running == startup for running, startup in project.fleet.configurations().values())
    # Changed, taken back, changed again: nothing was sent to a device that had it.
    assert set(project.fleet.commits().values()) == {3}


def journal(project):
    return "".join(path.read_text() for path in project.path.glob(".raywright/runs/*/01-push.jsonl"))


# What hangs meanwhile holds the run in the middle of a phase, however slow or fast this machine is.
PHASES = {
    "applied": ({"*": {"hang": "show version"}}, '"phase":"validate"', ""),
    "validated": ({"*": {"hang": "commit persist"}}, '"phase":"confirm"', ""),
    "half confirmed": ({"leaf-*": {"hang": "commit persist"}}, '"phase":"confirm"', "leaf-"),
}


@pytest.mark.parametrize("phase", PHASES)
def test_a_resume_after_a_kill_in_each_phase_gives_every_device_one_outcome_and_sends_nothing_twice(project, phase):
    faults, event, hanging = PHASES[phase]
    held = {name for name in project.fleet.names if name.startswith(hanging)}
    given = {"stages": ["100%"], "validate": FINE, "confirm_timeout": "10m", "timeout": "60"}
    project.fleet.faults(faults)
    project.start(**given)
    wait_for(lambda: event in journal(project) and pending(project) == held, phase)
    kill_all(project)
    assert pending(project) == held
    project.fleet.faults({})
    code, output = project.run(**given)
    assert (code, project.state(), project.add_up()["outcomes"]) == (0, "completed", {"changed": SMALL}), output
    assert pending(project) == set()
    assert set(project.fleet.commits().values()) == {1}
    assert all(running == startup for running, startup in project.fleet.configurations().values())


@pytest.mark.parametrize("cut", ["before-confirm", "after-confirm"])
def test_a_session_cut_at_the_confirmation_is_read_back_and_confirmed_once(project, cut):
    project.fleet.faults({"*": {"cut": cut, "times": 1}})
    code, output = run(project)
    assert (code, project.add_up()["outcomes"]) == (0, {"changed": SMALL}), output
    assert pending(project) == set()
    assert all(running == startup for running, startup in project.fleet.configurations().values())


def test_devices_that_cannot_be_confirmed_count_and_are_not_taken_for_changed(project):
    project.fleet.faults({"leaf-*": {"hang": "commit persist"}})
    code, output = run(project, timeout="2", retries=1)
    leaves = {name for name in project.fleet.names if name.startswith("leaf-")}
    assert code == 2
    assert re.search(r"devices could not be confirmed: leaf-\d+ .* taken back by the device itself", flat(output))
    outcomes = project.outcomes()
    assert {name for name, outcome in outcomes.items() if outcome == "unknown"} == leaves
    assert pending(project) == leaves


def test_own_tasks_after_a_stage_come_before_its_confirmation(project):
    tasks = project.path / "after.yml"
    tasks.write_text(
        "- name: See what the ledger says\n"
        "  raywright.fleet.rollout_report: {run: rollout}\n"
        "  register: seen\n"
        "- name: Say it\n"
        '  ansible.builtin.debug: {msg: "after {{ network_rollout_stage.name }}: {{ seen.report.state }}, '
        '{{ seen.report.unconfirmed | length }} unconfirmed"}\n'
    )
    code, output = run(project, after_stage=str(tasks), stages=[2, "100%"])
    assert (code, project.state(), project.add_up()["outcomes"]) == (0, "completed", {"changed": SMALL}), output
    assert "after 2: running, 2 unconfirmed" in output
    assert f"after 100%: running, {SMALL - 2} unconfirmed" in output
    assert pending(project) == set()


def test_when_an_own_task_after_a_stage_fails_its_devices_take_their_changes_back(project):
    tasks = project.path / "after.yml"
    tasks.write_text("- name: Look\n  ansible.builtin.fail: {msg: customers complain}\n")
    before = project.fleet.configurations()
    code, output = run(project, after_stage=str(tasks), stages=[2, "100%"])
    assert (code, project.state()) == (2, "stopped"), output
    assert "the tasks after stage 2 failed: customers complain" in flat(output)
    assert project.fleet.configurations() == before
    assert project.add_up()["outcomes"] == {"rolled_back": 2, "pending": SMALL - 2}


def test_what_is_on_trial_is_neither_planned_on_nor_overwritten_by_another_run(project):
    project.start(stages=["100%"], validate=PATIENT, confirm_timeout="10m", timeout=str(TIMEOUT))
    wait_for(lambda: len(pending(project)) == SMALL, "all hold their change")
    code, output = run(project, name="another", validate=FINE)
    assert code == 2
    assert re.search(r"held by another run, nothing was touched: .*r-\w+", flat(output)), output
    # Somebody whose ledger knows nothing of that run is told so by the devices.
    project.environment["RAYWRIGHT_LEDGER_URL"] = f"sqlite:///{project.path}/elsewhere/ledger.db"
    code, output = run(project, name="another", validate=FINE)
    assert code == 2
    assert re.search(r"a change of run r-\w+ is on trial on it", flat(output)), output
    assert len(pending(project)) == SMALL
