# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rollback is a rollout itself: in stages, with a breaker, on record, and it goes on where it was cut off."""

import json
import os
import shutil
import signal
import subprocess

import pytest
from rollouts import BY_HAND, DEADLINE, NEVER, TEMPLATE, wait_for

SMALL = 9  # below ten devices no Ray is started


def flat(output):
    return " ".join(output.split())


def rolled_out(project, **given):
    """Roll out to all; the configurations of before, and the devices in the order of their rollback."""
    before = project.fleet.configurations()
    code, output = project.run(stages=[2, "100%"], **given)
    assert code == 0, output
    newest = "SELECT id FROM runs ORDER BY number DESC LIMIT 1"
    both = "targets t JOIN checkpoints c ON c.run_id = t.run_id AND c.name = t.checkpoint"
    last_first = f"SELECT t.name FROM {both} WHERE t.run_id = ({newest}) ORDER BY c.position DESC, t.position DESC"
    order = project.query(last_first)
    return before, [name for (name,) in order]


def rollback(project, *options, **given):
    wanted = {"run": "rollout", "reason": "packet loss", "report": "report.json", **given}
    return project.run(*options, playbook="raywright.fleet.rollback", **wanted)


def steps(report):
    return [(each["name"], each["devices"], each["outcomes"], each["verdict"]) for each in report["rollbacks"]]


def test_a_rollback_goes_in_stages_the_last_first_is_on_record_and_holds_its_devices(project_of):
    project = project_of(SMALL)
    before, order = rolled_out(project)
    code, output = rollback(project, "--check")
    assert (code, "9 devices of run r-" in output, "to what they were before it: 1, then 8" in flat(output)) == (
        0,
        True,
        True,
    ), output
    assert f"step 1: {order[0]}" in output
    code, output = rollback(project, stages=[1, 4, "100%"])
    assert (code, project.fleet.configurations() == before, project.state()) == (0, True, "rolled_back"), output
    report = project.add_up()
    assert report["outcomes"] == {"rolled_back": SMALL}
    assert steps(report) == [
        ("rollback 1", 1, {"rolled_back": 1}, "passed"),
        ("rollback 2", 3, {"rolled_back": 3}, "passed"),
        ("rollback 3", 5, {"rolled_back": 5}, "passed"),
    ]
    assert [stage["name"] for stage in report["stages"]] == ["2", "100%"]
    restored = [
        json.loads(data)["targets"]
        for (data,) in project.query("SELECT data FROM events WHERE kind = 'targets.moved' ORDER BY seq")
    ]
    first = next(each["rolled_back"] for each in restored if "rolled_back" in each)
    assert first == order[:1]
    assert project.query("SELECT count(*) FROM claims") == [(0,)]
    code, output = rollback(project)
    assert (code, "is rolled back already" in output) == (0, True), output
    code, output = project.run(playbook="raywright.fleet.status", inventory=False, run="rollout")
    assert (code, "The record is whole" in output) == (0, True), output


def test_the_breaker_stops_it_nobody_else_is_touched_and_once_put_right_it_goes_on(project_of):
    project = project_of(SMALL)
    before, order = rolled_out(project)
    after = project.fleet.configurations()
    project.fleet.faults({order[0]: {"reject": "flash is read-only"}})
    code, output = rollback(project)
    assert (code, project.fleet.configurations() == after) == (2, True), output
    assert "1 of 1 devices failed in this stage (100%, limit 10%)" in flat(output)
    assert "flash is read-only" in output
    assert "8 devices not touched" in flat(output)
    assert steps(project.add_up()) == [("rollback 1", 1, {"failed": 1}, "failed")]

    parked = {"name": "parked", "approval": "plan", "approval_wait": "park", "requester": "anna"}
    (project.path / "other.j2").write_text("hostname {{ inventory_hostname }}\n")
    assert project.run(**parked, template=str(project.path / "other.j2"))[0] == 0
    code, output = rollback(project)
    refused = "devices are held by another run" in output and "of parked (parked" in flat(output)
    assert (code, refused, project.fleet.configurations() == after) == (2, True, True), output
    project.abandon("parked")

    code, output = rollback(project, at_once=True)
    assert (code, project.report["outcomes"]) == (2, {"rolled_back": 8, "failed": 1}), output
    project.fleet.faults({})
    code, output = rollback(project)
    assert (code, project.fleet.configurations() == before, project.report["state"]) == (0, True, "rolled_back"), output
    assert [each[3] for each in steps(project.report)] == ["failed", "failed", "passed"]


