# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The AWX part, without an AWX: the real playbooks, the real awx.awx, and a stand-in for the API (awx_standin)."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.integration import awx_standin
from tests.integration.awx_workflows import Launch, environment
from tests.integration.commands import shown

ROOT = Path(__file__).parents[2]
BUILDER = ROOT / "build/awx/venv/bin/ansible-builder"
DEADLINE = 900
PLAYBOOKS = [
    "deploy",
    "prerequisites_check",
    "docker_installation",
    "cleanup_existing",
    "ray_deployment",
    "monitoring_deployment",
    "final_validation",
    "validate",
    "rollout",
    "rollback",
    "status",
    "approve",
    "awx_decision",
]
DEPLOY = "raywright deploy with approvals"
SECRETS = {"ledger_password": "db-secret", "fleet_key": "k" * 43, "ray_token": "t" * 64, "controller_token": "r" * 30}

# The checkpoints' playbooks of these tests: no machines, but real runs, gates and a real ledger.
CHECKPOINT = """
- hosts: localhost
  gather_facts: false
  vars: {name: "%(name)s", gated: %(gated)s, idle: %(idle)s}
  tasks:
    - raywright.fleet.run:
        name: deploy
        checkpoints:
          - {name: prerequisites-check}
          - {name: docker-installation, approval: true}
          - {name: cleanup-existing, approval: true, destructive: true}
          - {name: ray-deployment}
          - {name: monitoring-deployment}
          - {name: final-validation}
      register: begun
    - raywright.fleet.approval:
        run: "{{ begun.run.id }}"
        checkpoint: "{{ name }}"
        summary: remove container ray-head
        wait: "{{ deploy_approval_wait }}"
        ttl: "{{ deploy_approval_ttl }}"
        doors: "{{ deploy_doors }}"
        ask_again: "{{ deploy_ask_again }}"
      register: gate
      when: gated and not idle
    - raywright.fleet.checkpoint: {run: "{{ begun.run.id }}", name: "{{ name }}", state: skip}
      when: idle
    - when: not idle and (not gated or gate.approved)
      block:
        - raywright.fleet.checkpoint: {run: "{{ begun.run.id }}", name: "{{ name }}", state: begin}
        - ansible.builtin.copy: {content: done, dest: "{{ playbook_dir }}/%(name)s.done", mode: "0600"}
        - raywright.fleet.checkpoint: {run: "{{ begun.run.id }}", name: "{{ name }}", state: pass}
    - raywright.fleet.run: {state: end, run: "{{ begun.run.id }}", result: by_checkpoints}
    - raywright.fleet.run_report: {begun: "{{ begun }}"}
"""


@pytest.fixture(scope="session")
def awx_parts():
    done = subprocess.run([ROOT / "scripts/test-awx"], check=False, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(done.stderr.strip().splitlines()[-1])
    return ROOT / "build/awx"


@pytest.fixture(scope="module")
def awx():
    with awx_standin.running({f"playbooks/{name}.yml" for name in PLAYBOOKS}) as standin:
        yield standin


class Setup:
    """Runs awx_setup on the stand-in."""

    def __init__(self, awx, parts, place):
        self.awx = awx
        self.place = place
        link = place / "collections/ansible_collections/raywright/fleet"
        link.parent.mkdir(parents=True)
        link.symlink_to(ROOT)
        self.environment = environment(f"{place / 'collections'}:{parts / 'collections'}", place / "home")
        self.ledger = f"sqlite:///{place / 'ledger.db'}"
        self.options = {
            "setup_image": "registry.example/fleet-ee:1",
            "setup_project_url": "https://git.example/network.git",
            "setup_ledger_url": "postgresql+psycopg://fleet@db.example/fleet",
            **{f"setup_{name}": value for name, value in SECRETS.items()},
        }

    def run(self, *arguments, **options):
        file = self.place / "options.yml"
        file.write_text(yaml.safe_dump({**self.options, **options}))
        return shown(
            [
                Path(sys.executable).with_name("ansible-playbook"),
                "raywright.fleet.awx_setup",
                "-e",
                f"@{file}",
                *arguments,
            ],
            cwd=self.place,
            environment={**self.environment, "CONTROLLER_HOST": self.awx.url, "CONTROLLER_OAUTH_TOKEN": self.awx.token},
            seconds=DEADLINE,
        )


@pytest.fixture(scope="module")
def setup(awx, awx_parts, tmp_path_factory):
    return Setup(awx, awx_parts, tmp_path_factory.mktemp("awx"))


@pytest.fixture(scope="module")
def set_up(setup):
    status, setup.output = setup.run("-vvv")
    assert status == 0, setup.output
    return setup


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"setup_ledger_url": "sqlite:///ledger.db"}, "SQLite file would be gone after each job"),
        ({"setup_ledger_url": "postgresql+psycopg://me:secret@db/fleet"}, "setup_ledger_password"),
        ({"setup_ray_token": ""}, "openssl rand -hex 32"),
        ({"setup_aproval_hours": 4}, "did you mean setup_approval_hours?"),
        ({"setup_approval_hours": "soon"}, "setup_approval_hours"),
    ],
)
def test_what_could_not_work_is_refused_before_awx_is_asked(setup, options, complaint):
    status, output = setup.run(**options)
    assert status != 0
    assert complaint in re.sub(r"\s+", " ", output)
    assert setup.awx.writes == []


