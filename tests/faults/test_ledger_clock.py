# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A clock that is set back an hour in the middle of a stage, for the ledger and all that acts on it.

It is the ledger's own clock that is wrong: the machine's is everybody's, and libfaketime breaks Python's ``sleep``.
"""

import os
import signal

import pytest
from promises import never_blind, no_secret_leaked, one_outcome_each
from rollouts import Project, wait_for
from test_controller_killed import LATENCY, NAME, SMALL, Controller, plan


@pytest.mark.parametrize(
    "killed",
    [
        pytest.param(False, id="goes on", marks=pytest.mark.long),
        pytest.param(True, id="is killed and resumed"),
    ],
)
def test_a_stage_whose_clock_is_set_back_an_hour_ends_as_if_it_had_not_been(tmp_path, killed):
    project = Project(tmp_path, SMALL, LATENCY)
    controller = None
    try:
        wanted = plan(project)
        controller = Controller(project)
        process = controller.begin(NAME)
        wait_for(lambda: "changed" in project.outcomes().values(), "the first outcome")
        (project.path / "clock").write_text("-3600")
        if killed:
            os.kill(process, signal.SIGKILL)
            assert controller.end() == -signal.SIGKILL
            controller.begin(NAME)
        assert controller.end() == 0, controller.said
        assert project.state() == "completed"
        assert set(one_outcome_each(project, project.fleet.names).values()) == {"changed"}
        assert set(project.fleet.commits().values()) == {1}
        assert project.fleet.configurations() == {name: (text, text) for name, text in wanted.items()}
        never_blind(project.fleet)
        # Nothing is dated before what it follows.
        times = [at for (at,) in project.query("SELECT at FROM events ORDER BY seq")]
        assert times == sorted(times)
        no_secret_leaked(project, controller.said)
    finally:
        if controller is not None:
            controller.close()
        project.end()
