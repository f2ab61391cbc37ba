# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The deployment's playbooks: what runs when, what is asked, what is recorded. On stand-in roles."""

import json
import os
import shutil
import signal
import socket

import pytest

from tests.integration.deployments import Deployment

SIX = [
    "prerequisites-check",
    "docker-installation",
    "cleanup-existing",
    "ray-deployment",
    "monitoring-deployment",
    "final-validation",
]


@pytest.fixture(scope="module")
def parked_once(tmp_path_factory):
    deployment = Deployment(tmp_path_factory.mktemp("parked"))
    done = deployment.deploy()
    assert done.status == 0, done.output
    assert "install docker" in done.output
    assert deployment.runs() == [("deploy", "parked")]
    return deployment


@pytest.fixture
def deployment(parked_once, tmp_path):
    """Nothing is deployed or recorded yet; the hosts have been met before."""
    return _continued(parked_once, Deployment(tmp_path), "facts")


@pytest.fixture
def parked(parked_once, deployment):
    return _continued(parked_once, deployment)


@pytest.fixture(scope="module")
def deployed_once(parked_once, tmp_path_factory):
    deployment = _continued(parked_once, Deployment(tmp_path_factory.mktemp("deployed")))
    report = deployment.path / "report.json"
    deployment.approve()
    deployment.deploy()
    deployment.approve()
    done = deployment.deploy(deploy_report=str(report))
    assert done.status == 0, done.output
    return deployment


@pytest.fixture
def deployed(deployed_once, deployment):
    return _continued(deployed_once, deployment)


def _continued(before, deployment, *names):
    for name in names or (".raywright", "home", "state", "facts"):
        shutil.copytree(before.path / name, deployment.path / name, dirs_exist_ok=True)
    return deployment


def test_a_deployment_passes_its_six_checkpoints_in_order(deployed):
    assert list(deployed.checkpoints().items()) == [(name, "passed") for name in SIX]
    assert deployed.runs() == [("deploy", "completed")]


def test_its_report_tells_checkpoints_hosts_approvals_and_checks(deployed_once):
    report = json.loads((deployed_once.path / "report.json").read_text())
    assert (report["ok"], report["state"]) == (True, "completed")
    assert [row["name"] for row in report["checkpoints"]] == SIX
    assert report["checkpoints"][1]["approval"]["approver"] == "bob"
    assert report["checkpoints"][3]["outcomes"] == {"changed": 3}
    assert report["checks"]["ok"]


def test_what_the_inventory_says_to_a_role_wins_over_what_the_deployment_works_out(deployed_once):
    told = {path.name: path.read_text() for path in deployed_once.state.iterdir()}
    assert told["n2.node_exporter"] == "0.0.0.0"
    assert told["n1.node_exporter"] != "0.0.0.0"
    assert told["n3.firewall"] == "7000"
    assert "6379" in told["n1.firewall"].split()


def test_a_second_deployment_beside_the_first_is_refused_and_goes_on_when_that_was_killed(parked):
    with parked.at_work("deploy", until="waiting for approval of", deploy_approval_wait="hold") as first:
        events = parked.query("SELECT count(*) FROM events")
        told = f"is in the hands of process {first.pid} on {socket.gethostname()} since 20"
        # The whole one, and one of a checkpoint that the first has done, which would be a run of its own.
        for given in ({}, {"checkpoint": "prerequisites-check"}):
            done = parked.deploy(**given)
            assert (done.status, told in " ".join(done.output.split())) == (2, True), done.output
            assert "PLAY [Check what a deployment needs]" not in done.output
        assert parked.query("SELECT count(*) FROM events") == events
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
        done = parked.deploy()
    assert (done.status, parked.runs()) == (0, [("deploy", "parked")]), done.output


def test_a_second_deployment_asks_nobody_and_changes_nothing(deployed):
    done = deployed.deploy()
    assert done.status == 0, done.output
    assert {counts["changed"] for counts in done.recap.values()} == {0}
    assert deployed.checkpoints()["docker-installation"] == "skipped"
    assert deployed.runs() == [("deploy", "completed"), ("deploy", "completed")]


def test_while_it_is_parked_nothing_behind_the_gate_is_done_and_the_report_is_not_ok(parked):
    assert not list(parked.state.iterdir())
    report = parked.path / "report.json"
    done = parked.deploy(deploy_report=str(report))
    assert (done.status, list(parked.state.iterdir())) == (0, []), done.output
    told = json.loads(report.read_text())
    assert (told["ok"], told["failed"], told["left"]) == (False, False, SIX[1:])


def test_only_the_host_that_failed_is_done_again(parked):
    parked.approve()
    done = parked.deploy(fails="docker@n2")
    assert done.status == 2, done.output
    assert "! n2: failed in docker-installation" in done.output
    assert "broken by the test" in done.output
    assert parked.outcomes("docker-installation") == {"n1": "changed", "n2": "failed", "n3": "changed"}
    done = parked.deploy()
    assert "n2:\n    - install docker" in done.output.replace("  n2", "n2"), done.output
    assert done.hosts_of("Look at what Docker needs") == ["n2"]
    parked.approve()
    done = parked.deploy()
    assert done.hosts_of("Install Docker") == ["n2"]
    assert parked.outcomes("docker-installation") == dict.fromkeys(["n1", "n2", "n3"], "changed")