def test_check_mode_on_a_bare_awx_changes_nothing_and_says_how_far_it_looked(setup):
    before = list(setup.awx.writes)
    status, output = setup.run("--check")
    assert status == 0, output
    assert "would be made, and then all that comes after them" in re.sub(r"\s+", " ", output)
    assert setup.awx.writes == before


def test_everything_that_a_deployment_needs_is_made(set_up):
    awx = set_up.awx
    assert len(awx.names("job_templates")) == len(PLAYBOOKS) + 1
    assert awx.names("workflow_job_templates") == {DEPLOY, "raywright rollout with approval"}
    template = awx.one("job_templates", "raywright docker-installation")
    variables = json.loads(template["extra_vars"])
    assert variables["deploy_whole"] is True
    assert variables["deploy_approval_wait"] == "park"
    assert variables["ray_node_token_file"] == "{{ lookup('ansible.builtin.env', 'RAY_AUTH_TOKEN_PATH') }}"
    assert template["ask_variables_on_launch"] is False


def test_no_launch_takes_free_variables_for_they_would_win_over_the_users_name(set_up):
    tables = set_up.awx.tables
    templates = [*tables["job_templates"].values(), *tables["workflow_job_templates"].values()]
    assert not any(template["ask_variables_on_launch"] for template in templates)
    asked = {
        question["variable"] for template in templates for question in template.get("survey_spec", {}).get("spec", [])
    }
    assert not asked & {"approver", "requester", "deploy_requester", "awx_user_name"}


def test_no_secret_is_in_the_output_or_in_a_field_that_awx_shows(set_up):
    shown = (
        set_up.output + json.dumps(set_up.awx.tables["job_templates"]) + json.dumps(set_up.awx.get("credentials/", {}))
    )
    assert [name for name, secret in SECRETS.items() if secret in shown] == []


def test_a_second_run_changes_nothing(set_up):
    before = list(set_up.awx.writes)
    status, output = set_up.run()
    assert status == 0, output
    assert "changed=0 " in output, re.findall(r"^changed: .*", output, re.MULTILINE)
    assert set_up.awx.writes == before


