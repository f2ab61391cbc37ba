# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rollout as jobs on a real Ray cluster: through the Jobs API, with a token, and with nothing to read on the way."""

import base64
import io
import json
import os
import secrets
import signal
import subprocess
import sys
import zipfile

import pytest
from ray_head import RayHead, Wire, free_ports
from rollouts import DEADLINE, ROOT, Project, wait_for

pytestmark = pytest.mark.ray

DEVICES = 24
FIRST_STAGE = 6
LATENCY_MS = 240.0  # makes a stage long enough to be interrupted in its middle, three times, on a busy machine
OPTIONS = {"stages": ["25%", "100%"], "concurrency": 2}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    project = Project(tmp_path_factory.mktemp("jobs"), DEVICES, LATENCY_MS)
    yield project
    project.end()


@pytest.fixture(scope="module")
def head(project):
    head = RayHead(project.path, project.environment["RAYWRIGHT_FLEET_KEY_FILE"])
    project.environment["RAY_AUTH_TOKEN_PATH"] = str(head.token_file)
    yield head
    head.stop()


def test_what_is_refused_is_refused_in_one_sentence_before_a_device_is_asked(project, head):
    nobody = f"http://127.0.0.1:{free_ports(1)[0]}"
    other = base64.b64encode(secrets.token_bytes(32)).decode()
    refusals = [
        ({"RAY_AUTH_TOKEN": "wrong"}, head.address, "refuses us (HTTP 403)"),
        ({"RAY_AUTH_TOKEN_PATH": ""}, head.address, "refuses us (HTTP 401)"),
        ({"RAYWRIGHT_FLEET_KEY": other}, head.address, "has another fleet key than the controller"),
        ({}, nobody, "does not answer"),
    ]
    for environment, address, said in refusals:
        event = engine_with_no_devices(project, address, environment)
        assert event["event"] == "error"
        assert said in event["message"]
        assert other not in event["message"]


def engine_with_no_devices(project, address, environment):
    """The last event of an engine that is to plan nothing on the cluster at ``address``."""
    header = {"settings": {"run": "r-none", "stage": "plan"}, "ray": address}
    engine = subprocess.Popen(
        [sys.executable, "-m", "engine.rollout"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**project.environment, "PYTHONPATH": str(ROOT), **environment},
        text=True,
    )
    with engine:
        # It stays open: its end would be ours.
        engine.stdin.write(f'{json.dumps(header)}\n"end"\n')
        engine.stdin.flush()
        return json.loads(engine.stdout.readlines()[-1])


def test_a_rollout_killed_on_either_side_or_cut_off_goes_on_and_leaves_nothing_to_read_on_the_cluster(project, head):
    fleet, options = project.fleet, {**OPTIONS, "ray_address": head.address}

    def in_second_stage(more):
        return wait_for(lambda: changed() >= FIRST_STAGE + more, f"{FIRST_STAGE + more} devices to be changed")

    def changed():
        return sum(fleet.commits().values())

    playbook = project.start(**options)
    in_second_stage(1)
    (running,) = [job for job in head.jobs().values() if job["status"] == "RUNNING"]
    look_for_secrets(project, head, [("the package", unzipped(head.package(running)))])
    (driver,) = head.drivers()
    os.kill(driver, signal.SIGKILL)
    assert playbook.wait(DEADLINE) != 0
    assert "Run the same command again" in " ".join(project.output.split())
    assert head.jobs()[running["submission_id"]]["status"] == "FAILED"

    before = changed()
    playbook = project.start(**options)
    in_second_stage(before - FIRST_STAGE + 2)
    playbook.kill()
    playbook.wait()
    wait_for(lambda: all(job["status"] not in {"PENDING", "RUNNING"} for job in head.jobs().values()), "the job to end")
    assert [job["status"] for job in head.jobs().values()].count("STOPPED") == 1
    assert changed() < DEVICES

    before = changed()
    with Wire(head.port) as wire:
        playbook = project.start(**{**options, "ray_address": wire.address})
        in_second_stage(before - FIRST_STAGE + 1)
        wire.cut()
        assert playbook.wait(DEADLINE) == 0, project.output
        wire.shutdown()
    assert project.add_up()["outcomes"] == {"changed": DEVICES}
    assert set(fleet.commits().values()) == {1}
    look_for_secrets(project, head)


def unzipped(package):
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        assert "job.sealed" in archive.namelist()
        return b"".join(archive.read(name) for name in archive.namelist())


def look_for_secrets(project, head, more=()):
    fleet = project.fleet
    key = (fleet.directory / "user_key").read_text().splitlines()[2]
    fleet_key = (project.path / "fleet.key").read_text().strip()
    found = [*head.shown(), *more]
    assert any(fleet.names[0].encode() in content for _where, content in found)  # what is no secret is found this way
    for where, content in found:
        for secret in (fleet.password, key, fleet_key, *fleet.secrets.values()):
            for form in (secret.encode(), base64.b64encode(secret.encode())):
                assert form not in content, f"a secret is in {where}"
