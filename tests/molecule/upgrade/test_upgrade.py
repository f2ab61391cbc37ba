# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""New settings for the workers, while a job runs."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.molecule.shared.playbooks import eventually

testinfra_hosts = ["ansible://head"]

HERE = Path(__file__).parent
ENOUGH = "/var/lib/ray/tmp/enough"
LABELS = {"generation": f"g{int(time.time())}"}


@pytest.fixture
def dashboard(addresses):
    return f"http://{addresses['head']}:8265"


@pytest.fixture
def token_file(run_directory):
    return run_directory / "ray.token"


@pytest.fixture
def alive(dashboard, token_file, tmp_path):
    """What was alive at any time, while the test lasts."""
    log = tmp_path / "alive"
    with log.open("w") as file:
        watch = subprocess.Popen([sys.executable, HERE / "watch.py", dashboard, token_file], stdout=file)
    yield lambda: [set(json.loads(line)) for line in log.read_text().splitlines()]
    watch.kill()
    watch.wait()


@pytest.fixture
def workers_with(tmp_path):
    """Return the argument that gives the workers other settings, as an edit of the inventory would."""

    def written(**settings: object) -> str:
        file = tmp_path / "settings.json"
        file.write_text(json.dumps({"ray_workers": {"vars": settings}}))
        return f"--inventory={file}"

    return written


@pytest.fixture
def job(playbook, host, dashboard, token_file, run_directory):
    """Start the job and see it work; return what follows it to its end."""
    host.check_output("rm -f %s", ENOUGH)
    given = {
        "job_address": dashboard,
        "job_token_file": str(token_file),
        "job_id": "pieces",
        "job_entrypoint": f"python pieces.py {ENOUGH}",
        "job_working_dir": str(run_directory / "job"),
    }
    (run_directory / "job").mkdir(exist_ok=True)
    (run_directory / "job" / "pieces.py").write_text((HERE / "pieces.py").read_text())
    started = playbook("job", job_wait=False, job_replace=True, **given)
    assert started.status == 0

    def finish():
        host.check_output("touch %s", ENOUGH)
        return playbook("job", job_timeout=300, **given)

    return finish


def test_a_running_job_survives_and_no_more_than_the_allowed_share_is_down(
    playbook, workers_with, job, alive, node, addresses
):
    everybody = {"head", "worker1", "worker2"}
    eventually(lambda: everybody in alive(), seconds=60, what="all nodes alive")
    before = {name: node(name).service("ray").systemd_properties["ExecMainPID"] for name in everybody}

    rolled = playbook("ray_deployment", workers_with(ray_node_labels=LABELS))

    assert rolled.status == 0
    assert rolled.changed == {"worker1", "worker2"}
    eventually(lambda: alive()[-1] == everybody, seconds=60, what="all nodes alive again")
    assert min(len(seen) for seen in alive()) >= 2
    after = {name: node(name).service("ray").systemd_properties["ExecMainPID"] for name in everybody}
    assert {name for name in everybody if after[name] != before[name]} == {"worker1", "worker2"}
    done = job()
    assert done.status == 0
    assert f"on {' '.join(sorted(addresses.values()))}" in done.output


def test_the_same_settings_again_change_nothing(playbook, workers_with):
    again = playbook("ray_deployment", workers_with(ray_node_labels=LABELS))
    assert again.status == 0
    assert again.changed == set()


def test_settings_that_a_worker_does_not_come_up_with_go_no_further(playbook, workers_with, alive, node):
    broken = playbook(
        "ray_deployment",
        workers_with(
            ray_node_labels=LABELS,
            ray_node_environment={"RAY_AUTH_TOKEN_PATH": "/nonexistent"},
            ray_node_start_timeout=30,
        ),
    )
    assert broken.status != 0
    assert min(len(seen) for seen in alive()) >= 2
    assert "worker2" in alive()[-1]

    mended = playbook("ray_deployment", workers_with(ray_node_labels=LABELS))
    assert mended.status == 0
    eventually(lambda: alive()[-1] == {"head", "worker1", "worker2"}, seconds=60, what="all nodes alive again")