def test_it_says_how_many_could_not_be_restored_and_what_helps(project_of):
    project = project_of(SMALL)
    rolled_out(project)
    project.fleet.faults({"*": {"reject": "flash is read-only"}})
    code, output = rollback(project, stages=["100%"])
    assert (code, project.report["outcomes"]) == (2, {"failed": SMALL}), output
    assert "and 6 more. Every device had its turn: put that right and run the rollback again" in flat(output)
    code, output = rollback(project, at_once=True)
    assert (code, "and 6 more. Run the rollback again once that is put right" in flat(output)) == (2, True), output


def test_an_option_that_makes_no_sense_is_refused_before_anything_is_touched(project_of):
    project = project_of(SMALL)
    before, _order = rolled_out(project)
    changed = project.fleet.configurations()
    for given, says in (
        ({"exchange_timeout": "soon"}, "timeout: 'soon' is no duration; write seconds, or a number with s, m, h or d"),
        ({"exchange_timeout": 0}, "timeout: no device answers in no time"),
        ({"max_failure_percentage": 101}, "max_failure_percentage: 101 is not a number from 0 to 100"),
        ({"concurrency": 0}, "concurrency: 0 is not a number of at least 1"),
    ):
        code, output = rollback(project, **given)
        assert (code, says in flat(output)) == (2, True), output
    assert project.fleet.configurations() == changed
    code, output = rollback(project, exchange_timeout="1m")
    assert (code, project.fleet.configurations() == before) == (0, True), output


def in_the_middle(project, process):
    """Wait until a rollback has restored four devices, some of them in its second step."""

    def restored():
        found = [text for path in project.path.glob(".raywright/runs/*/*-rollback.jsonl") if (text := path.read_text())]
        return sum(text.count('"event":"outcome"') for text in found) >= 4 or process.poll() is not None

    wait_for(restored, "two outcomes of the second step")
    assert process.poll() is None, project.output


def test_one_that_a_failed_stage_began_goes_on_whatever_the_tasks_before_that_stage_say_by_then(project_of):
    project = project_of(SMALL, latency=50.0)
    before = project.fleet.configurations()
    hook = project.path / "before.yml"
    hook.write_text(f"- ansible.builtin.assert:\n    that: \"'{project.path}/closed' is not exists\"\n")
    given = {"stages": ["100%"], "before_stage": str(hook), "validate": NEVER, "on_failure": "rollback_stage"}
    process = project.start(**given, concurrency=2)
    in_the_middle(project, process)
    for pid in [process.pid, *project.processes(argument=b"engine.rollout")]:
        os.kill(pid, signal.SIGKILL)
    process.wait(DEADLINE)
    (project.path / "closed").touch()
    code, output = project.run(**given, concurrency=2)
    assert (code, project.fleet.configurations() == before, project.state()) == (2, True, "rolled_back"), output
    assert "rollback 2   8 devices; interrupted\n" in output
    code, output = rollback(project)
    assert (code, "is rolled back already" in output) == (0, True), output


@pytest.mark.parametrize("victim", ["playbook", "engine"])
def test_one_that_was_killed_is_gone_on_with_and_ends_byte_for_byte(project_of, victim):
    project = project_of(SMALL, latency=50.0)
    before, _order = rolled_out(project, timeout=10, concurrency=2)
    words = {"run": "rollout", "reason": "killed", "stages": [2, "100%"], "report": "report.json"}
    process = project.start(playbook="raywright.fleet.rollback", **words)
    in_the_middle(project, process)
    victims = [process.pid] if victim == "playbook" else project.processes(argument=b"engine.rollout")
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    assert process.wait(DEADLINE) != 0
    held = project.query("SELECT DISTINCT why FROM claims")
    assert held == [("rollback",)]
    _code, output = project.run(playbook="raywright.fleet.status", inventory=False, run="rollout")
    assert "a rollback of it is at work, or was interrupted: then the same command goes on with it" in output
    code, output = rollback(project, stages=[2, "100%"])
    assert (code, project.fleet.configurations() == before, project.state()) == (0, True, "rolled_back"), output
    assert project.add_up()["outcomes"] == {"rolled_back": SMALL}
    assert set(project.fleet.commits().values()) == {2}, "once changed and once restored"