def test_a_play_that_fails_on_all_its_hosts_is_recorded_and_nothing_behind_it_runs(deployed):
    (deployed.state / "n1.ray_head").unlink()
    done = deployed.deploy(fails="ray_head@n1")
    assert done.status == 2, done.output
    assert deployed.outcomes("ray-deployment") == {"n1": "failed", "n2": "failed", "n3": "failed"}
    assert "has not come up in this run" in done.output
    assert deployed.checkpoints()["monitoring-deployment"] == "pending"
    assert deployed.runs()[-1] == ("deploy", "failed")
    done = deployed.deploy()
    assert (done.status, deployed.runs()[-1]) == (0, ("deploy", "completed")), done.output


def test_a_host_that_cannot_be_reached_is_recorded_as_that(deployment):
    inventory = deployment.path / "inventory"
    away = "n3 ansible_connection=ssh ansible_host=127.0.0.1 ansible_port=1"
    inventory.write_text(inventory.read_text().replace("\nn3 ", f"\n{away} "))
    next(deployment.facts.glob("*n3")).unlink()
    done = deployment.deploy()
    assert done.status == 2, done.output
    expected = {"n1": "unchanged", "n2": "unchanged", "n3": "unreachable"}
    assert deployment.outcomes("prerequisites-check") == expected
    # On a busy machine ssh has ended before Ansible writes to it, which is what Ansible says then.
    assert "Connection refused" in done.output or "Broken pipe" in done.output


def test_a_host_on_which_more_is_to_be_done_than_was_approved_is_held_back(parked):
    parked.approve()
    done = parked.deploy(drift=["remove everything"])
    assert done.status == 2, done.output
    assert set(parked.outcomes("docker-installation").values()) == {"held_back"}
    assert "New: remove everything" in done.output
    assert not list(parked.state.iterdir())


def test_a_rejected_deployment_stops(parked):
    parked.approve(verdict="reject", reason="not on a friday")
    done = parked.deploy()
    assert done.status == 2, done.output
    assert "not on a friday" in done.output.split("Fail where not all is well")[1]
    assert (parked.runs(), list(parked.state.iterdir())) == ([("deploy", "stopped")], [])


def test_one_checkpoint_is_a_step_of_the_unfinished_deployment_that_has_it_to_do(parked):
    done = parked.deploy(checkpoint="prerequisites-check")
    assert done.status == 0, done.output
    assert parked.runs()[-1] == ("deploy:prerequisites-check", "completed")
    done = parked.deploy(checkpoint="monitoring-deployment")
    assert done.status == 0, done.output
    assert ("deploy", "paused") in parked.runs()
    assert len(parked.runs()) == 2


def test_one_checkpoint_alone_touches_no_other(deployment):
    done = deployment.deploy(checkpoint="monitoring-deployment")
    assert done.status == 0, done.output
    touched = {path.name.split(".")[1] for path in deployment.state.iterdir()}
    assert touched == {"node_exporter", "cadvisor", "prometheus", "alertmanager", "grafana"}


def test_starting_from_a_checkpoint_leaves_out_those_before_it(deployment):
    done = deployment.deploy(start_from="monitoring-deployment")
    assert deployment.checkpoints()["ray-deployment"] == "skipped", done.output
    assert deployment.checkpoints()["monitoring-deployment"] == "passed"


def test_six_playbooks_make_one_run_where_that_is_wanted(deployment):
    names = [name.replace("-", "_") for name in SIX]
    for name in names:
        done = deployment.run(name, deploy_whole=True, deploy_approval_wait="park")
        assert done.status == 0, done.output
        if "An approval is needed" in done.output:
            deployment.approve()
            done = deployment.run(name, deploy_whole=True, deploy_approval_wait="park")
            assert done.status == 0, done.output
    assert deployment.runs() == [("deploy", "completed")]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"chekpoint": "ray-deployment"}, "There is no option chekpoint; did you mean checkpoint?"),
        ({"deploy_reprot": "x"}, "did you mean deploy_report?"),
        ({"docker_otp": "x"}, "did you mean docker_opt?"),
        (
            {"checkpoint": "ray"},
            "checkpoint must be one of: prerequisites-check, docker-installation, cleanup-existing, ray",
        ),
        ({"start_from": "ray"}, "start_from must be one of: prerequisites-check"),
        ({"deploy_approval_wait": "for ever"}, "must be one of: hold, park"),
    ],
)
def test_a_mistaken_option_is_refused_before_anything_is_done(deployment, given, says):
    done = deployment.deploy(**given)
    assert (done.status, says in " ".join(done.output.split())) == (2, True), done.output
    if not {"checkpoint", "start_from"}.isdisjoint(given):
        assert "argument_spec" not in done.output, "only the names that there are help"
    assert not (deployment.path / ".raywright").exists()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("[ray_head]\nn1\n", "[ray_head]\nn1\nn4\n", "needs exactly one host; it has n1, n4"),
        ("[ray_workers]\n", "[ray_workers]\nn1\n", "in ray_head and in ray_workers"),
        ("[ray_cluster:children]\nray_head\nray_workers\n", "[ray_cluster]\nn1\n", "are not in ray_cluster"),
    ],
)
def test_an_inventory_that_is_no_cluster_is_refused(deployment, old, new, says):
    inventory = deployment.path / "inventory"
    inventory.write_text(inventory.read_text().replace(old, new))
    done = deployment.deploy()
    assert (done.status, says in done.output) == (2, True), done.output


