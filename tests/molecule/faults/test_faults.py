# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong, and what becomes of it. Each test leaves the cluster whole."""

import json
import re

from tests.molecule.shared.playbooks import eventually

testinfra_hosts = ["ansible://head"]

EVERYBODY = {"head", "worker1", "worker2"}
APPROVAL = re.compile(r"approval=(a-\S+) -e digest=(\S+)")


def play(output: str, name: str) -> str:
    """What one play of an ansible-playbook printed."""
    return output.split(f"PLAY [{name}]", 1)[1].split("\nPLAY ", 1)[0]


def test_a_raylet_that_is_killed_comes_back_by_itself(node, alive):
    worker = node("worker1")
    killed = worker.check_output("pgrep -x raylet")
    worker.check_output("kill -KILL %s", killed)
    eventually(
        lambda: worker.run("pgrep -x raylet").stdout.strip() not in ("", killed) and alive() == EVERYBODY,
        seconds=180,
        what="another raylet on worker1, and all nodes alive",
    )


def test_a_worker_that_is_gone_raises_an_alert_and_the_next_run_brings_it_back(node, alive, firing, playbook):
    node("worker2").check_output("systemctl stop ray")
    eventually(lambda: ("RayNodeDown", "worker2") in firing(), seconds=240, what="an alert for worker2")

    repaired = playbook("deploy")

    assert repaired.status == 0
    assert repaired.changed == {"worker2"}
    eventually(lambda: alive() == EVERYBODY, seconds=60, what="all nodes alive")
    eventually(lambda: ("RayNodeDown", "worker2") not in firing(), seconds=600, what="no alert for worker2")


def test_a_head_whose_processes_are_killed_comes_back_with_its_workers(host, alive):
    host.check_output("systemctl kill --signal=KILL ray")
    eventually(lambda: alive() == EVERYBODY, seconds=300, what="all nodes alive")


def test_a_head_that_loses_power_comes_back_with_its_workers_and_shut_ports(
    alive, power_cycle, scan_from_here, addresses
):
    power_cycle("head")
    eventually(lambda: alive() == EVERYBODY, seconds=300, what="all nodes alive")
    assert scan_from_here([(addresses["head"], port) for port in (22, 6379, 8265, 9090)]) == {(addresses["head"], 22)}


def test_a_checkpoint_that_failed_on_one_host_is_resumed_there_alone(node, playbook, alive):
    worker = node("worker1")
    worker.check_output("mount -t tmpfs -o ro none /etc/ray")

    failed = playbook("ray_deployment")

    assert failed.status != 0
    assert re.search(r"! worker1: failed in ray-deployment", failed.output)
    worker.check_output("umount /etc/ray")

    resumed = playbook("ray_deployment")

    assert resumed.status == 0
    assert "[worker1]" in play(resumed.output, "Install Ray and guard its ports")
    assert "[worker2]" not in play(resumed.output, "Install Ray and guard its ports")
    assert "[head]" not in play(resumed.output, "Install Ray and guard its ports")
    assert alive() == EVERYBODY
    story = playbook("status", run="deploy:ray-deployment", status_format="json", status_events=True)
    assert story.status == 0
    tries = [sorted(moved.items()) for moved in outcomes(story.output)]
    assert tries[-2:] == [[("done", {"head", "worker2"}), ("failed", {"worker1"})], [("done", {"worker1"})]]


def test_cleanup_removes_nothing_without_approval_and_afterwards_that_alone(node, playbook, alive):
    worker = node("worker2")
    run_container(worker, "ray-head")
    run_container(worker, "shop")
    before = containers(worker)
    assert {"ray-head", "shop", "cadvisor"} <= before

    parked = playbook("cleanup_existing", deploy_approval_wait="park")
    assert parked.status == 0
    assert "ray-head" in parked.output
    assert "shop" not in parked.output
    assert containers(worker) == before

    approval, digest = APPROVAL.search(parked.output).groups()
    given = {"approval": approval, "digest": digest, "approver": "second-person", "reason": "I have read it"}
    assert playbook("approve", **given).status != 0, "approved without the risk acknowledged"
    assert playbook("approve", risk_acknowledged=True, **{**given, "digest": "0" * 16}).status != 0
    assert playbook("cleanup_existing", deploy_approval_wait="park").status == 0
    assert containers(worker) == before

    assert playbook("approve", risk_acknowledged=True, **given).status == 0
    removed = playbook("cleanup_existing", deploy_approval_wait="park")
    assert removed.status == 0
    assert removed.changed == {"worker2"}
    assert containers(worker) == before - {"ray-head"}
    assert alive() == EVERYBODY
    worker.check_output("docker rm -f shop")


def test_cleanup_that_was_rejected_removes_nothing(node, playbook):
    worker = node("worker2")
    run_container(worker, "ray-head")
    parked = playbook("cleanup_existing", deploy_approval_wait="park")
    approval, digest = APPROVAL.search(parked.output).groups()
    given = {"approval": approval, "digest": digest, "approver": "second-person", "reason": "still in use"}
    assert playbook("approve", verdict="reject", **given).status == 0
    assert playbook("cleanup_existing", deploy_approval_wait="park").status != 0
    assert "ray-head" in containers(worker)
    worker.check_output("docker rm -f ray-head")


def outcomes(output: str) -> list[dict[str, set[str]]]:
    """What the record says of each try of a checkpoint: which hosts failed, and which were done."""
    record = next(json.loads(line) for line in output.splitlines() if line.startswith('{"run":'))
    tries = []
    for event in record["events"]:
        if event["kind"] == "targets.moved":
            tries.append({})
            for outcome, hosts in event["data"]["targets"].items():
                tries[-1].setdefault("failed" if outcome == "failed" else "done", set()).update(hosts)
    return tries


def run_container(host, name: str) -> None:
    sleep = "import time; time.sleep(99999)"
    image = "raywright-test/cadvisor:standin"
    host.check_output("docker run -d --name %s --entrypoint python3 %s -c %s", name, image, sleep)


def containers(host) -> set[str]:
    return set(host.check_output("docker ps --format %s", "{{.Names}}").split())