@pytest.mark.parametrize("on_failure", ["rollback_stage", "stop"])
@pytest.mark.parametrize(
    ("outcome", "fault"),
    [
        ("held_back", {"by_hand": [BY_HAND]}),
        ("unreachable", {"unreachable": True}),
        ("rejected", {"reject": "no more memory"}),
    ],
)
def test_a_device_that_the_run_never_changed_is_no_part_of_it_and_in_nobodys_way(
    project_of, on_failure, outcome, fault
):
    project = project_of(SMALL)
    given = {"approval": "plan", "approval_wait": "park", "requester": "anna", "retries": 1}
    given |= {"stages": [5, "100%"], "on_failure": on_failure}
    assert project.run(**given)[0] == 0
    stages = dict(project.query("SELECT name, checkpoint FROM targets"))
    canary = [name for name, stage in stages.items() if stage == "5"]
    before = project.fleet.configurations()
    # Some of them: the last to be changed would be the first to be restored.
    spoilt = set(canary[-2:])
    project.fleet.faults(dict.fromkeys(spoilt, fault))
    assert project.approve()[0] == 0
    code, output = project.run(**given)
    assert code == 2, output
    if on_failure == "stop":
        code, output = rollback(project)
        assert (code, "3 of 3 devices of run" in output) == (0, True), output
    now = project.fleet.configurations()
    assert {name for name in before if now[name] != before[name]} == (spoilt if outcome == "held_back" else set())
    left = {name: each for name, each in project.outcomes().items() if each != "pending"}
    assert left == dict.fromkeys(canary, "rolled_back") | dict.fromkeys(spoilt, outcome)


def test_devices_that_cannot_be_reached_keep_nobody_from_being_restored(project_of):
    project = project_of(SMALL)
    before, order = rolled_out(project)
    cut = set(order[:3])
    project.fleet.faults({name: {"unreachable": True} for name in cut})
    code, output = rollback(project)
    now = project.fleet.configurations()
    assert (code, {name for name in before if now[name] != before[name]}) == (2, cut), output
    assert "6 of 9 devices of run r-" in flat(output)
    assert project.report["outcomes"] == {"rolled_back": 6, "unknown": 3}
    project.fleet.faults({})
    code, output = rollback(project)
    assert (code, project.fleet.configurations() == before, project.state()) == (0, True, "rolled_back"), output
    assert "not rolled back" not in output


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text.replace("10.255.0.2", "192.0.2.77"),
        lambda text: text.replace("ntp server 10.255.0.2\n", ""),
    ],
)
def test_what_somebody_saved_since_is_held_back_as_well(project_of, edit):
    project = project_of(SMALL)
    before, order = rolled_out(project)
    saved_by_hand(project, order[-1], edit)
    changed = project.fleet.configurations()[order[-1]]
    for _try in range(2):
        code, output = rollback(project)
        assert (code, project.report["outcomes"]) == (2, {"rolled_back": 8, "held_back": 1}), output
        assert "somebody changed its saved configuration since" in flat(output)
        assert project.fleet.configurations() == {**before, order[-1]: changed}


def saved_by_hand(project, name, edit):
    router = project.fleet._serving.fleet.routers[name]
    router._state.store(name, "startup", edit(router.startup))


def removed_by_hand(project, name, line):
    router = project.fleet._serving.fleet.routers[name]
    router._state.store(name, "running", router.running.replace(f"{line}\n", ""))


def test_what_somebody_changed_stays_theirs_however_often_the_rollback_is_tried(project_of):
    project = project_of(SMALL)
    before, order = rolled_out(project)
    theirs = order[3]
    removed_by_hand(project, theirs, "ntp server 10.255.0.2")
    changed = project.fleet.configurations()[theirs]
    code, output = rollback(project, "--limit", f"{order[0]},{order[1]}")
    assert code == 0, output
    for _try in range(2):
        code, output = rollback(project)
        assert (code, project.report["outcomes"]) == (2, {"rolled_back": 8, "held_back": 1}), output
        assert project.fleet.configurations() == {**before, theirs: changed}


