# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The alert rules as the role renders them with its default thresholds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

ROLES = Path(__file__).parents[3] / "roles"
PROMETHEUS = ROLES / "prometheus"


def thresholds() -> dict[str, Any]:
    variables = yaml.safe_load((PROMETHEUS / "vars/main.yml").read_text(encoding="utf-8"))
    return dict(variables["__prometheus_default_thresholds"])


def render() -> str:
    environment = Environment(
        loader=FileSystemLoader(PROMETHEUS / "templates"),
        variable_start_string="[[",
        variable_end_string="]]",
        trim_blocks=True,
        undefined=StrictUndefined,
        autoescape=False,
    )
    return environment.get_template("rules/all.yml.j2").render(__prometheus_thresholds=thresholds())


def alerts() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(render())["groups"] for rule in group["rules"]]
