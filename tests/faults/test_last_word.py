# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Killed between a stage's verdict and what it means for the run: the ledger refuses the run's last state just then."""

import pytest
from promises import never_blind, one_outcome_each
from rollouts import NEVER

DEVICES = 4
STRIKE = """\
CREATE TRIGGER strike BEFORE UPDATE OF state ON runs WHEN NEW.state = '{}' BEGIN SELECT RAISE(ABORT, 'struck'); END
"""


@pytest.mark.parametrize(("state", "code", "given"), [("completed", 0, {}), ("stopped", 2, {"validate": NEVER})])
def test_a_stage_with_a_verdict_has_a_run_with_its_state(project_of, state, code, given):
    project = project_of(DEVICES)
    given = {"stages": ["100%"], "approval": "plan", "approval_wait": "park", "requester": "anna", **given}
    assert project.run(**given)[0] == 0
    assert project.approve()[0] == 0
    project.strike(STRIKE.format(state))
    struck, output = project.run(**given)
    assert (struck, "struck" in output, project.state()) == (2, True, "running"), output
    # Nothing that a process killed here would leave looks like an end.
    assert project.query("SELECT state FROM checkpoints WHERE name = '100%'") == [("running",)]
    project.strike("DROP TRIGGER strike")
    ended, output = project.run(**given)
    assert (ended, project.state()) == (code, state), output
    assert set(one_outcome_each(project, project.fleet.names).values()) <= {"changed", "failed"}
    assert set(project.fleet.commits().values()) == {1}
    never_blind(project.fleet)
