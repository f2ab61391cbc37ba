# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process that keeps a lease alive for another one."""

import os
import subprocess
import time
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from engine.ledger import open_ledger, process, this_process
from engine.ledger.keeper import keep

KEY = b"k" * 32
TTL = 2.0
DEADLINE = 60
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'ledger.db'}"


@pytest.fixture
def ledger(url):
    ledger = open_ledger(url, chain_key=KEY)
    yield ledger
    ledger.close()


@pytest.fixture
def owner():
    """A process that is busy with something else."""
    busy = subprocess.Popen(["sleep", "600"])
    yield busy
    busy.kill()
    busy.wait()


@pytest.fixture
def lease(ledger, owner):
    run = ledger.create_run(name="deploy", kind="deployment", requester="anna", definition={})
    return ledger.acquire_lease(run.id, owner=process(owner.pid), ttl=TTL)


def heartbeat(url):
    engine = create_engine(url)
    with engine.connect() as connection:
        found = connection.execute(text("SELECT heartbeat FROM leases")).scalar_one_or_none()
    engine.dispose()
    return found


def wait_for(what):
    deadline = time.monotonic() + DEADLINE
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_busy_owner_is_heard_of_and_the_lease_is_given_back_for_a_dead_one(ledger, owner, lease, url):
    keeper = keep(lease, url=url, chain_key=KEY, environment=ENVIRONMENT)
    first = heartbeat(url)
    wait_for(lambda: heartbeat(url) > first)
    owner.kill()
    owner.wait()
    assert keeper.wait(DEADLINE) == 0
    assert heartbeat(url) is None
    assert ledger.verify().ok


def test_a_lease_that_went_to_somebody_else_is_left_to_them(ledger, owner, lease, url):
    keeper = keep(lease, url=url, chain_key=KEY, environment=ENVIRONMENT)
    first = heartbeat(url)
    wait_for(lambda: heartbeat(url) > first)
    ledger.release(lease)
    ours = ledger.acquire_lease(lease.run_id, owner=this_process(), ttl=TTL)
    owner.kill()
    owner.wait()
    assert keeper.wait(DEADLINE) == 0
    assert ledger.lease_of(lease.run_id, owner=this_process()) == ours
