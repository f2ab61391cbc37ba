# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A playbook as the change of real routers: over SSH, with checked host keys, by workers on Ray."""

import pytest
from fabrics import fabric_of
from rollouts import SharedFleetProject

from tests.integration import routers as lab

pytestmark = [pytest.mark.frr, pytest.mark.ray]

ROUTE = "ip route 10.97.0.0/16 Null0"
PLAY = """\
- hosts: fabric
  gather_facts: false
  tasks:
    - ansible.builtin.command: vtysh -c 'configure terminal' -c '{line}'
"""
CHECK = """\
- hosts: fabric
  gather_facts: false
  tasks:
    - ansible.builtin.command: vtysh -c 'show running-config'
      register: shown
      changed_when: false
      failed_when: "'ip route 10.97.0.0/16 Null0' not in shown.stdout"
"""


@pytest.fixture
def project(tmp_path, tmp_path_factory):
    with fabric_of(tmp_path_factory, {**lab.own_lab("p"), "lab_routers": "4", "lab_spines": "1"}) as fabric:
        made = SharedFleetProject(tmp_path, fabric, fabric.directory.parent)
        made.environment["RAYWRIGHT_RAY_FROM"] = "1"
        yield made
        made.end()


def test_a_playbook_changes_real_routers_over_ssh_from_workers_on_ray_and_is_taken_back(project):
    for name, text in (
        ("change", PLAY.format(line=ROUTE)),
        ("back", PLAY.format(line=f"no {ROUTE}")),
        ("check", CHECK),
    ):
        (project.path / f"{name}.yml").write_text(text)
    before = project.fleet.configurations()
    given = {
        "template": None,
        "rollback_playbook": "back.yml",
        "validate_playbook": "check.yml",
        "timeout": "120",
        "stages": [1, "100%"],
    }
    code, output = project.run("-e", "network_rollout_playbook=change.yml", **given)
    assert (code, project.add_up()["outcomes"]) == (0, {"changed": 4}), output
    assert "starting Ray on this machine" in output
    assert all(ROUTE.encode() in project.fleet.running(name) for name in project.fleet.names)
    code, output = project.run(playbook="raywright.fleet.rollback", run="rollout", reason="a test")
    assert code == 0, output
    assert project.fleet.configurations() == before
