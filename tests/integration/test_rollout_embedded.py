# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rollout as people run it, on routers that break on purpose."""

import contextlib
import os
import re
import signal
import sqlite3

import pytest
from rollouts import BY_HAND, DEADLINE, NEVER, TEMPLATE, wait_for

SMALL = 9  # below ten devices no Ray is started


@pytest.fixture
def small(project_of):
    return project_of(SMALL)


def flat(output):
    return " ".join(output.split())


def stages_of(project, **given):
    """Device names by stage, read from the report of check mode."""
    code, output = project.run("--check", **given)
    assert code == 0, output
    return {stage["name"]: stage["hosts"] for stage in project.report["stages"]}


@pytest.mark.ray
def test_the_first_run_changes_all_the_second_none_and_check_mode_touches_nothing(project_of):
    project = project_of(12)
    before = project.fleet.configurations()
    code, output = project.run("--check", "--diff")
    assert (code, project.fleet.configurations() == before) == (0, True), output
    assert not (project.path / "ledger").exists()
    assert "+ntp server 10.255.0.2" in output
    code, output = project.run()
    assert (code, project.add_up()["outcomes"], project.report["state"]) == (0, {"changed": 12}, "completed"), output
    assert set(project.fleet.commits().values()) == {1}
    assert all(running == startup for running, startup in project.fleet.configurations().values())
    code, output = project.run()
    assert (code, project.add_up()["outcomes"], "changed=0" in output) == (0, {"unchanged": 12}, True), output
    assert set(project.fleet.commits().values()) == {1}


def test_what_runs_as_wanted_and_is_not_saved_is_saved_where_a_device_is_to_have_exactly_that(small):
    before = {name: startup for name, (_running, startup) in small.fleet.configurations().items()}
    assert small.run(mode="replace")[0] == 0
    routers = small.fleet._serving.fleet.routers
    for name in small.fleet.names[:2]:
        # As after a session that was lost behind the change, or somebody's old file brought back.
        routers[name]._state.store(name, "startup", before[name])
    code, output = small.run("--check", mode="replace")
    assert "2 of 9 devices would change" in output, output
    assert "(saved: what runs is as wanted, and what is saved is not)" in output
    code, output = small.run(mode="replace")
    assert (code, small.add_up()["outcomes"]) == (0, {"changed": 2, "unchanged": 7}), output
    assert set(small.fleet.commits().values()) == {1}
    assert all(running == startup for running, startup in small.fleet.configurations().values())


@pytest.mark.ray
def test_the_breaker_lets_8_percent_unreachable_pass_and_stops_at_30_percent_of_the_canary(project_of):
    project = project_of(30)
    given = {"stages": [10, "100%"], "retries": 1}
    stages = stages_of(project, **given)
    lost = stages["100%"][:2]
    project.fleet.faults({name: {"unreachable": True} for name in lost})
    code, output = project.run(**given)
    report = project.add_up()
    assert (code, report["state"], report["outcomes"]) == (0, "completed", {"changed": 28, "unreachable": 2}), output
    assert {failure["name"] for failure in report["failures"]} == set(lost)
    assert all(commits == (name not in lost) for name, commits in project.fleet.commits().items())

    text = TEMPLATE.read_text().replace("noc@example.net", "ops@example.net")
    before = project.fleet.configurations()
    project.fleet.faults({name: {"unreachable": True} for name in stages["10"][:3]})
    code, output = project.run(**given, template=project.template(text))
    after = project.fleet.configurations()
    touched = {name for name in after if after[name] != before[name]}
    assert (code, touched <= set(stages["10"][3:]), project.state()) == (2, True, "stopped"), output
    assert "3 of 10 devices failed in this stage (30%, limit 10%)" in flat(output)
    assert {failure["name"] for failure in project.add_up()["failures"]} == set(stages["10"][:3])


def test_a_canary_that_fails_validation_is_restored_byte_for_byte_and_the_rest_never_touched(small):
    before = small.fleet.configurations()
    code, output = small.run(stages=[3, "100%"], validate=NEVER, on_failure="rollback_stage")
    assert (code, small.state()) == (2, "rolled_back"), output
    assert small.fleet.configurations() == before
    assert sorted(small.fleet.commits().values()) == [0] * 6 + [2] * 3
    assert small.add_up()["outcomes"] == {"rolled_back": 3, "pending": 6}