class Workflow:
    """A project with playbooks, and launches of the workflow that awx_setup made."""

    def __init__(self, set_up, place):
        self.set_up = set_up
        self.place = place
        playbooks = place / "playbooks"
        playbooks.mkdir()
        self.checkpoint("docker_installation", gated=True)
        self.checkpoint("cleanup_existing", gated=True)
        for name in ("prerequisites_check", "ray_deployment", "monitoring_deployment", "final_validation"):
            self.checkpoint(name)
        wrapper = [{"name": "Decide", "import_playbook": "raywright.fleet.awx_decision"}]
        (playbooks / "awx_decision.yml").write_text(yaml.safe_dump(wrapper))

    def checkpoint(self, name, *, gated=False, idle=False):
        filled = {"name": name.replace("_", "-"), "gated": str(gated).lower(), "idle": str(idle).lower()}
        text = CHECKPOINT % filled
        (self.place / f"playbooks/{name}.yml").write_text(text)

    def launch(self, *, user="anna", clicks=lambda _name: ("ben", True), **answers):
        ledger = {"ledger_url": f"sqlite:///{self.place / 'ledger.db'}", "fleet_key": SECRETS["fleet_key"]}
        secrets = {
            "raywright ledger": ledger,
            "raywright Ray cluster": {"ray_token": SECRETS["ray_token"]},
            "raywright reads AWX": {"oauth_token": self.set_up.awx.token},
        }
        own = {**self.set_up.environment, "HOME": str(self.place / "home")}
        launch = Launch(self.set_up.awx, self.place, secrets, own, user, clicks, answers=answers)
        return launch.run(DEPLOY)

    def done(self):
        return {path.stem for path in (self.place / "playbooks").glob("*.done")}

    def approvals(self):
        """The approvals in the ledger, by checkpoint."""
        program = Path(sys.executable).with_name("ansible-playbook")
        extra = {"run": "deploy", "status_format": "json", "ledger_url": f"sqlite:///{self.place / 'ledger.db'}"}
        done = subprocess.run(
            [program, "raywright.fleet.status", "-e", json.dumps(extra)],
            env={**self.set_up.environment, "RAYWRIGHT_FLEET_KEY": SECRETS["fleet_key"]},
            cwd=self.place,
            capture_output=True,
            text=True,
            check=True,
        )
        line = next(line for line in done.stdout.splitlines() if line.startswith("{"))
        return {each["checkpoint"]: each for each in json.loads(line)["approvals"]}


@pytest.fixture
def workflow(set_up, tmp_path):
    return Workflow(set_up, tmp_path)


@pytest.fixture(scope="module")
def story(set_up, tmp_path_factory):
    """One deployment that nobody decides on, that is denied, tried again in vain, and approved when asked again."""
    workflow = Workflow(set_up, tmp_path_factory.mktemp("story"))
    told = {}
    for name, given in {
        "undecided": {"clicks": lambda _name: None},
        "denied": {"clicks": lambda _name: ("ben", False)},
        "again": {},
        "asked again": {"deploy_ask_again": "true"},
    }.items():
        told[name] = (workflow.launch(**given), workflow.approvals())
    return told


def test_a_decision_at_an_approval_node_becomes_one_in_the_ledger_and_opens_the_gate(story):
    launch, approvals = story["asked again"]
    assert launch.status == "successful", {name: job.output for name, job in launch.jobs.items()}
    assert launch.order == [
        "prerequisites-check",
        "docker-installation",
        "settled-docker-installation",
        "approve-docker-installation",
        "record-docker-installation",
        "apply-docker-installation",
        "cleanup-existing",
        "settled-cleanup-existing",
        "approve-cleanup-existing",
        "record-cleanup-existing",
        "apply-cleanup-existing",
        "ray-deployment",
        "monitoring-deployment",
        "final-validation",
    ]
    docker, cleanup = approvals["docker-installation"], approvals["cleanup-existing"]
    assert (docker["requester"], docker["decided_by"], docker["state"]) == ("anna", "ben", "used")
    assert "Decided in AWX at the node Approve docker-installation" in docker["reason"]
    assert cleanup["risk_acknowledged"] is True
    shown = launch.jobs["settled-cleanup-existing"].output
    assert cleanup["digest"] in shown
    assert "remove container ray-head" in shown


def test_a_node_that_timed_out_decides_nothing_and_the_request_stays_open(story):
    launch, approvals = story["undecided"]
    assert launch.status == "failed"
    assert "Nobody decided in AWX" in re.sub(r"\s+", " ", launch.jobs["record-docker-installation"].output)
    assert approvals["docker-installation"]["state"] == "pending"
    assert story["denied"][1]["docker-installation"]["id"] == approvals["docker-installation"]["id"]


