# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later

import json
import time
import urllib.parse
import urllib.request

import pytest

testinfra_hosts = ["ansible://ray_head"]


def address(host):
    return host.interface("eth0").addresses[0]


def get(host, path, port=9090, **parameters):
    query = "?" + urllib.parse.urlencode(parameters) if parameters else ""
    with urllib.request.urlopen(f"http://{address(host)}:{port}/api/{path}{query}", timeout=10) as answer:
        return json.load(answer)


def until(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(1)
    return condition()


def health(host):
    targets = get(host, "v1/targets", state="active")["data"]["activeTargets"]
    return {(target["labels"]["job"], target["labels"]["node"]): target["health"] for target in targets}


def firing(host):
    return {(alert["labels"]["alertname"], alert["labels"].get("node")) for alert in get(host, "v2/alerts", port=9093)}


@pytest.fixture
def worker(host):
    node = host.get_host("ansible://worker1?sudo=true", ansible_inventory=host.backend.ansible_inventory)
    yield node
    node.check_output("systemctl start prometheus-node-exporter")


def test_every_host_of_the_inventory_is_scraped_under_its_own_name(host):
    wanted = {("node", "head"), ("node", "worker1"), ("alertmanager", "head"), ("prometheus", "head")}

    assert until(lambda: health(host) == dict.fromkeys(wanted, "up")), health(host)


def test_the_rules_are_loaded_without_those_that_are_not_wanted(host):
    rules = [rule for group in get(host, "v1/rules")["data"]["groups"] for rule in group["rules"]]

    assert {"RayNodeDown", "HostDown", "Watchdog", "node:up"} <= {rule["name"] for rule in rules}
    assert "HostRebooted" not in {rule["name"] for rule in rules}
    assert until(
        lambda: (
            {rule["health"] for group in get(host, "v1/rules")["data"]["groups"] for rule in group["rules"]} == {"ok"}
        )
    )


def test_an_alert_reaches_alertmanager_when_a_target_dies(host, worker):
    worker.check_output("systemctl stop prometheus-node-exporter")

    assert until(lambda: ("HostDown", "worker1") in firing(host)), firing(host)
    assert ("HostDown", "head") not in firing(host)


def test_it_listens_on_the_address_of_the_node_only(host):
    assert host.socket(f"tcp://{address(host)}:9090").is_listening
    assert not host.socket("tcp://127.0.0.1:9090").is_listening


def test_its_configuration_is_not_readable_by_others(host):
    file = host.file("/etc/prometheus/prometheus.yml")

    assert (file.user, file.group, file.mode) == ("root", "prometheus", 0o640)
