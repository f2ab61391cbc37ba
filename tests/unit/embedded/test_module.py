# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module that starts and stops the fleet, with a real server process."""

import json
import os
import runpy
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from engine.embedded.dialects import DIALECTS

ROOT = Path(__file__).parents[3]


# In a process of its own, as Ansible does it: the server has to outlive whoever started it.
RUN = """
import json, runpy, sys
module = runpy.run_path(sys.argv[1])
params, check_mode = json.loads(sys.argv[2])
try:
    print(json.dumps(module["EmbeddedFleet"](params, check_mode).run()))
except module["FleetFailure"] as exc:
    print(json.dumps({"failure": str(exc)}))
"""


@pytest.fixture
def fleet(tmp_path):
    def run(*, check_mode=False, **options):
        params = {
            "state": "present",
            "directory": str(tmp_path / "fleet"),
            "collection_root": str(ROOT),
            "devices": 3,
            "latency": 0.0,
            "dialects": ["embedded"],
            "base_address": "127.64.0.1",
            "port": 0,
            "reset": False,
            "timeout": 60,
        }
        arguments = ["plugins/modules/embedded_fleet.py", json.dumps([params | options, check_mode])]
        child = subprocess.run([sys.executable, "-c", RUN, *arguments], cwd=ROOT, capture_output=True, check=True)
        return json.loads(child.stdout)

    yield run
    run(state="absent")


def ended(pid):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if "Z" in Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").split():
                return
        except (FileNotFoundError, ProcessLookupError):
            return
        time.sleep(0.05)
    pytest.fail(f"process {pid} still runs")


def answers(port):
    with socket.create_connection(("127.64.0.2", port), timeout=30) as connection:
        return connection.recv(4) == b"SSH-"


def test_a_fleet_is_started_once_and_stopped_once(fleet):
    started = fleet()
    assert started["changed"]
    assert answers(started["port"])
    assert os.access(started["inventory"], os.X_OK)
    again = fleet()
    assert (again["changed"], again["pid"]) == (False, started["pid"])
    assert fleet(state="absent")["changed"]
    assert not fleet(state="absent")["changed"]
    with pytest.raises(ConnectionRefusedError):
        answers(started["port"])


def test_check_mode_starts_and_stops_nothing(fleet, tmp_path):
    assert fleet(check_mode=True)["changed"]
    assert not (tmp_path / "fleet").exists()
    running = fleet()
    assert fleet(check_mode=True, state="absent")["changed"]
    assert fleet(check_mode=True, latency=5.0)["changed"]
    assert fleet()["pid"] == running["pid"]


def test_other_settings_restart_it_and_another_size_needs_a_reset(fleet):
    first = fleet()
    second = fleet(latency=1.0)
    assert second["changed"]
    assert second["pid"] != first["pid"]
    assert "holds a fleet of 3 devices, not 4" in fleet(devices=4)["failure"]
    assert answers(second["port"])
    assert fleet(devices=4, reset=True)["changed"]


def test_routers_speak_the_dialects_that_are_asked_for_in_turn(fleet):
    first = fleet()
    mixed = fleet(dialects=["eos", "ios"])
    assert mixed["changed"]
    assert mixed["pid"] != first["pid"]
    hosts = json.loads(subprocess.check_output([mixed["inventory"]]))["_meta"]["hostvars"]
    assert [each["ansible_network_os"] for each in hosts.values()] == ["eos", "ios", "eos"]
    assert not fleet(dialects=["eos", "ios"])["changed"]


def test_the_module_offers_every_dialect_that_there_is():
    documented = yaml.safe_load(runpy.run_path(str(ROOT / "plugins/modules/embedded_fleet.py"))["DOCUMENTATION"])
    assert documented["options"]["dialects"]["choices"] == list(DIALECTS)


def test_a_stranger_with_the_servers_number_is_left_alone(fleet, tmp_path):
    note = tmp_path / "fleet" / "server.json"
    pid = fleet()["pid"]
    text = note.read_text(encoding="utf-8")
    os.kill(pid, signal.SIGTERM)
    ended(pid)
    note.write_text(text.replace(f'"pid": {pid}', f'"pid": {os.getpid()}'), encoding="utf-8")
    assert not fleet(state="absent")["changed"]


def test_a_server_ends_with_its_directory(fleet, tmp_path):
    pid = fleet()["pid"]
    shutil.rmtree(tmp_path / "fleet")
    ended(pid)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"collection_root": "/nowhere"}, "is not where the collection"),
        ({"devices": 0}, "devices: 0 is not between"),
        ({"base_address": "192.0.2.1"}, "does not leave 3 addresses inside 127.0.0.0/8"),
        ({"base_address": "leaf"}, "base address: leaf is not an IPv4 address"),
        ({"port": 70000}, "port 70000"),
    ],
)
def test_a_fleet_that_cannot_start_says_why(fleet, options, says):
    assert says in fleet(**options)["failure"]


def test_a_port_in_use_is_named(fleet, tmp_path):
    port = fleet()["port"]
    failure = fleet(directory=str(tmp_path / "other"), port=port)["failure"]
    assert f"port {port} on the loopback interface cannot be used" in failure
