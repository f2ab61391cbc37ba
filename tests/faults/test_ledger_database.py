# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real PostgreSQL under the ledger, killed in the middle of a stage, back in a moment or not for long."""

import contextlib
from collections import Counter

import postgresql
import psycopg
import pytest
from promises import never_blind, no_secret_leaked
from rollouts import DEADLINE
from test_disks import DEVICES, GIVEN, in_the_second_stage

pytestmark = [
    pytest.mark.postgresql,
    pytest.mark.skipif(postgresql.missing() is not None, reason=str(postgresql.missing())),
]


@pytest.fixture
def project(project_of):
    made = project_of(DEVICES, 40.0)
    with postgresql.restartable() as server:
        made.environment["RAYWRIGHT_LEDGER_URL"] = server.url
        yield made, server


def outcomes(server):
    query = "SELECT name, outcome FROM targets WHERE run_id = (SELECT id FROM runs ORDER BY number DESC LIMIT 1)"
    with contextlib.closing(psycopg.connect(server.url.replace("+psycopg", ""))) as connection:
        return connection.execute(query).fetchall()


def done(made, server):
    rows = outcomes(server)
    assert Counter(outcome for _name, outcome in rows) == {"changed": DEVICES}
    assert sorted(name for name, _outcome in rows) == sorted(made.fleet.names)
    assert set(made.fleet.commits().values()) == {1}
    assert all(running == saved for running, saved in made.fleet.configurations().values())
    never_blind(made.fleet)
    code, output = made.run(playbook="raywright.fleet.status", inventory=False, run="rollout")
    assert (code, "The record is whole" in output) == (0, True), output
    no_secret_leaked(made, made.output, output)


def test_a_database_that_is_killed_and_started_again_in_the_middle_of_a_stage_is_waited_for(project):
    made, server = project
    process = made.start(**GIVEN)
    in_the_second_stage(made, process)
    server.kill()
    server.start()
    assert process.wait(DEADLINE) == 0, made.output
    done(made, server)


@pytest.mark.long
def test_a_database_that_is_away_for_longer_ends_the_run_and_the_same_command_goes_on(project):
    made, server = project
    process = made.start(**GIVEN)
    in_the_second_stage(made, process)
    server.kill()
    assert process.wait(DEADLINE) == 2, made.output
    said = " ".join(made.output.split())
    assert "It was waited for 40 s" in said, said
    assert "run the same command" in said
    assert "fleet@" in said
    server.start()
    code, output = made.run(**GIVEN)
    assert code == 0, output
    done(made, server)