def test_a_newer_run_stays_however_often_an_older_one_is_rolled_back(project_of):
    project = project_of(SMALL)
    rolled_out(project, name="older")
    text = f"{TEMPLATE.read_text()}ntp server 10.255.0.3\n"
    rolled_out(project, name="newer", template=project.template(text))
    newer = project.fleet.configurations()
    for given in ({}, {}, {"at_once": True}, {}):
        code, output = rollback(project, run="older", **given)
        assert (code, project.fleet.configurations() == newer) == (2, True), output


def test_a_name_whose_newest_run_did_nothing_is_not_taken_for_an_earlier_one(project_of):
    project = project_of(SMALL)
    before, _order = rolled_out(project)
    first = project.report["run"]
    code, output = project.run("-e", "raywright_known_hosts=/dev/null", stages=["100%"])
    assert (code, "Plan of run" in output) == (2, False), output
    code, output = rollback(project)
    assert (code, f"Earlier ones of that name have: {first} (9 changed, " in flat(output)) == (2, True), output
    code, output = rollback(project, run=project.query("SELECT id FROM runs ORDER BY number DESC LIMIT 1")[0][0])
    assert (code, "There is nothing to roll back of run" in flat(output)) == (0, True), output
    code, output = rollback(project, run=first)
    assert (code, project.fleet.configurations() == before) == (0, True), output


def test_who_changed_something_since_is_told_by_the_lines(project_of):
    project = project_of(SMALL)
    rolled_out(project)
    project.fleet.faults({"leaf-001": {"by_hand": [BY_HAND]}})
    removed_by_hand(project, "leaf-002", "ntp server 10.255.0.2")
    code, output = rollback(project)
    assert (code, project.report["outcomes"]) == (2, {"rolled_back": 7, "held_back": 2}), output
    assert f"leaf-001: not rolled back: somebody changed it since; look at it first: +{BY_HAND}" in flat(output)
    assert "leaf-002: not rolled back: somebody changed it since; look at it first: -ntp server 10.255.0.2" in flat(
        output
    )
    assert "completed, rolled back in part: 9 devices" in flat(output)


@pytest.mark.parametrize("stages", [[1, "100%"], ["100%"]])
def test_whoever_waits_for_a_member_of_its_group_that_cannot_be_reached_counts_for_nothing_either(project_of, stages):
    project = project_of(SMALL)
    before = project.fleet.configurations()
    inventory = project.path / "pairs.json"
    inventory.write_text(json.dumps({"all": {"hosts": {"leaf-001": {"pair": "a"}, "leaf-002": {"pair": "a"}}}}))
    code, output = project.run("-i", str(inventory), never_together="pair", stages=["100%"])
    assert code == 0, output
    # The second wave is the first to be restored: a step of its own, where there are two.
    [(cut,)] = project.query("SELECT name FROM targets ORDER BY json_extract(detail, '$.wave') DESC LIMIT 1")
    other = {"leaf-001": "leaf-002", "leaf-002": "leaf-001"}[cut]
    project.fleet.faults({cut: {"unreachable": True}})
    code, output = rollback(project, stages=stages)
    left = {name: each for name, each in project.outcomes().items() if each != "rolled_back"}
    assert (code, left) == (2, {cut: "unknown", other: "held_back"}), output
    assert f"{other}: not touched: it waits for {cut} (unknown), of the same redundancy group" in flat(output)
    # Known by now, it is tried before the one that waits for it, however few a step has.
    code, output = rollback(project, stages=[1, "100%"])
    left = {name: each for name, each in project.outcomes().items() if each != "rolled_back"}
    assert (code, left) == (2, {cut: "unknown", other: "held_back"}), output
    project.fleet.faults({})
    code, output = rollback(project)
    assert (code, project.fleet.configurations() == before, project.state()) == (0, True, "rolled_back"), output


def test_what_was_pushed_when_controller_and_journal_were_lost_is_restored_too(project_of):
    project = project_of(SMALL, latency=200.0)
    before = project.fleet.configurations()
    process = project.start(stages=["100%"], concurrency=2)
    wait_for(lambda: sum(project.fleet.commits().values()) >= 3 or process.poll() is not None, "some are changed")
    for pid in [process.pid, *project.processes(argument=b"engine.rollout")]:
        os.kill(pid, signal.SIGKILL)
    assert process.wait(DEADLINE) != 0
    shutil.rmtree(project.path / ".raywright" / "runs")
    code, output = rollback(project)
    assert (code, project.fleet.configurations() == before, project.state()) == (0, True, "rolled_back"), output


