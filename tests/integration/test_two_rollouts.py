# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two rollouts that want the same devices: one has them, the other is told who."""

import json
import subprocess

import pytest
from rollouts import DEADLINE, NEVER, Project, wait_for

from tests.integration import postgresql

SMALL = 9  # below ten devices no Ray is started
PARKED = {"approval": "plan", "approval_wait": "park", "requester": "anna"}


@pytest.fixture
def project(tmp_path):
    project = Project(tmp_path, SMALL, latency=30.0)
    yield project
    project.end()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def on_each_ledger(request, project):
    if request.param == "sqlite":
        yield project
        return
    if reason := postgresql.missing():
        pytest.skip(reason)
    with postgresql.server() as url:
        project.environment["RAYWRIGHT_LEDGER_URL"] = url
        yield project


def flat(output):
    return " ".join(output.split())


def both(project, *given):
    """Start a command for each of ``given`` at once; exit status and output of each."""
    running = [
        subprocess.Popen(
            project.command(**each),
            cwd=project.path,
            env=project.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for each in given
    ]
    outputs = [process.communicate(timeout=DEADLINE)[0] for process in running]
    return [(process.returncode, flat(output)) for process, output in zip(running, outputs, strict=True)]


def test_of_two_commands_at_once_exactly_one_rolls_out_and_the_other_touches_nothing(on_each_ledger):
    project = on_each_ledger
    left, right = both(project, {"name": "left", "report": "left.json"}, {"name": "right", "report": "right.json"})
    won, lost = sorted((left, right))
    assert (won[0], lost[0]) == (0, 2), (won, lost)
    assert (
        f"{SMALL} of the {SMALL} devices are held by another run, nothing was touched: spine-001, spine-002" in lost[1]
    )
    assert "state=abandon run=r-" in lost[1]
    assert set(project.fleet.commits().values()) == {1}
    code, output = project.run(name="left" if won is right else "right")
    assert (code, "changed=0" in output) == (0, True), output


def test_a_parked_run_keeps_others_away_until_it_is_given_up(project):
    assert project.run(name="nightly", **PARKED)[0] == 0
    code, output = project.run("--limit", "leaf-00[1-2]*", name="hotfix", requester="bob")
    assert (code, "leaf-001, leaf-002 by run r-" in output, "of nightly (parked; begun by anna" in flat(output)) == (
        2,
        True,
        True,
    ), output
    code, output = project.run("--check", name="hotfix")
    assert (code, "This run would be refused: another holds 9 devices: " in flat(output)) == (0, True), output
    alias = project.path / "alias.json"
    alias.write_text(json.dumps({"embedded_fleet": {"hosts": {"alias": {"ansible_host": "127.64.0.3"}}}}))
    (project.path / "own.j2").write_text("hostname x\n")
    words = ["--limit", "alias", "-i", str(alias)]
    code, output = project.run(*words, name="alias", template=str(project.path / "own.j2"))
    assert (code, "1 of the 1 devices are held by another run" in flat(output), ": alias by run" in output) == (
        2,
        True,
        True,
    ), output
    project.abandon("nightly")
    code, output = project.run(name="hotfix", requester="bob")
    assert (code, set(project.fleet.commits().values())) == (0, {1}), output


def begun_twice(project, **given):
    """Start a rollout, and the same one while its first stage soaks; exit statuses, and what the second said."""
    given = {"stages": [{"size": 2, "soak": 12}, "100%"], **given}
    first = project.start(**given)
    wait_for(lambda: sum(project.fleet.commits().values()) == 2 or first.poll() is not None, "the first stage soaks")
    code, output = project.run("-v", **given, report="second.json")
    assert "Waiting, at most" in output, output
    return first.wait(DEADLINE), code, flat(output)


def test_the_same_rollout_begun_twice_goes_on_from_the_stage_that_the_other_passed(project):
    first, second, output = begun_twice(project)
    assert (first, second) == (0, 0), output
    assert "has passed already" in output
    assert project.add_up()["outcomes"] == {"changed": SMALL}
    assert set(project.fleet.commits().values()) == {1}


def test_the_same_rollout_begun_twice_fails_with_the_verdict_on_the_stage_that_the_other_saw_fail(project):
    first, second, output = begun_twice(project, validate=NEVER)
    assert (first, second) == (2, 2), output
    assert " failed: 2 of 2 devices" in output
    assert sum(project.fleet.commits().values()) == 2


def test_a_run_that_is_rolled_back_between_two_stages_touches_no_other_device(project):
    hook = project.path / "hook.yml"
    rollback = {"run": "rollout", "reason": "not this week"}
    second = "network_rollout_stage.name == '100%'"
    hook.write_text(json.dumps([{"raywright.fleet.rollout_rollback": rollback, "when": second}]))
    before = project.fleet.configurations()
    code, output = project.run(stages=[2, "100%"], before_stage=str(hook))
    assert (code, "is rolled back: no other stage of it is rolled out" in flat(output)) == (2, True), output
    assert (project.fleet.configurations() == before, project.state()) == (True, "rolled_back")
