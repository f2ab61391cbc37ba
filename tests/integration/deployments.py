# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection's playbooks on roles that are there for the test, so that what is tested is how they are composed.

A stand-in role installs itself by a file, whose content is what it was told. The hosts are files in a directory of this
machine.
"""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.integration.commands import shown

ROOT = Path(__file__).parents[2]
STAND_IN = Path(__file__).parent / "stand_in"
DEADLINE = 600  # a machine may be busy

GATED = ("common", "docker", "nvidia_container_toolkit", "cleanup")
DEPLOYED = ("ray_node", "firewall", "ray_head", "ray_worker", "node_exporter", "cadvisor", "prometheus")
OTHERS = ("tls", "alertmanager", "grafana", "dcgm_exporter", "prerequisites")

INVENTORY = """
[ray_head]
n1
[ray_workers]
n2 node_exporter_listen_address=0.0.0.0
n3 firewall_ports=["7000"]
[ray_cluster:children]
ray_head
ray_workers
[ray_cluster:vars]
ansible_connection=local
ansible_become=false
ansible_python_interpreter={python}
state={state}
"""

# Not for the entry point main: a task that validates arguments, for each role on each host, is not what is tested.
SPECIFICATION = "argument_specs: {{other: {{options: {{{role}_opt: {{type: str}}}}}}}}\n"

SURVEY = """
- ansible.builtin.set_fact:
    {role}_found: "{{{{ [] if (state ~ '/' ~ inventory_hostname ~ '.{role}') is exists else ['install {role}'] }}}}"
- ansible.builtin.set_fact:
    {role}_survey: "{{{{ {role}_found + (drift | default([]) if deploy_approved is defined else []) }}}}"
    cleanup_found: []
"""

MAIN = """
- stand_in: {{role: {role}, state: "{{{{ state }}}}", fails: "{{{{ fails | default('') }}}}", setting: "{setting}"}}
"""
# What of the wiring between the roles is looked at.
SETTINGS = {
    "node_exporter": "{{ node_exporter_listen_address }}",
    "firewall": "{{ firewall_ports | join(' ') }}",
}

CHECKS = """
- ansible.builtin.set_fact:
    {role}_checks:
      - checkpoint: {checkpoint}
        check: {role} is installed
        ok: "{{{{ (state ~ '/' ~ inventory_hostname ~ '.{role}') is exists }}}}"
        severity: error
        found: nothing
        wanted: a file
        fix: install {role} again
"""

PREREQUISITES = """
- ansible.builtin.set_fact:
    prerequisites_checks:
      - checkpoint: prerequisites-check
        check: enough memory
        ok: "{{ small | default('') != inventory_hostname }}"
        severity: error
        found: 1 GiB
        wanted: 2 GiB
        fix: Give it more memory.
"""

RAY_NODE = """
ray_node_cluster_name: ray
ray_node_mode: venv
ray_node_tls: false
ray_node_ports:
  {gcs: 6379, metrics: 8090, autoscaler_metrics: 44217, dashboard_metrics: 44227, worker_min: 20000, worker_max: 20999}
