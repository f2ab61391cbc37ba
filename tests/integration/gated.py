# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A project with a gated playbook, a ledger and a fleet key of its own, in which ``ansible-playbook`` is run."""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

from commands import shown

ROOT = Path(__file__).parents[2]
DEADLINE = 60

# Make the standard input the terminal of this session, as a login does, and become the command.
TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""

INVENTORY = """
[nodes]
n1
n2
n3
[nodes:vars]
ansible_connection=local
"""

SITE = """
- hosts: localhost
  gather_facts: false
  tasks:
    - raywright.fleet.run:
        name: deploy
        definition: {version: "{{ version | default('1') }}"}
        checkpoints:
          - {name: check}
          - {name: clean, approval: true, destructive: "{{ destructive | default(true) }}", summary: Removes everything}
        requester: anna
        exclusive: "{{ exclusive | default(true) }}"
- hosts: "{{ lookup('raywright.fleet.pending', 'check', run='deploy', hosts='nodes') }}"
  gather_facts: false
  tasks:
    - raywright.fleet.checkpoint: {run: deploy, name: check, state: begin}
      run_once: true
    - ansible.builtin.assert: {that: inventory_hostname != lose | default('nobody')}
    - raywright.fleet.checkpoint: {run: deploy, name: check, state: pass, outcome: unchanged}
      run_once: true
- hosts: localhost
  gather_facts: false
  tasks:
    - raywright.fleet.approval:
        run: deploy
        checkpoint: clean
        wait: "{{ wait | default('park') }}"
        ttl: "{{ ttl | default('24h') }}"
        doors: "{{ doors | default(['file', 'ledger']) }}"
        ask_again: "{{ ask_again | default(false) }}"
        requester: anna
      register: gate
- hosts: "{{ lookup('raywright.fleet.pending', 'clean', run='deploy', hosts='nodes') }}"
  gather_facts: false
  tasks:
    - raywright.fleet.checkpoint: {run: deploy, name: clean, state: begin}
      run_once: true
    - ansible.builtin.assert: {that: not (die | default(false))}
    - raywright.fleet.checkpoint: {run: deploy, name: clean, state: pass}
      run_once: true
- hosts: "{{ lookup('raywright.fleet.pending', 'end', run='deploy', hosts='localhost') }}"
  gather_facts: false
  tasks:
    - raywright.fleet.run: {state: end, run: deploy}
"""

ABANDON = """
- hosts: localhost
  gather_facts: false
  tasks:
    - raywright.fleet.run: {state: abandon, run: deploy, reason: "something better"}
"""


class Project:
    """A directory with a playbook, a ledger and a fleet key of its own."""

    def __init__(self, path):
        self.path = path
        self.started = None
        link = path / "collections" / "ansible_collections" / "raywright" / "fleet"
        link.parent.mkdir(parents=True)
        link.symlink_to(ROOT)
        (path / "inventory").write_text(INVENTORY)
        (path / "site.yml").write_text(SITE)
        (path / "abandon.yml").write_text(ABANDON)
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(path / "home"),
            "LC_ALL": "C.UTF-8",
            "ANSIBLE_COLLECTIONS_PATH": str(path / "collections"),
            "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
            "ANSIBLE_INJECT_FACT_VARS": "false",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
        }

    def command(self, playbook, *options, **extra):
        given = [word for name, value in extra.items() for word in ("-e", json.dumps({name: value}))]
        program = Path(sys.executable).parent / "ansible-playbook"
        return [program, "-i", "inventory", playbook, *options, *given]

    def run(self, playbook, *options, **extra):
        return shown(
            self.command(playbook, *options, **extra),
            cwd=self.path,
            environment=self.environment,
            seconds=DEADLINE,
        )

    def start(self, playbook, *options, terminal=None, **extra):
        stdin, before = (subprocess.DEVNULL, []) if terminal is None else (terminal, [sys.executable, "-c", TERMINAL])
        with (self.path / "output").open("w") as output:
            self.started = subprocess.Popen(
                [*before, *self.command(playbook, *options, **extra)],
                cwd=self.path,
                env=self.environment,
                stdin=stdin,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        return self.started

    def end(self):
        """End what was started and its workers, also when the test failed half-way."""
        if self.started is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.started.pid, signal.SIGKILL)
            self.started.wait()

    def query(self, statement):
        with sqlite3.connect(f"file:{self.path}/.raywright/ledger.db?mode=ro", uri=True, timeout=30) as connection:
            rows = connection.execute(statement).fetchall()
        connection.close()
        return rows

    def approval(self):
        return self.query("SELECT id, digest, state FROM approvals ORDER BY number DESC LIMIT 1")[0]

    def state(self):
        return self.query("SELECT state FROM runs ORDER BY number DESC LIMIT 1")[0][0]

    def approve(self, **other):
        approval_id, digest, _state = self.approval()
        given = {"approval": approval_id, "digest": digest[:16], "approver": "bob", "reason": "looks good"}
        return self.run("raywright.fleet.approve", **{**given, "risk_acknowledged": True, **other})

    def await_line(self, text):
        deadline = time.monotonic() + DEADLINE
        while text not in (self.path / "output").read_text():
            assert time.monotonic() < deadline, (self.path / "output").read_text()
            time.sleep(0.1)

    def await_state(self, state):
        deadline = time.monotonic() + DEADLINE
        while self.state() != state:
            assert time.monotonic() < deadline, (self.path / "output").read_text()
            time.sleep(0.1)
