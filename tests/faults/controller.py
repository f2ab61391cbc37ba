# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python controller.py FLEET RAY``: what ``rollout_stage`` does, without the seconds that Ansible takes to start.

Everything that acts is the collection's own: the action plugin with its lease and its ledger, and the engine process
that it starts. For each line of standard input the stages of a run are rolled out, in a process of its own, which may
be killed at any instant; its process id is printed, and how it ended.
"""

import contextlib
import json
import os
import sys
import traceback
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

from ansible.plugins.loader import init_plugin_loader

init_plugin_loader()

from ansible_collections.raywright.fleet.engine.embedded.fabric import build
from ansible_collections.raywright.fleet.engine.embedded.state import USER
from ansible_collections.raywright.fleet.engine.ledger import open_ledger
from ansible_collections.raywright.fleet.engine.sealing.key import FleetKey
from ansible_collections.raywright.fleet.plugins.action import rollout_stage
from ansible_collections.raywright.fleet.plugins.plugin_utils._devices import Reached


class Fleet:
    """The devices of an embedded fleet's directory, as the inventory would give them."""

    def __init__(self, directory, timeout):
        server = json.loads((directory / "server.json").read_text())
        known_hosts = (directory / "known_hosts").read_text()
        self.devices = {
            node.name: Reached(
                device={
                    "name": node.name,
                    "network_os": "embedded",
                    "host": node.host,
                    "port": server["port"],
                    "user": USER,
                    "password": None,
                    "private_key": (directory / "user_key").read_text(),
                    "private_key_passphrase": None,
                    "known_hosts": known_hosts,
                    "timeout": timeout,
                    "connect_timeout": timeout,
                    "become": False,
                },
                secrets=(),
                variables={},
            )
            for node in build(server["devices"], server["base_address"]).values()
        }


class Stage(rollout_stage.ActionModule):
    """The action plugin, told its devices by us and not by Ansible's variables."""

    def __init__(self, fleet):
        self._task = SimpleNamespace(check_mode=False)
        self._fleet = fleet

    def devices(self, _task_vars, _policy, names):
        return [self._fleet.devices[name] for name in names]


def wrong_clock():
    """The time of day, and the seconds that the file ``clock`` adds to it: it can be set while this runs."""
    offset = Path("clock")
    return datetime.now(UTC) + timedelta(seconds=float(offset.read_text()) if offset.exists() else 0)


def roll_out(fleet, ray, name):
    """Roll out every stage of a run that is left."""
    key = FleetKey.from_environment().derive("ledger chain")
    ledger = open_ledger(os.environ["RAYWRIGHT_LEDGER_URL"], chain_key=key, clock=wrong_clock)
    with contextlib.closing(ledger):
        run = ledger.open_run(name)
        for checkpoint in ledger.checkpoints(run.id):
            if checkpoint.name == "plan":
                continue
            given = {"run": run.id, "stage": checkpoint.name, "ray_address": ray}
            defaults = {option: spec.get("default") for option, spec in Stage.SPEC.items()}
            done = Stage(fleet).act(ledger, defaults | given, {})
            assert done["verdict"] == "passed", done


def serve(directory, ray):
    for line in sys.stdin:
        job = json.loads(line)
        child = os.fork()
        if child == 0:
            try:
                roll_out(Fleet(directory, job["timeout"]), ray, job["name"])
            except BaseException:  # noqa: BLE001 - a fork must not go on as its parent
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        answer(pid=child)
        _pid, status = os.waitpid(child, 0)
        answer(status=os.waitstatus_to_exitcode(status))


def answer(**values):
    os.write(ANSWERS, (json.dumps(values) + "\n").encode())


if __name__ == "__main__":
    # What the plugins display must not come between the answers.
    ANSWERS = os.dup(1)
    os.dup2(2, 1)
    serve(Path(sys.argv[1]), sys.argv[2])
