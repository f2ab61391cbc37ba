# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The head: cluster and monitoring, from inside."""

import json
import os

import pytest

testinfra_hosts = ["ansible://head"]

MONITORING = os.environ.get("RAYWRIGHT_TEST_MONITORING", "head")


@pytest.fixture
def prometheus(addresses, fetch):
    """Ask Prometheus; return what is in data."""

    def ask(path: str):
        status, body = fetch(f"http://{addresses[MONITORING]}:9090/api/v1/{path}")
        assert status == 200
        return json.loads(body)["data"]

    return ask


def test_every_node_is_alive(addresses, fetch):
    status, body = fetch(f"http://{addresses['head']}:8265/nodes?view=summary", token_file="/etc/ray/token")
    assert status == 200
    alive = {node["ip"] for node in json.loads(body)["data"]["summary"] if node["raylet"]["state"] == "ALIVE"}
    assert alive == {addresses[name] for name in ("head", "worker1", "worker2")}


def test_every_target_is_up(prometheus):
    targets = prometheus("targets")["activeTargets"]
    assert [target["scrapeUrl"] for target in targets if target["health"] != "up"] == []


def test_every_node_s_ray_is_a_target(addresses, prometheus):
    watched = {series["metric"]["node"] for series in prometheus("query?query=up{job=%22ray_node%22}")["result"]}
    assert watched == {"head", "worker1", "worker2"}


def test_every_machine_of_the_deployment_is_watched(prometheus):
    watched = {series["metric"]["node"] for series in prometheus("query?query=up{job=%22node%22}")["result"]}
    assert watched == {"head", "worker1", "worker2", MONITORING}


def test_rules_are_loaded_and_none_is_broken(prometheus):
    rules = [rule for group in prometheus("rules")["groups"] for rule in group["rules"]]
    assert [rule["name"] for rule in rules if rule["health"] == "err"] == []
    assert {"RayNodeDown"} <= {rule["name"] for rule in rules}


def test_prometheus_sends_to_alertmanager(addresses, prometheus):
    assert [found["url"] for found in prometheus("alertmanagers")["activeAlertmanagers"]] == [
        f"http://{addresses[MONITORING]}:9093/api/v2/alerts"
    ]


def test_grafana_takes_no_known_password(addresses, fetch):
    status, body = fetch(f"http://{addresses[MONITORING]}:3000/api/health")
    assert status == 200
    assert json.loads(body)["database"] == "ok"
    for password in ("admin", "grafana", "password"):
        assert fetch(f"http://{addresses[MONITORING]}:3000/api/org", login=f"admin:{password}")[0] == 401
