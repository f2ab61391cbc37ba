# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Workers, nodes and heads of Ray are killed in the middle of a stage: real processes, ended by SIGKILL."""

import contextlib
import ipaddress
import os
import re
import signal
import threading
from pathlib import Path

import pytest
from promises import journals, never_blind, no_secret_leaked, one_outcome_each
from ray_head import RayHead, words
from rollouts import DEADLINE, wait_for

pytestmark = [pytest.mark.ray, pytest.mark.long]
GIVEN = {"stages": [2, "100%"], "concurrency": 6, "timeout": 10, "retries": 6, "max_failure_percentage": 100}


def in_the_second_stage(project, process, outcomes=2):
    def reached():
        for journal in project.path.glob(".raywright/runs/*/02-push.jsonl"):
            return journal.read_text().count('"event":"outcome"') >= outcomes
        return process.poll() is not None

    wait_for(reached, "the second stage")
    assert process.poll() is None, project.output


def finished(project, *outputs, code=0, **given):
    """The same command again ends as if nothing had been."""
    ended, output = project.run(**{**GIVEN, **given})
    assert ended == code, output
    done(project, output, *outputs)


def done(project, *outputs):
    assert set(one_outcome_each(project, project.fleet.names).values()) <= {"changed", "unchanged"}
    assert set(project.fleet.commits().values()) == {1}
    assert all(running == saved for running, saved in project.fleet.configurations().values())
    never_blind(project.fleet)
    no_secret_leaked(project, *outputs)


def kill(pid):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def test_workers_that_are_killed_again_and_again_cost_no_outcome_and_no_second_commit(project_of):
    project = project_of(14, 60.0)
    process = project.start(**GIVEN)
    in_the_second_stage(project, process)
    for _time in range(3):
        victims = project.processes(argument=b"ray::_Actor")
        if not victims:
            break
        kill(victims[0])
        lost = len(_events(project, "worker_lost"))
        wait_for(
            lambda lost=lost: len(_events(project, "worker_lost")) > lost or process.poll() is not None, "the loss"
        )
    assert process.wait(DEADLINE) == 0, project.output
    assert _events(project, "worker_lost")
    done(project, project.output)


def test_workers_have_the_priority_of_the_command_that_they_work_for(project_of):
    project = project_of(14, 60.0)
    process = project.start(**GIVEN)
    in_the_second_stage(project, process)
    workers = project.processes(argument=b"ray::_Actor")
    assert workers
    assert {os.getpriority(os.PRIO_PROCESS, pid) for pid in workers} == {os.getpriority(os.PRIO_PROCESS, process.pid)}
    assert process.wait(DEADLINE) == 0, project.output


def test_one_device_that_kills_every_worker_that_talks_to_it_ends_unknown_and_alone(project_of):
    project = project_of(14, 60.0)
    poison = project.fleet.names[-1]
    given = {**GIVEN, "stages": ["100%"], "requester": "anna"}
    assert project.run(**given, approval="plan", approval_wait="park")[0] == 0
    assert project.approve()[0] == 0
    with poisoned(project, poison):
        code, output = project.run(**given, approval="plan", approval_wait="park")
    assert code == 0, output
    outcomes = one_outcome_each(project, project.fleet.names)
    assert {name: outcome for name, outcome in outcomes.items() if outcome != "changed"} == {poison: "unknown"}
    [failure] = project.report["failures"]
    assert "the next run reads it before anything is sent" in failure["reason"]
    never_blind(project.fleet)
    finished(project, output)


@contextlib.contextmanager
def poisoned(project, name):
    """Kill whichever worker process has a connection to this device."""
    over = threading.Event()
    router = project.fleet._serving.fleet.routers[name]
    remote = _hexadecimal(router.node.host, project.fleet._serving.port)

    def watch():
        while not over.wait(0.01):
            for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
                fields = line.split()
                if fields[2] == remote and fields[9] != "0":
                    for pid in project.processes(argument=b"ray::_Actor"):
                        if _holds(pid, fields[9]):
                            kill(pid)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def _hexadecimal(host, port):
    """An address as /proc/net/tcp writes it."""
    return f"{int.from_bytes(ipaddress.ip_address(host).packed, 'little'):08X}:{port:04X}"


def _holds(pid, inode):
    with contextlib.suppress(OSError):
        return any(str(each.readlink()) == f"socket:[{inode}]" for each in Path(f"/proc/{pid}/fd").iterdir())
    return False


def _events(project, kind):
    return [event for event in journals(project) if event["event"] == kind]


@pytest.mark.parametrize("program", [b"/gcs_server", b"/raylet"])
def test_rays_own_processes_killed_on_this_machine_end_the_try_and_the_same_command_goes_on(project_of, program):
    project = project_of(14, 60.0)
    process = project.start(**GIVEN)
    in_the_second_stage(project, process)
    victims = [pid for pid in project.processes() if words(pid)[0].endswith(program)]
    assert victims
    for pid in victims:
        kill(pid)
    process.wait(DEADLINE)
    outcomes = one_outcome_each(project, project.fleet.names)
    assert set(outcomes.values()) <= {"pending", "changed", "unknown"}
    finished(project, project.output)


@pytest.fixture
def cluster(project_of, request):
    project = project_of(16, getattr(request, "param", 60.0))
    head = RayHead(project.path, project.path / "fleet.key")
    project.environment |= {"RAY_AUTH_TOKEN_PATH": str(head.token_file)}
    try:
        yield project, head
    finally:
        head.stop()


@pytest.fixture
def node(cluster):
    _project, head = cluster
    process = head.add_node("127.0.0.3")
    yield process
    head.lose_node(process)
    process.wait(DEADLINE)


@pytest.mark.skipif(os.geteuid() != 0, reason="a second node of one machine needs root")
# So slow that a node's own devices are not all done when the loss of it has come through.
@pytest.mark.parametrize("cluster", [250.0], indirect=True)
def test_a_node_that_is_lost_in_the_middle_of_a_stage_is_worked_around_and_read_back(cluster, node):
    project, head = cluster
    given = {**GIVEN, "ray_address": head.address}
    process = project.start(**given)
    in_the_second_stage(project, process)
    head.lose_node(node)
    assert process.wait(DEADLINE) == 0, project.output
    assert _events(project, "worker_lost"), "the node had no worker, so nothing was tried"
    done(project, project.output)


def test_a_head_that_is_lost_in_the_middle_of_a_stage_ends_the_try_and_a_new_head_goes_on(cluster):
    project, head = cluster
    given = {**GIVEN, "ray_address": head.address}
    process = project.start(**given)
    in_the_second_stage(project, process)
    head.lose()
    assert process.wait(DEADLINE * 2) == 2, project.output
    said = re.sub(r"\s+", " ", project.output)
    assert "run the same command" in said.lower(), said
    assert set(one_outcome_each(project, project.fleet.names).values()) <= {"pending", "changed", "unknown"}
    head.start()
    finished(project, project.output, ray_address=head.address)
