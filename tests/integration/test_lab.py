# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The router lab, as people run it: the playbook, real FRR, ssh with strict host keys."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.routers import ROOT, own_lab, why_not

OWN = own_lab("t")
LAB = OWN["lab_name"]
ANSIBLE = Path(sys.executable).with_name("ansible-playbook")
POLICY = {
    "fabric_policy_version": 2,
    "fabric_export_policy": True,
    "fabric_descriptions": True,
    "fabric_static_routes": [{"prefix": "192.0.2.0/24", "next_hop": "blackhole"}],
    "fabric_prefix_lists": {"SITES": [{"action": "permit", "prefix": "10.0.0.0/8", "le": 24}]},
}
RENDER = """
- hosts: fabric
  gather_facts: false
  tasks:
    - ansible.builtin.template:
        src: {template}
        dest: {target}/{{{{ inventory_hostname }}}}.conf
        mode: "0600"
      delegate_to: localhost
      vars: {{ansible_connection: local, ansible_python_interpreter: "{{{{ ansible_playbook_python }}}}"}}
"""

pytestmark = [pytest.mark.frr, pytest.mark.skipif(bool(why_not()), reason=why_not())]


class RouterLab:
    def __init__(self, base: Path) -> None:
        self.base = base
        self.directory = base / "lab"
        collection = base / "collections" / "ansible_collections" / "raywright" / "fleet"
        collection.parent.mkdir(parents=True)
        collection.symlink_to(ROOT)

    def play(self, *arguments):
        """Run ansible-playbook; give the number of changed tasks."""
        environment = os.environ | {
            "ANSIBLE_COLLECTIONS_PATH": str(self.base / "collections"),
            "ANSIBLE_NOCOLOR": "true",
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_INJECT_FACT_VARS": "false",
        }
        argv = [str(ANSIBLE), *arguments]
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return sum(int(count) for count in re.findall(r"\bchanged=(\d+)", done.stdout))

    def bring(self, *arguments, **options):
        wanted = {
            **OWN,
            "lab_directory": str(self.directory),
            "lab_install": False,
        }
        return self.play("raywright.fleet.lab", "-e", json.dumps(wanted | options), *arguments)

    def render(self, **variables):
        target = self.base / "rendered"
        target.mkdir(exist_ok=True)
        playbook = self.base / "render.yml"
        playbook.write_text(RENDER.format(template=ROOT / "playbooks/templates/frr_fabric.j2", target=target))
        self.play("-i", str(self.directory / "inventory.yml"), str(playbook), "-e", json.dumps(variables))
        return {path.stem: path.read_text() for path in target.iterdir()}

    def ssh(self, address, command, *, user="labnet", stdin=""):
        argv = ["ssh", "-F", "none", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes"]
        argv += ["-o", "StrictHostKeyChecking=yes", "-o", f"UserKnownHostsFile={self.directory / 'known_hosts'}"]
        argv += ["-i", str(self.directory / "id_ed25519"), f"{user}@{address}", command]
        done = subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def address(self, name):
        line = next(
            line for line in (self.directory / "known_hosts").read_text().splitlines() if line.startswith(f"{name},")
        )
        return line.split()[0].split(",")[1]

    def on(self, name, command, **options):
        return self.ssh(self.address(name), command, **options)


def traces():
    """What of the lab is on this host."""
    namespaces = subprocess.run(["ip", "netns"], capture_output=True, text=True, check=True).stdout
    links = [path.name for path in Path("/sys/class/net").iterdir()]
    commands = subprocess.run(["ps", "-eo", "args="], capture_output=True, text=True, check=True).stdout
    return {
        "namespaces": [line for line in namespaces.splitlines() if line.startswith(f"{LAB}-")],
        "links": [link for link in links if link.startswith(f"{LAB}-")],
        "processes": [line for line in commands.splitlines() if f"raywright-lab/{LAB}/" in line],
        "files": [path for path in ("/var/lib/raywright-lab/" + LAB,) if Path(path).exists()],
    }


def meaning(configuration):
    """The lines that FRR keeps: no separators, no banner, no version."""
    skipped = ("!", "Building", "Current", "frr version", "end")
    return [line for line in configuration.splitlines() if line.strip() and not line.strip().startswith(skipped)]


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    lab = RouterLab(tmp_path_factory.mktemp("lab"))
    try:
        assert lab.bring("--check", lab_routers=4) > 0
        assert not any(traces().values())
        assert not lab.directory.exists()
        assert lab.bring(lab_routers=4) > 0
        yield lab
    finally:
        lab.bring(lab_state="absent")
    assert lab.bring(lab_state="absent") == 0
    assert not any(traces().values())
    assert not lab.directory.exists()


def test_a_second_run_changes_nothing(lab):
    assert lab.bring(lab_routers=4) == 0


def test_a_router_runs_what_it_has_saved_and_the_operator_may_say_so(lab):
    assert lab.on("leaf1", "hostname") == "leaf1\n"
    running = lab.on("leaf1", "vtysh -c 'show running-config'")
    assert meaning(running) == meaning(lab.on("leaf1", "cat /etc/frr/frr.conf"))
    assert "Lines To" not in lab.on("leaf1", "/usr/lib/frr/frr-reload.py --test /etc/frr/frr.conf")
    assert "[OK]" in lab.on("leaf1", "vtysh -c 'write memory'")


def test_the_fabric_carries_traffic_from_leaf_to_leaf(lab):
    assert "1 received" in lab.on("leaf1", "ping -c 1 -w 5 -I 10.254.0.1 10.254.0.2")


def test_who_may_not_use_vtysh_needs_sudo(lab):
    assert "denied" in lab.on("leaf2", "vtysh -c 'show version' 2>&1 || true", user="labuser")
    assert "leaf2" in lab.on("leaf2", "sudo -n vtysh -c 'show running-config'", user="labuser")
    password = (lab.directory / "password").read_text()
    assert lab.on("leaf2", "sudo -S -p '' id -u", user="labsudo", stdin=f"{password}\n") == "0\n"


def test_the_template_with_the_inventory_alone_is_what_the_routers_run(lab):
    rendered = lab.render()
    assert sorted(rendered) == ["leaf1", "leaf2", "spine1", "spine2"]
    for name, text in rendered.items():
        assert meaning(text) == meaning(lab.on(name, "vtysh -c 'show running-config'")), name


def test_the_template_with_a_policy_is_taken_as_it_is_and_keeps_the_fabric_up(lab):
    wanted = lab.render(**POLICY)["leaf2"]
    lab.on("leaf2", "cat >/tmp/wanted && /usr/lib/frr/frr-reload.py --reload /tmp/wanted", stdin=wanted)
    assert meaning(lab.on("leaf2", "vtysh -c 'show running-config'")) == meaning(wanted)
    assert "1 received" in lab.on("leaf2", "ping -c 1 -w 5 -I 10.254.0.2 10.254.0.1")


def test_growing_and_shrinking_touch_only_the_difference(lab):
    sessions = "ps -o pid=,lstart= -C bgpd"
    before = lab.on("leaf1", sessions)
    assert lab.bring(lab_routers=6) > 0
    assert lab.bring(lab_routers=6) == 0
    assert "1 received" in lab.on("leaf4", "ping -c 1 -w 5 -I 10.254.0.4 10.254.0.1")
    assert lab.bring(lab_routers=5) > 0
    assert lab.bring(lab_routers=5) == 0
    assert lab.on("leaf1", sessions) == before
    spine = lab.on("spine1", "vtysh -c 'show running-config'; ls /sys/class/net; cat /proc/net/dev")
    assert "10.1.0.7" in spine  # leaf3, who stays
    assert "10.1.0.9" not in spine  # leaf4, who is gone
    assert "eth4" not in spine.split("Inter-")[1]


def test_a_router_that_lost_a_daemon_is_started_again_from_what_it_saved(lab):
    lab.on("leaf2", "sudo -n pkill -9 -x 'bgpd|watchfrr'", user="labuser")
    assert lab.bring(lab_routers=5) > 0
    assert "router bgp" in lab.on("leaf2", "vtysh -c 'show running-config'")
    assert lab.bring(lab_routers=5) == 0