def test_a_denial_is_recorded_ends_the_workflow_and_is_asked_again_on_demand(story):
    launch, approvals = story["denied"]
    assert launch.status == "failed"
    assert launch.order[-1] == "record-docker-installation"
    rejected = approvals["docker-installation"]
    assert (rejected["state"], rejected["decided_by"]) == ("rejected", "ben")
    assert story["again"][0].order[-1] == "docker-installation"
    assert story["asked again"][0].status == "successful"


def test_nobody_is_asked_where_nothing_is_to_be_approved(workflow):
    workflow.checkpoint("docker_installation", gated=True, idle=True)
    workflow.checkpoint("cleanup_existing", gated=True, idle=True)
    launch = workflow.launch(clicks=lambda _name: pytest.fail("a human was asked"))
    assert launch.status == "successful"
    assert launch.order[-1] == "final-validation"


def test_who_launched_the_workflow_cannot_approve_at_its_node(workflow):
    launch = workflow.launch(user="anna", clicks=lambda _name: ("Anna", True))
    assert launch.status == "failed"
    assert launch.order[-1] == "record-docker-installation"
    assert "Anna requested it and cannot approve it" in re.sub(r"\s+", " ", launch.jobs[launch.order[-1]].output)
    assert workflow.done() == {"prerequisites-check"}
    assert workflow.approvals()["docker-installation"]["state"] == "pending"


def test_a_ledger_that_does_not_answer_leads_to_the_human_never_past_him(workflow):
    ledger, moved = workflow.place / "ledger.db", workflow.place / "moved.db"
    gate = workflow.place / "playbooks/docker_installation.yml"
    gate.write_text(f"{gate.read_text()}    - ansible.builtin.command: mv {ledger} {moved}\n")

    def mend(_name):
        moved.rename(ledger)
        return "ben", True

    launch = workflow.launch(clicks=mend)
    assert launch.order[2:] == [
        "settled-docker-installation",
        "approve-docker-installation",
        "record-docker-installation",
    ]
    assert workflow.approvals()["docker-installation"]["state"] == "pending"


def test_what_was_made_is_taken_away_again(set_up):
    for _time in range(2):
        status, output = set_up.run(setup_state="absent")
        assert status == 0, output
    assert "changed=0 " in output
    left = {table: items for table, items in set_up.awx.tables.items() if items and table != "workflow_jobs"}
    assert left.keys() == {"organizations", "credential_types"}
    assert set_up.awx.names("credential_types") == {"Red Hat Ansible Automation Platform"}


@pytest.fixture
def definition(tmp_path):
    for name in ("execution-environment.yml", "requirements.yml"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "build/ee").mkdir(parents=True)
    (tmp_path / "build/ee/raywright-fleet-0.0.0.tar.gz").write_bytes(b"")
    return tmp_path


def test_ansible_builder_accepts_the_execution_environment(awx_parts, definition):
    subprocess.run([BUILDER, "create", "--output-filename", "Containerfile"], cwd=definition, check=True)
    containerfile = (definition / "context/Containerfile").read_text()
    assert "FROM $EE_BASE_IMAGE AS base" in containerfile
    assert "collection/*.tar.gz" in containerfile
    assert (definition / "context/_build/collection/raywright-fleet-0.0.0.tar.gz").exists()


def test_the_execution_environment_gets_what_the_engine_needs_from_the_collection_itself(awx_parts):
    collections = ROOT / "build/collections"
    if not collections.exists():
        pytest.skip("build/collections is not there: make env")
    done = subprocess.run([BUILDER, "introspect", collections], check=True, capture_output=True, text=True)
    lines = (ROOT / "requirements/engine.txt").read_text().splitlines()
    needed = [needed for line in lines if (needed := line.partition("#")[0].strip())]
    assert [each for each in needed if each not in done.stdout] == []


def test_the_execution_environment_has_the_ansible_that_is_tested_here():
    definition = yaml.safe_load((ROOT / "execution-environment.yml").read_text())
    assert definition["dependencies"]["ansible_core"]["package_pip"] in (ROOT / "requirements/dev.txt").read_text()