def test_rollback_run_restores_the_stages_that_had_passed_as_well(small):
    before = small.fleet.configurations()
    last = [{"name": "first", "size": 2, "validate": False}, "100%"]
    code, output = small.run(stages=last, validate=NEVER, on_failure="rollback_run")
    assert (code, small.state(), small.add_up()["outcomes"]) == (2, "rolled_back", {"rolled_back": SMALL}), output
    assert small.fleet.configurations() == before


def test_an_inconclusive_verdict_pauses_and_never_goes_on(small):
    odd = [{"name": "odd", "command": "show bgp summary json", "expression": "json.nosuch", "retries": 0}]
    for _time in range(2):
        code, output = small.run(stages=[2, "100%"], validate=odd)
        assert (code, small.state(), sum(small.fleet.commits().values())) == (2, "paused", 2), output
        assert "'json.nosuch' is undefined" in output
    assert small.add_up()["outcomes"] == {"changed": 2, "pending": 7}


def interrupted(project, how, **given):
    """Begin a rollout, strike in the middle of its second stage, and give the exit status."""
    process = project.start(**given)

    def in_the_middle():
        for journal in project.path.glob(".raywright/runs/*/02-push.jsonl"):
            return journal.read_text().count('"event":"outcome"') >= 2
        return process.poll() is not None

    wait_for(in_the_middle, "two outcomes of the second stage")
    assert process.poll() is None, project.output
    how(project, process)
    return process.wait(DEADLINE)


def kill_the_engine(project, _process):
    for pid in project.processes(argument=b"engine.rollout"):
        os.kill(pid, signal.SIGKILL)


def kill_the_playbook(_project, process):
    os.kill(process.pid, signal.SIGKILL)


def press_ctrl_c(_project, process):
    os.killpg(process.pid, signal.SIGINT)


@pytest.mark.ray
@pytest.mark.parametrize(
    ("how", "devices"),
    [(kill_the_engine, 11), (kill_the_playbook, 11), (press_ctrl_c, SMALL), (kill_the_engine, SMALL)],
)
def test_what_was_interrupted_is_finished_by_the_same_command_and_nobody_is_configured_twice(project_of, how, devices):
    project = project_of(devices, latency=50.0)
    given = {"stages": [2, "100%"], "concurrency": 2, "timeout": 10}
    assert interrupted(project, how, **given) != 0, project.output
    assert project.state() in {"running", "stopped", "paused"}
    code, output = project.run(**given)
    assert (code, project.add_up()["state"]) == (0, "completed"), project.output + output
    assert project.report["outcomes"] == {"changed": devices}, output
    assert set(project.fleet.commits().values()) == {1}, output
    assert all(running == startup for running, startup in project.fleet.configurations().values())


@pytest.mark.ray
def test_a_worker_that_is_killed_is_replaced_and_its_devices_are_read_first(project_of):
    project = project_of(14, latency=100.0)

    def kill_a_worker(project, _process):
        os.kill(project.processes(argument=b"ray::_Actor")[0], signal.SIGKILL)

    code = interrupted(project, kill_a_worker, stages=[2, "100%"], concurrency=4, timeout=10)
    assert (code, project.add_up()["outcomes"]) == (0, {"changed": 14}), project.output
    assert set(project.fleet.commits().values()) == {1}, project.output


def test_every_way_to_break_a_push_ends_in_the_outcome_that_is_true(small):
    before = small.fleet.configurations()
    small.fleet.faults(
        {
            "leaf-001": {"cut": "after-commit", "times": 1},
            "leaf-002": {"cut": "before-commit", "times": 1},
            "leaf-003": {"hang": "commit", "times": 1},
            "leaf-004": {"reject": "no space left on flash"},
            "leaf-005": {"revert": True},
            "leaf-006": {"garbage": "commit"},
            "leaf-007": {"hang": "commit"},
        }
    )
    code, output = small.run(stages=["100%"], timeout=2, max_failure_percentage=100)
    outcomes, commits, after = small.outcomes(), small.fleet.commits(), small.fleet.configurations()
    assert code == 0, output
    small.add_up()
    assert {name: (outcomes[name], commits[name]) for name in ("leaf-001", "leaf-002", "leaf-003")} == {
        "leaf-001": ("changed", 1),
        "leaf-002": ("changed", 1),
        "leaf-003": ("changed", 1),
    }
    assert outcomes["leaf-004"] == "rejected"
    assert "no space left on flash" in output
    assert outcomes["leaf-005"] == "failed"
    assert {outcomes[name] for name in ("leaf-006", "leaf-007")} == {"failed"}
    assert all(after[f"leaf-00{number}"] == before[f"leaf-00{number}"] for number in (4, 5, 6, 7))
    code, output = small.run(playbook="raywright.fleet.status", inventory=False, run="rollout")
    assert (code, "NOT AS WANTED" in output, "rejected: leaf-004" in output, "no space left" in output) == (
        0,
        True,
        True,
        True,
    ), output


