# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from alert_rules import ROLES, alerts, thresholds

DASHBOARDS = sorted((ROLES / "grafana/files/dashboards").glob("*.json"))
OWN = {"up", "ALERTS", "vector", "time", "timestamp"}
# Words of PromQL that stand where a metric could.
WORDS = {"by", "on", "and", "or", "unless", "offset", "group_right", "group_left", "without", "bool", "ignoring"}


def known() -> set[str]:
    names = {
        line
        for file in (Path(__file__).parent / "metrics").glob("*.txt")
        for line in file.read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    }
    counters = (ROLES / "dcgm_exporter/templates/counters.csv.j2").read_text(encoding="utf-8")
    return names | set(re.findall(r"^DCGM_\w+", counters, re.MULTILINE)) | OWN


def metrics(expression: str) -> set[str]:
    """The names of metrics in a PromQL expression."""
    bare = re.sub(r'"[^"]*"', '""', expression)
    bare = re.sub(r"\b(by|on|without|ignoring|group_right|group_left)\s*\([^)]*\)", " ", bare)
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]", " ", bare)
    names = re.findall(r"(?<![\w$.])([A-Za-z_]\w*)\b(?!\s*\()", bare)
    return {name for name in names if name not in WORDS}


def panels(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def load(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8")))


def test_every_metric_of_the_rules_exists() -> None:
    unknown = {rule["alert"]: metrics(rule["expr"]) - known() for rule in alerts()}

    assert {alert: names for alert, names in unknown.items() if names} == {}


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_every_metric_of_a_dashboard_exists(path: Path) -> None:
    expressions = {target["expr"] for panel in panels(load(path)) for target in panel["targets"]}

    assert {name for expression in expressions for name in metrics(expression)} - known() == set()


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_a_dashboard_has_a_stable_uid_and_the_provisioned_data_source(path: Path) -> None:
    dashboard = load(path)

    assert dashboard["uid"] == f"raywright-{path.stem}"
    assert {panel["datasource"]["uid"] for panel in panels(dashboard)} == {"raywright-prometheus"}
    identifiers = [panel["id"] for panel in dashboard["panels"]]
    assert len(identifiers) == len(set(identifiers))


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_the_panels_of_a_dashboard_do_not_overlap(path: Path) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in load(path)["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: str(rule["alert"]))
def test_an_alert_says_what_happened_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"critical", "warning", "info", "none"}
    assert set(rule["annotations"]) == {"summary", "description", "runbook"}
    assert all(rule["annotations"].values())


def test_no_two_alerts_have_the_same_name() -> None:
    names = [rule["alert"] for rule in alerts()]

    assert len(names) == len(set(names))


def test_the_documented_thresholds_are_the_ones_in_use() -> None:

    specification = yaml.safe_load((ROLES / "prometheus/meta/argument_specs.yml").read_text(encoding="utf-8"))
    options = specification["argument_specs"]["main"]["options"]["prometheus_thresholds"]["options"]

    assert {name: option["default"] for name, option in options.items()} == thresholds()


def test_the_checks_of_grafana_know_every_dashboard() -> None:

    variables = yaml.safe_load((ROLES / "grafana/vars/main.yml").read_text(encoding="utf-8"))

    assert sorted(variables["__grafana_dashboards"]) == sorted(load(path)["uid"] for path in DASHBOARDS)
