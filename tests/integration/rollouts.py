# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A project with an embedded fleet of its own, in which ``ansible-playbook raywright.fleet.rollout`` is run."""

import asyncio
import base64
import contextlib
import json
import os
import secrets
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

from commands import shown

from engine.embedded.running import serving

ROOT = Path(__file__).parents[2]
DEADLINE = 600
TEMPLATE = ROOT / "playbooks" / "templates" / "embedded_fabric.j2"
BY_HAND = "ntp server 192.0.2.99"
NEVER = [{"name": "never", "command": "show version", "match": "no such thing", "retries": 0}]
"""A check that no device passes."""


class EmbeddedFleet:
    """Real SSH servers on loopback, answered by a thread of this process: their commits can be counted."""

    def __init__(self, directory, devices, latency=0.0, dialects=("embedded",)):
        self.directory = directory
        self._serving = None
        self._up, self._down = threading.Event(), threading.Event()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve(devices, latency, dialects)), daemon=True
        )
        self._thread.start()
        assert self._up.wait(DEADLINE)

    async def _serve(self, devices, latency, dialects):
        async with serving(self.directory, devices=devices, latency=latency, dialects=dialects) as self._serving:
            self._up.set()
            await asyncio.to_thread(self._down.wait)

    def stop(self):
        self._down.set()
        self._thread.join(DEADLINE)

    @property
    def names(self):
        return list(self._serving.nodes)

    @property
    def password(self):
        return self._serving.state.password()

    @property
    def secrets(self):
        return json.loads((self.directory / "secrets.json").read_text())

    def commits(self):
        """How often each device's running configuration was replaced since the server began."""
        return {name: router.revision for name, router in self._serving.fleet.routers.items()}

    def acts(self):
        """Who read and who replaced each device's running configuration, in order: a session's number, and what."""
        return {name: list(router.acts) for name, router in self._serving.fleet.routers.items()}

    def on_trial(self):
        """Devices that wait for a confirmation."""
        return [name for name, router in self._serving.fleet.routers.items() if router.unconfirmed]

    def configurations(self):
        """Running and startup configuration of every device, as the devices hold them."""
        return {name: (each.running, each.startup) for name, each in self._serving.fleet.routers.items()}

    def faults(self, table):
        draft = self.directory / "faults.draft"
        draft.write_text(json.dumps(table))
        draft.replace(self.directory / "faults.json")