def test_what_a_run_changed_and_could_not_save_is_saved_by_the_next_run(small):
    small.fleet.faults(
        {
            "leaf-001": {"cut": "after-commit", "dies": True},
            "leaf-002": {"hang": "write memory"},
        }
    )
    given = {"stages": ["100%"], "timeout": 2, "retries": 2, "max_failure_percentage": 100}
    code, output = small.run(**given)
    assert (code, small.add_up()["outcomes"]) == (0, {"changed": SMALL - 2, "unknown": 2}), output
    reasons = {each["name"]: each["reason"] for each in small.report["failures"]}
    assert "was not read since" in reasons["leaf-001"]
    assert "it runs the change and may not have saved it: put that right" in reasons["leaf-002"]
    unsaved = {name for name, (running, saved) in small.fleet.configurations().items() if running != saved}
    assert unsaved == {"leaf-001", "leaf-002"}
    small.fleet.faults({})
    code, output = small.run("--check", **given)
    assert (code, small.report["outcomes"]) == (0, {"unchanged": SMALL - 2, "pending": 2}), output
    assert "saved: what runs is as wanted" in output
    code, output = small.run(**given)
    assert (code, small.add_up()["outcomes"]) == (0, {"unchanged": SMALL - 2, "changed": 2}), output
    assert all(running == saved for running, saved in small.fleet.configurations().values())
    assert set(small.fleet.commits().values()) == {1}
    code, output = small.run(**given)
    assert (code, small.add_up()["outcomes"]) == (0, {"unchanged": SMALL}), output


def test_a_device_changed_by_hand_between_plan_and_push_is_held_back_and_named(small):
    given = {"approval": "plan", "approval_wait": "park", "requester": "anna"}
    given |= {"max_failure_percentage": 20, "stages": ["100%"]}
    code, output = small.run(**given)
    assert (code, small.state()) == (0, "parked"), output
    small.fleet.faults({"leaf-002": {"by_hand": [BY_HAND]}})
    assert small.approve()[0] == 0
    code, output = small.run(**given)
    assert (code, small.add_up()["outcomes"]) == (0, {"changed": SMALL - 1, "held_back": 1}), output
    running, _saved = small.fleet.configurations()["leaf-002"]
    assert (BY_HAND in running, "ntp server 10.255.0.2" in running) == (True, False)
    assert small.report["failures"][0]["name"] == "leaf-002"
    said = "leaf-002: its configuration is not the one the plan was made on; look at what changed it, then plan again"
    assert f"{said}: +{BY_HAND}" in " ".join(output.split())


def test_only_an_approval_of_this_plan_by_somebody_else_opens_the_gate_and_only_once(small):
    given = {"approval": "plan", "approval_wait": "park", "requester": "anna", "destructive": True}
    assert small.run(**given)[0] == 0
    for wrong, says in (
        ({"approver": "anna"}, "requested it and cannot approve it"),
        ({"digest": "0" * 16}, "look at the plan again"),
        ({}, "destroys data"),
    ):
        code, output = small.approve(**wrong)
        assert (code, says in flat(output)) == (2, True), output
    assert set(small.fleet.commits().values()) == {0}
    assert small.approve(risk_acknowledged=True)[0] == 0
    code, output = small.run(**given)
    assert (code, small.state(), small.approval()[2]) == (0, "completed", "used"), output
    code, output = small.approve(risk_acknowledged=True)
    assert (code, "is used" in output) == (2, True), output
    assert small.report["approvals"][0]["approver"] == "bob"


def test_an_expired_and_a_rejected_approval_leave_the_fleet_alone(small):
    given = {"approval": "plan", "requester": "anna"}
    code, output = small.run(**given, approval_ttl="1s")
    assert (code, "expired" in output) == (2, True), output
    assert small.run(**given, approval_wait="park")[0] == 0
    assert small.approve(verdict="reject", reason="not on a friday")[0] == 0
    code, output = small.run(**given, approval_wait="park")
    assert (code, "rejected by bob: not on a friday" in flat(output), small.state()) == (2, True, "stopped"), output
    assert set(small.fleet.commits().values()) == {0}


