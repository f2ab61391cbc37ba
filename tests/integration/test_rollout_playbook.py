# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A playbook as the change of a rollout, from ``ansible-playbook`` to the report. A device is a folder here."""

import json
import os
import sys
from pathlib import Path

import pytest
from rollouts import ROOT, Project

SECRET = "vaulted-s3cret-Xq7pA"
CHANGE = """\
- hosts: routers
  gather_facts: false
  roles:
    - role: written
"""
TASKS = """\
- name: Write the configuration
  ansible.builtin.template:
    src: router.j2
    dest: "{{ folder }}/config"
"""
ROLLBACK = """\
- hosts: routers
  gather_facts: false
  tasks:
    - ansible.builtin.file: {path: "{{ folder }}/config", state: absent}
"""
VALIDATE = """\
- hosts: routers
  gather_facts: false
  tasks:
    - ansible.builtin.command: grep -q "hostname {{ inventory_hostname }}" {{ folder }}/config
      changed_when: false
"""


class Folders:
    def __init__(self, path, count):
        self.path = path
        self.names = [f"r{number:02d}" for number in range(count)]
        self.directory = path / "fleet"
        (self.directory / "inventory").mkdir(parents=True)
        self.write()

    def write(self, **more):
        hosts = {}
        for number, name in enumerate(self.names, 1):
            (self.path / "devices" / name).mkdir(parents=True, exist_ok=True)
            hosts[name] = {
                "ansible_host": f"127.0.1.{number}",
                "ansible_connection": "local",
                "ansible_python_interpreter": sys.executable,
                "folder": str(self.path / "devices" / name),
                "device_password": SECRET,
                **more,
            }
        inventory = {"all": {"children": {"routers": {"hosts": hosts}}}}
        (self.directory / "inventory" / "hosts.json").write_text(json.dumps(inventory))

    def configurations(self):
        found = {name: self.path / "devices" / name / "config" for name in self.names}
        return {name: path.read_text() if path.exists() else None for name, path in found.items()}

    def stop(self):
        pass


class PlaybookProject(Project):
    def __init__(self, path, count):
        self.path, self.fleet, self.started = path, Folders(path, count), []
        link = path / "collections" / "ansible_collections" / "raywright" / "fleet"
        link.parent.mkdir(parents=True)
        link.symlink_to(ROOT)
        (path / "tmp").mkdir()
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(path),
            "LC_ALL": "C.UTF-8",
            "TMPDIR": str(path / "tmp"),
            "ANSIBLE_COLLECTIONS_PATH": str(path / "collections"),
            "ANSIBLE_NOCOLOR": "1",
            "RAYWRIGHT_LEDGER_URL": f"sqlite:///{path}/ledger/ledger.db",
        }
        self.write("change.yml", CHANGE)
        self.write("rollback.yml", ROLLBACK)
        self.write("validate.yml", VALIDATE)
        self.write("roles/written/tasks/main.yml", TASKS)
        self.write(
            "roles/written/templates/router.j2", "hostname {{ inventory_hostname }}\npassword {{ device_password }}\n"
        )

    def write(self, name, text):
        path = self.path / "playbooks" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def command(self, *options, **given):
        if given.get("playbook", "").startswith("raywright."):
            return super().command(*options, **given)
        options += ("-e", json.dumps({f"network_rollout_{name}": value for name, value in given.items()}))
        options += ("-e", "network_rollout_playbook=playbooks/change.yml", "-e", "network_rollout_timeout=120")
        options += ("-e", "network_rollout_report=report.json", "-i", str(self.fleet.directory / "inventory"))
        return [str(Path(sys.executable).parent / "ansible-playbook"), "raywright.fleet.rollout", *options]


@pytest.fixture
def project(tmp_path):
    found = PlaybookProject(tmp_path, 3)
    yield found
    found.end()


def test_a_playbook_is_planned_by_check_pushed_in_stages_validated_and_rolled_back(project):
    given = {
        "stages": ["1", "100%"],
        "rollback_playbook": "playbooks/rollback.yml",
        "validate_playbook": "playbooks/validate.yml",
    }
    code, shown = project.run("--check", "--diff", **given)
    assert code == 0, shown
    assert "+hostname" in shown
    assert "+password <masked:" in shown
    assert set(project.fleet.configurations().values()) == {None}

    code, output = project.run(**given)
    assert code == 0, output
    assert project.outcomes() == dict.fromkeys(project.fleet.names, "changed")
    assert all(f"hostname {name}\n" in text for name, text in project.fleet.configurations().items())
    run = project.report["run"]

    code, again = project.run(**given)
    assert code == 0, again
    assert project.outcomes() == dict.fromkeys(project.fleet.names, "unchanged")

    code, back = project.run(playbook="raywright.fleet.rollback", run=run, reason="a test")
    assert code == 0, back
    assert set(project.fleet.configurations().values()) == {None}
    assert SECRET not in shown + output + again + back
    for file in [*(project.path / ".raywright").rglob("*"), *(project.path / "ledger").rglob("*")]:
        assert not file.is_file() or SECRET.encode() not in file.read_bytes(), file


def test_a_playbook_that_is_not_what_was_planned_is_not_run(project):
    given = {"stages": ["100%"], "approval": "plan", "approval_wait": "park"}
    code, output = project.run("--limit", "r00,r01", **given)
    assert code == 0, output
    project.write("roles/written/tasks/main.yml", TASKS + "\n- ansible.builtin.debug: {msg: sneaked in}\n")
    code, output = project.run("--limit", "r00,r01", **given)
    assert code == 2
    assert "what it would do has changed" in " ".join(output.split())
    assert set(project.fleet.configurations().values()) == {None}
