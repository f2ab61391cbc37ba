# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of faults ask of the cluster."""

import json
import subprocess

import pytest

from tests.molecule.shared.playbooks import INVENTORY, inventory


@pytest.fixture
def alive(addresses, fetch):
    """The names of the nodes that the head calls alive; none while it does not answer."""

    def look() -> set[str]:
        try:
            unused, body = fetch(f"http://{addresses['head']}:8265/nodes?view=summary", token_file="/etc/ray/token")
        except (AssertionError, ValueError):
            return set()
        del unused
        nodes = json.loads(body)["data"]["summary"]
        return {node["raylet"]["nodeName"] for node in nodes if node["raylet"]["state"] == "ALIVE"}

    return look


@pytest.fixture
def firing(addresses, fetch):
    """The alerts that Alertmanager has from Prometheus, as pairs of name and node."""

    def look() -> set[tuple[str, str]]:
        status, body = fetch(f"http://{addresses['head']}:9093/api/v2/alerts?active=true")
        assert status == 200
        labels = [alert["labels"] for alert in json.loads(body)]
        return {(label["alertname"], label.get("node", "")) for label in labels}

    return look


@pytest.fixture
def power_cycle():
    """Switch a node off and on again, without a warning."""

    def cycle(name: str) -> None:
        data = inventory()
        variables = data["_meta"]["hostvars"][name]
        container = f"{data['all']['vars']['test_name']}-{name}"
        subprocess.run(["docker", "kill", container], check=True, stdout=subprocess.DEVNULL)
        # The connections that ssh keeps open do not notice.
        options = variables["ansible_ssh_common_args"].split()
        subprocess.run(
            ["ssh", *options, "-O", "exit", variables["ansible_host"]], check=False, stderr=subprocess.DEVNULL
        )
        subprocess.run(["docker", "start", container], check=True, stdout=subprocess.DEVNULL)
        ping = ["ansible", name, f"--inventory={INVENTORY}", "-m", "ansible.builtin.wait_for_connection"]
        subprocess.run(ping, check=True, stdout=subprocess.DEVNULL)

    return cycle