def test_each_stage_has_its_gate_and_breaking_glass_is_loud(small):
    given = {"approval": "stages", "approval_wait": "park", "requester": "anna", "stages": [2, "100%"]}
    assert small.run(**given)[0] == 0
    assert small.approve(approver="anna", break_glass=True)[0] == 0
    code, output = small.run(**given)
    assert (code, small.state(), sum(small.fleet.commits().values())) == (0, "parked", 2), output
    assert small.approve()[0] == 0
    code, output = small.run(**given)
    assert (code, small.add_up()["outcomes"], small.state()) == (0, {"changed": SMALL}, "completed"), output
    code, output = small.run(playbook="raywright.fleet.status", inventory=False, run="rollout")
    assert (code, "BREAK GLASS" in output, "The record is whole" in output) == (0, True, True), output


def test_a_changed_definition_is_refused_with_what_changed_and_abandoning_plans_anew(small):
    given = {"approval": "plan", "approval_wait": "park", "requester": "anna"}
    assert small.run(**given)[0] == 0
    other = small.template(TEMPLATE.read_text().replace("noc@example.net", "ops@example.net"))
    for changed, says in (
        ({"template": other}, "another configuration for: spine-001, spine-002"),
        ({"stages": ["50%", "100%"]}, "stages.1%: "),
    ):
        code, output = small.run(**{**given, **changed})
        assert (code, says in flat(output), "unfinished=abandon" in output) == (2, True, True), output
    code, output = small.run("--limit", "leaf", **given)
    assert (code, "devices gone: spine-001, spine-002" in flat(output)) == (2, True), output
    code, output = small.run(**given, template=other, unfinished="abandon")
    assert (code, small.query("SELECT state FROM runs ORDER BY number")) == (0, [("abandoned",), ("parked",)]), output
    assert set(small.fleet.commits().values()) == {0}


@pytest.mark.parametrize(
    ("edit", "approved", "says"),
    [
        ('UPDATE targets SET detail = replace(detail, \'"change":"\', \'"change":"0\')', True, "somebody edited it"),
        ("UPDATE checkpoints SET approval = 0", False, "the gate before plan is closed"),
        ("UPDATE approvals SET state = 'approved', decided_by = 'bob'", False, "somebody edited the record"),
    ],
    ids=["a change", "a gate", "an approval"],
)
def test_what_somebody_edited_in_the_ledger_is_not_sent(small, edit, approved, says):
    given = {"approval": "plan", "approval_wait": "park", "requester": "anna"}
    assert small.run(**given)[0] == 0
    assert not approved or small.approve()[0] == 0
    with contextlib.closing(sqlite3.connect(small.path / "ledger" / "ledger.db")) as connection:
        assert connection.execute(edit).rowcount
        connection.commit()
    code, output = small.run(**given)
    assert (code, says in flat(output)) == (2, True), output
    assert set(small.fleet.commits().values()) == {0}


def test_a_play_of_ones_own_with_tasks_between_stages_and_a_limit_rolls_out_to_its_hosts_only(small):
    play = small.play()
    for when in ("before", "after"):
        (small.path / f"{when}.yml").write_text(
            f"- ansible.builtin.debug:\n    msg: '{when} ={{{{ network_rollout_stage.name }}}}='\n"
        )
    code, output = small.run(
        "--limit",
        "leaf-00[1-3]*,spine",
        playbook=play,
        network_rollout_template=str(TEMPLATE),
        network_rollout_stages=[1, "100%"],
        network_rollout_before_stage=str(small.path / "before.yml"),
        network_rollout_after_stage="after.yml",
    )
    assert code == 0, output
    assert {name for name, commits in small.fleet.commits().items() if commits} == {"leaf-001", "leaf-002", "leaf-003"}
    marks = re.findall(r'"(before|after) =(\S+)="', output)
    assert list(dict.fromkeys(marks)) == [("before", "1"), ("after", "1"), ("before", "100%"), ("after", "100%")]


def test_merge_adds_and_a_config_dir_is_taken_as_it_is(small):
    folder = small.path / "configs"
    folder.mkdir()
    for name in small.fleet.names:
        (folder / f"{name}.cfg").write_text(f"{BY_HAND}\n")
    given = {"template": None, "config_dir": str(folder), "mode": "merge"}
    code, output = small.run(**given)
    assert (code, small.add_up()["outcomes"]) == (0, {"changed": SMALL}), output
    for name, (running, startup) in small.fleet.configurations().items():
        assert (BY_HAND in running, f"hostname {name}" in running, startup == running) == (True, True, True)
    code, output = small.run(**given)
    assert (code, small.add_up()["outcomes"]) == (0, {"unchanged": SMALL}), output