def test_what_the_same_command_did_later_is_pointed_to(project_of):
    project = project_of(SMALL)
    project.fleet.faults({"leaf-001": {"reject": "flash is read-only"}})
    assert project.run(stages=["100%"], max_failure_percentage=50)[0] == 0
    first = project.report["run"]
    project.fleet.faults({})
    assert project.run(stages=["100%"], max_failure_percentage=50)[0] == 0
    second = project.report["run"]
    code, output = rollback(project, run=first)
    assert (code, project.report["outcomes"]) == (0, {"rolled_back": 8, "rejected": 1}), output
    assert f"Mind: {second} of the same name changed devices after it" in flat(output)
    code, output = rollback(project, run=second)
    assert (code, "Mind: " in output, project.report["outcomes"]["rolled_back"]) == (0, False, 1), output


def test_a_limit_holds_for_a_rollback_too(project_of):
    project = project_of(SMALL)
    before, order = rolled_out(project)
    after = project.fleet.configurations()
    code, output = rollback(project, "--limit", f"{order[2]},{order[5]}")
    some = {order[2], order[5]}
    assert code == 0, output
    assert project.fleet.configurations() == {name: (before if name in some else after)[name] for name in before}
    assert project.report["outcomes"] == {"rolled_back": 2, "changed": 7}
    code, output = rollback(project, "--limit", order[2])
    assert (code, "There is nothing to roll back of run r-" in output) == (0, True), output
    assert project.state() != "rolled_back"
    code, output = rollback(project)
    assert (code, project.fleet.configurations() == before, project.state()) == (0, True, "rolled_back"), output


def test_what_the_inventory_no_longer_has_is_named_and_the_others_are_restored(project_of):
    project = project_of(SMALL)
    before, order = rolled_out(project)
    lister = project.command()[0].replace("-playbook", "-inventory")
    words = [lister, "-i", str(project.fleet.directory / "inventory"), "--list"]
    listed = subprocess.run(words, env=project.environment, check=True, capture_output=True).stdout
    variables = json.loads(listed)["_meta"]["hostvars"]
    inventory = project.path / "fewer.json"
    inventory.write_text(json.dumps({"all": {"hosts": {name: variables[name] for name in order[1:]}}}))
    code, output = rollback(project, "-i", str(inventory), inventory=False)
    assert code == 2, output
    assert "8 of 9 devices of run r-" in flat(output)
    assert f"{order[0]}: not restored: the inventory does not have it any more" in flat(output)
    now = project.fleet.configurations()
    assert {name for name in before if now[name] != before[name]} == {order[0]}


def test_one_that_died_behind_its_last_device_is_ended_by_the_next(project_of):
    project = project_of(SMALL)
    before, _order = rolled_out(project)
    # The ledger takes everything but the last word, as if the process had been killed just before it.
    strike = "CREATE TRIGGER strike BEFORE UPDATE OF state ON runs BEGIN SELECT RAISE(ABORT, 'struck'); END"
    project.strike(strike)
    code, output = rollback(project)
    assert (code, "struck" in output) == (2, True), output
    assert (project.fleet.configurations() == before, project.state()) == (True, "completed")
    project.strike("DROP TRIGGER strike")
    code, output = rollback(project)
    assert (code, project.state()) == (0, "rolled_back"), output
    assert project.query("SELECT count(*) FROM claims") == [(0,)]
    assert set(project.fleet.commits().values()) == {2}, "once changed and once restored"


def test_one_that_waited_for_the_rollout_restores_what_that_changed_meanwhile_too(project_of):
    project = project_of(SMALL, latency=200.0)
    before = project.fleet.configurations()
    rollout = project.start(stages=["100%"], concurrency=1)
    wait_for(lambda: any(project.fleet.commits().values()) or rollout.poll() is not None, "the first device is changed")
    code, output = rollback(project)
    assert rollout.wait(DEADLINE) == 0, project.output
    assert (code, "Waiting, at most" in output, project.state()) == (0, True, "rolled_back"), output
    assert project.fleet.configurations() == before
    assert project.add_up()["outcomes"] == {"rolled_back": SMALL}