"""


@dataclass(frozen=True)
class Done:
    status: int
    output: str
    recap: dict[str, dict[str, int]]

    def hosts_of(self, play: str) -> list[str]:
        """The hosts that the first task of a play showed a result for."""
        _before, found, after = self.output.partition(f"PLAY [{play}]")
        assert found, self.output
        lines = after.split("PLAY [")[0].splitlines()
        return sorted({line.split("[")[1].split("]")[0] for line in lines if line.startswith(("ok: [", "changed: ["))})


class Deployment:
    """A directory with an inventory, a ledger and a fleet key of its own, and with the stand-in roles."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.state = path / "state"
        self.state.mkdir()
        self.facts = path / "facts"
        collection = path / "collections" / "ansible_collections" / "raywright" / "fleet"
        collection.mkdir(parents=True)
        for name in ("plugins", "engine", "playbooks", "meta", "galaxy.yml"):
            (collection / name).symlink_to(ROOT / name)
        for role in (*GATED, *DEPLOYED, *OTHERS):
            _stand_in(collection / "roles" / role)
        (path / "inventory").write_text(INVENTORY.format(python=sys.executable, state=self.state))
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(path / "home"),
            "LC_ALL": "C.UTF-8",
            "ANSIBLE_COLLECTIONS_PATH": str(path / "collections"),
            "ANSIBLE_INJECT_FACT_VARS": "false",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "COLUMNS": "200",
            "ANSIBLE_ACTION_PLUGINS": str(STAND_IN / "action"),
            "ANSIBLE_LIBRARY": str(STAND_IN / "modules"),
            # A playbook meets hosts that it does not know yet.
            "ANSIBLE_CACHE_PLUGIN": "ansible.builtin.jsonfile",
            "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(self.facts),
        }

    def command(self, playbook: str, *options: str, **extra: object) -> list[str | Path]:
        given = [word for name, value in extra.items() for word in ("-e", json.dumps({name: value}))]
        program = Path(sys.executable).parent / "ansible-playbook"
        return [program, "-i", "inventory", f"raywright.fleet.{playbook}", *options, *given]

    def run(self, playbook: str, *options: str, **extra: object) -> Done:
        status, output = shown(
            self.command(playbook, *options, **extra),
            cwd=self.path,
            environment=self.environment,
            seconds=DEADLINE,
        )
        return Done(status, output, _recap(output))

    @contextmanager
    def at_work(self, playbook: str, *, until: str, **extra: object) -> Iterator[subprocess.Popen[bytes]]:
        """Have a playbook run that has said something; it ends with the block, and its workers with it."""
        output = self.path / "output"
        with output.open("w") as file:
            started = subprocess.Popen(
                self.command(playbook, **extra),
                cwd=self.path,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
        try:
            deadline = time.monotonic() + DEADLINE
            while until not in output.read_text():
                assert started.poll() is None, output.read_text()
                assert time.monotonic() < deadline, output.read_text()
                time.sleep(0.1)
            yield started
        finally:
            with suppress(ProcessLookupError):
                os.killpg(started.pid, signal.SIGKILL)
            started.wait()

    def deploy(self, *options: str, **extra: object) -> Done:
        return self.run("deploy", *options, **{"deploy_approval_wait": "park", **extra})

    def approve(self, **other: object) -> Done:
        approval, digest = self.query("SELECT id, digest FROM approvals ORDER BY number DESC LIMIT 1")[0]
        given = {"approval": approval, "digest": digest[:16], "approver": "bob", "reason": "read it"}
        return self.run("approve", **{**given, "risk_acknowledged": True, **other})

    def deploy_whole(self, **extra: object) -> Done:
        """Deploy with both approvals."""
        self.deploy(**extra)
        self.approve()
        self.deploy(**extra)
        self.approve()
        return self.deploy(**extra)

    def query(self, statement: str) -> list[tuple]:
        ledger = f"file:{self.path}/.raywright/ledger.db?mode=ro"
        with sqlite3.connect(ledger, uri=True, timeout=30) as connection:
            rows = connection.execute(statement).fetchall()
        connection.close()
        return rows

    def runs(self) -> list[tuple]:
        return self.query("SELECT name, state FROM runs ORDER BY number")

    def checkpoints(self) -> dict[str, str]:
        newest = "(SELECT id FROM runs ORDER BY number DESC LIMIT 1)"
        return dict(self.query(f"SELECT name, state FROM checkpoints WHERE run_id = {newest} ORDER BY position"))

    def outcomes(self, checkpoint: str) -> dict[str, str]:
        newest = "(SELECT id FROM runs ORDER BY number DESC LIMIT 1)"
        return dict(
            self.query(f"SELECT name, outcome FROM targets WHERE run_id = {newest} AND checkpoint = '{checkpoint}'")
        )


def _stand_in(role: Path) -> None:
    name = role.name
    tasks = role / "tasks"
    tasks.mkdir(parents=True)
    (role / "meta").mkdir()
    (role / "meta" / "argument_specs.yml").write_text(SPECIFICATION.format(role=name))
    checkpoint = "docker-installation" if name in GATED else "ray-deployment"
    (tasks / "main.yml").write_text(MAIN.format(role=name, setting=SETTINGS.get(name, "")))
    (tasks / "survey.yml").write_text(SURVEY.format(role=name))
    (tasks / "checks.yml").write_text(CHECKS.format(role=name, checkpoint=checkpoint))
    (tasks / "settings.yml").write_text("[]\n")
    (tasks / "gpu.yml").write_text("[]\n")
    if name == "prerequisites":
        (tasks / "main.yml").write_text(PREREQUISITES)
    if name == "ray_node":
        (role / "defaults").mkdir()
        (role / "defaults" / "main.yml").write_text(RAY_NODE)


def _recap(output: str) -> dict[str, dict[str, int]]:
    _before, _heading, lines = output.partition("PLAY RECAP")
    rows = [line.split(":", 1) for line in lines.splitlines() if " : ok=" in line]
    return {
        name.strip(): {key: int(value) for key, value in (word.split("=") for word in counts.split())}
        for name, counts in rows
    }