def test_other_hosts_are_another_deployment_and_what_changed_is_said(parked):
    inventory = parked.path / "inventory"
    inventory.write_text(inventory.read_text().replace("\nn3 ", "\nn4\nn3 "))
    done = parked.deploy()
    assert done.status == 2, done.output
    assert "hosts.ray_workers" in done.output
    assert "state=abandon run=" in done.output


def test_a_limit_that_leaves_out_the_record_is_refused(deployment):
    done = deployment.deploy("--limit", "n2")
    assert (done.status != 0, "--limit 'n2,localhost'" in done.output) == (True, True), done.output


def test_a_limited_deployment_leaves_the_other_hosts_to_do(parked):
    parked.deploy("--limit", "n2,localhost")
    parked.approve()
    done = parked.deploy("--limit", "n2,localhost")
    assert done.status == 2, done.output
    assert parked.outcomes("docker-installation") == {"n1": "pending", "n2": "changed", "n3": "pending"}
    assert "n1: pending in docker-installation: it is not in --limit" in done.output


def test_check_mode_looks_at_everything_and_leaves_nothing_behind(deployment):
    done = deployment.deploy("--check", fails="docker@n2")
    assert done.status == 2, done.output
    assert "What checkpoint cleanup-existing would do" in done.output
    assert "! n2: failed in docker-installation" in done.output
    assert "2 would be done" in done.output
    assert not (deployment.path / ".raywright").exists()
    assert not (deployment.path / "home" / ".config").exists()
    assert not list(deployment.state.iterdir())


def test_check_mode_of_an_unfinished_deployment_begins_where_that_stopped(parked):
    done = parked.deploy("--check")
    assert done.status == 0, done.output
    assert done.hosts_of("Install Docker") == ["n1", "n2", "n3"]
    assert "PLAY [Check what a deployment needs]" in done.output
    assert parked.runs() == [("deploy", "parked")]


def test_listing_shows_each_checkpoint_where_it_was_last_at_work(parked):
    parked.deploy(checkpoint="prerequisites-check", small="n3")
    done = parked.deploy(list_checkpoints=True)
    shown = [" ".join(line.split()) for line in done.output.splitlines()]
    assert done.status == 0, done.output
    assert "prerequisites-check failed" in " ".join(shown)
    assert any(line.startswith("docker-installation pending waits for approval a-") for line in shown), done.output
    assert "n3: failed in prerequisites-check: enough memory" in done.output
    assert "PLAY RECAP" in done.output
    assert set(done.recap) == {"localhost"}


def test_listing_hosts_has_no_side_effects(deployment):
    done = deployment.deploy("--list-hosts")
    assert (done.status, "n3" in done.output) == (0, True), done.output
    assert not (deployment.path / ".raywright").exists()


def test_what_prerequisites_lack_is_a_table_with_the_fix_and_stops_the_deployment(deployment):
    checks = deployment.path / "checks.json"
    done = deployment.deploy(small="n2", deploy_checks=str(checks))
    assert done.status == 2, done.output
    assert "Give it more memory." in done.output
    assert deployment.outcomes("prerequisites-check") == {"n1": "unchanged", "n2": "failed", "n3": "unchanged"}
    assert deployment.checkpoints()["docker-installation"] == "pending"
    assert json.loads(checks.read_text())["failed_hosts"] == {"n2": "enough memory"}


def test_validation_says_what_does_not_hold_any_more_and_records_nothing(deployed):
    before = deployed.runs()
    (deployed.state / "n3.docker").unlink()
    report = deployed.path / "validation.json"
    done = deployed.run("validate", validate_report=str(report))
    assert done.status == 2, done.output
    assert "install docker again" in done.output
    assert json.loads(report.read_text())["failed_hosts"] == {"n3": "docker is installed"}, done.output
    assert deployed.runs() == before


def test_validation_of_one_checkpoint_leaves_the_others_alone_and_speaks_json(deployed):
    (deployed.state / "n3.docker").unlink()
    done = deployed.run("validate", checkpoint="ray-deployment", validate_format="json")
    assert done.status == 0, done.output
    report = json.loads(next(line for line in done.output.splitlines() if line.startswith('{"ok"')))
    assert (report["ok"], list(report["checkpoints"])) == (True, ["ray-deployment"])


def test_validation_of_an_unknown_checkpoint_lists_those_there_are(deployed):
    done = deployed.run("validate", checkpoint="docker")
    assert (done.status, "prerequisites-check, docker-installation" in done.output) == (2, True), done.output