class Project:
    """A directory with a fleet, a ledger and a fleet key."""

    def __init__(self, path, devices, latency=0.0, dialects=("embedded",)):
        self.path = path
        self.started = []
        self.fleet = EmbeddedFleet(path / "fleet", devices, latency, dialects)
        link = path / "collections" / "ansible_collections" / "raywright" / "fleet"
        link.parent.mkdir(parents=True)
        link.symlink_to(ROOT)
        (path / "tmp").mkdir()
        key = path / "fleet.key"
        key.touch(mode=0o600)
        key.write_text(base64.urlsafe_b64encode(secrets.token_bytes(32)).decode() + "\n")
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(path / "home"),
            "LC_ALL": "C.UTF-8",
            "TMPDIR": str(path / "tmp"),
            "ANSIBLE_COLLECTIONS_PATH": str(path / "collections"),
            "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
            "ANSIBLE_INJECT_FACT_VARS": "false",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
            "RAYWRIGHT_LEDGER_URL": f"sqlite:///{path}/ledger/ledger.db",
            "RAYWRIGHT_FLEET_KEY_FILE": str(key),
            # A fleet for a test is small; how workers on Ray behave is what most of the tests are about.
            "RAYWRIGHT_RAY_FROM": "10",
            "RAYWRIGHT_PROGRESS_LOG": str(path / "progress.jsonl"),
        }

    def command(self, *options, playbook="raywright.fleet.rollout", inventory=True, **given):
        """A command; keyword arguments are options of the role, without their prefix."""
        if playbook == "raywright.fleet.rollout":
            given = {"template": str(TEMPLATE), "report": "report.json", **given}
            given = {f"network_rollout_{name}": value for name, value in given.items() if value is not None}
        words = [word for name, value in given.items() for word in ("-e", json.dumps({name: value}))]
        inventory_words = ["-i", str(self.fleet.directory / "inventory")] if inventory else []
        return [str(Path(sys.executable).parent / "ansible-playbook"), *inventory_words, playbook, *options, *words]

    def run(self, *options, **given):
        """Run to the end; the exit status and everything that was shown, on one line's worth of spaces."""
        return shown(
            self.command(*options, **given),
            cwd=self.path,
            environment=self.environment,
            seconds=DEADLINE,
        )

    def start(self, *options, **given):
        with (self.path / "output").open("w") as output:
            process = subprocess.Popen(
                self.command(*options, **given),
                cwd=self.path,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.started.append(process)
        return process

    @property
    def output(self):
        return (self.path / "output").read_text()

    def template(self, text):
        """A template of one's own."""
        path = self.path / "own.j2"
        path.write_text(text)
        return str(path)

    def play(self, line=""):
        """A play of one's own, with a line more."""
        path = self.path / "play.yml"
        path.write_text(
            f"- hosts: leaf\n  gather_facts: false\n  {line}\n  roles: [raywright.fleet.network_rollout]\n",
        )
        return str(path)

    def end(self):
        for process in self.started:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self.fleet.stop()

    @property
    def report(self):
        return json.loads((self.path / "report.json").read_text())

    def query(self, statement, *values):
        with contextlib.closing(
            sqlite3.connect(f"file:{self.path}/ledger/ledger.db?mode=ro", uri=True, timeout=30)
        ) as connection:
            return connection.execute(statement, values).fetchall()

    def strike(self, statement):
        """Change the ledger behind its back."""
        with contextlib.closing(sqlite3.connect(self.path / "ledger" / "ledger.db", timeout=30)) as connection:
            connection.execute(statement)
            connection.commit()

    def outcomes(self):
        """Outcome of every device of the newest run, from the ledger."""
        newest = "SELECT id FROM runs ORDER BY number DESC LIMIT 1"
        return dict(self.query(f"SELECT name, outcome FROM targets WHERE run_id = ({newest})"))

    def state(self):
        return self.query("SELECT state FROM runs ORDER BY number DESC LIMIT 1")[0][0]

    def approval(self):
        return self.query("SELECT id, digest, state FROM approvals ORDER BY number DESC LIMIT 1")[0]

    def approve(self, **other):
        approval, digest, _state = self.approval()
        given = {"approval": approval, "digest": digest[:16], "approver": "bob", "reason": "looks good"}
        return self.run(playbook="raywright.fleet.approve", inventory=False, **{**given, **other})

    def abandon(self, run):
        """Give a run up, as its refusal of others says how."""
        ansible = self.command()[0].removesuffix("-playbook")
        words = [ansible, "localhost", "-m", "raywright.fleet.run", "-a", f"state=abandon run={run} reason=test"]
        subprocess.run(words, cwd=self.path, env=self.environment, check=True, capture_output=True, timeout=DEADLINE)

    def processes(self, *, argument=b""):
        """Every process of a command of this project, Ray's included, with an argument that begins so."""
        mine, found = f"TMPDIR={self.path}/tmp".encode(), []
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if mine in (folder / "environ").read_bytes().split(b"\0"):
                    words = (folder / "cmdline").read_bytes().split(b"\0")
                    found += [int(folder.name)] if any(word.startswith(argument) for word in words) else []
        return found

    def add_up(self):
        """Whether the report, the ledger and the fleet agree that every device ended in exactly one outcome."""
        report, outcomes = self.report, self.outcomes()
        assert set(outcomes) == set(self.fleet.names)
        assert report["outcomes"] == dict(Counter(outcomes.values()))
        assert sum(report["outcomes"].values()) == report["devices"] == len(self.fleet.names)
        return report


class SharedFleetProject(Project):
    """A project of a test of its own, whose fleet is shared by its module."""

    def __init__(self, path, fleet, collections):
        self.path, self.fleet, self.started = path, fleet, []
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(path),
            "LC_ALL": "C.UTF-8",
            "ANSIBLE_COLLECTIONS_PATH": str(collections),
            "ANSIBLE_NOCOLOR": "1",
            "RAYWRIGHT_LEDGER_URL": f"sqlite:///{path}/ledger/ledger.db",
        }

    def template(self, text):
        (self.path / "own.j2").write_text(text)
        return str(self.path / "own.j2")


def wait_for(condition, what):
    deadline = time.monotonic() + DEADLINE
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {DEADLINE} s: {what}"
        time.sleep(0.05)
    return found


@contextlib.contextmanager
def projects(path):
    """Gives what makes projects in ``path``; they are ended afterwards."""
    with contextlib.ExitStack() as stack:

        def make(devices, latency=0.0):
            project = Project(path, devices, latency)
            stack.callback(project.end)
            return project

        yield make
