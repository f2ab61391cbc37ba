# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ready plays for the usual ways through a network."""

import pytest
from rollouts import TEMPLATE, Project

SMALL = 9  # below ten devices no Ray is started
ORDER = {"strategy_order": ["leaf", "spine"], "strategy_soak": 0}


@pytest.fixture
def project(tmp_path):
    project = Project(tmp_path, SMALL)
    yield project
    project.end()


def strategy(project, name, *options, **given):
    base = {"network_rollout_template": str(TEMPLATE), "network_rollout_report": "report.json"}
    return project.run(*options, playbook=f"raywright.fleet.rollout_{name}", **{**base, **given})


def flat(output):
    return " ".join(output.split())


def stages(project):
    return {stage["name"]: stage["devices"] for stage in project.report["stages"]}


def test_role_by_role_and_region_by_region_each_to_a_part_first(project):
    code, output = strategy(project, "by_region", "--check", strategy_variable="site", strategy_sizes=[1, "100%"])
    assert (code, stages(project)) == (0, {"dc01 1": 1, "dc01 100%": 8}), output
    code, output = strategy(project, "by_role")
    assert (code, "are in no stage: spine-001, spine-002, leaf-001" in flat(output)) == (2, True), output
    assert "(on spine-001 role is 'spine'); the stages are for role=access; role=distribution; role=core" in flat(
        output
    )
    code, output = strategy(project, "by_role", strategy_soke=3)
    assert (code, "There is no option strategy_soke; did you mean strategy_soak?" in flat(output)) == (
        2,
        True,
    ), output
    assert set(project.fleet.commits().values()) == {0}
    code, output = strategy(project, "by_role", **ORDER)
    assert (code, project.add_up()["outcomes"]) == (0, {"changed": SMALL}), output
    assert stages(project) == {"leaf 10%": 1, "leaf 100%": 6, "spine 10%": 1, "spine 100%": 1}


def test_green_waits_for_an_approval_when_blue_is_done(project):
    given = {"strategy_blue": "leaf", "strategy_green": "spine", "strategy_soak": 0}
    given |= {"network_rollout_approval_wait": "park", "network_rollout_requester": "anna"}
    code, output = strategy(project, "blue_green", **given)
    assert (code, project.state(), stages(project)) == (0, "parked", {"blue 10%": 1, "blue 100%": 6, "green": 2}), (
        output
    )
    assert {name for name, commits in project.fleet.commits().items() if commits == 0} == {"spine-001", "spine-002"}
    assert project.approve()[0] == 0
    code, output = strategy(project, "blue_green", **given)
    assert (code, project.state(), project.add_up()["outcomes"]) == (0, "completed", {"changed": SMALL}), output
    code, output = strategy(
        project, "blue_green", strategy_variable="role", **{**given, "network_rollout_requester": "bob"}
    )
    assert (code, project.add_up()["outcomes"]) == (0, {"unchanged": SMALL}), output


def test_only_the_failures_of_a_run_and_what_it_left_in_doubt_is_theirs(project):
    lost = {
        "leaf-001": {"unreachable": True},
        "leaf-002": {"reject": "busy"},
        "leaf-003": {"hang": "commit", "dies": True},
    }
    project.fleet.faults(lost)
    given = {"stages": ["100%"], "max_failure_percentage": 100, "timeout": 2, "retries": 1}
    code, output = project.run(**given)
    assert (code, project.outcomes()["leaf-003"]) == (0, "unknown"), output
    project.fleet.faults({})
    code, output = project.run(**given, name="another")
    assert (code, "leaf-003 by run r-" in output, "completed, in doubt" in flat(output)) == (2, True, True), output
    before = project.fleet.commits()
    code, output = strategy(project, "failures", strategy_run="rollout")
    assert (code, project.report["outcomes"]) == (0, {"changed": 3}), output
    touched = {name for name, commits in project.fleet.commits().items() if commits != before[name]}
    assert touched == set(lost)
    code, output = project.run(**given, name="another")
    assert (code, project.add_up()["outcomes"]) == (0, {"unchanged": SMALL}), output
    code, output = strategy(project, "failures", strategy_run="another")
    assert (code, "nothing to do" in output) == (0, True), output
