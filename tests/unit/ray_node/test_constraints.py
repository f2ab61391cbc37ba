# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What nodes install agrees with what the controller has."""

import yaml

from tests.unit.ray_node.program import ROOT


def pins(lines):
    plain = [line.split(";")[0].split("#")[0].strip() for line in lines]
    pairs = (line.split("==", 1) for line in plain if "==" in line)
    return {name.split("[")[0]: version for name, version in pairs}


def file(name):
    return pins((ROOT / name).read_text().splitlines())


ENGINE = file("requirements/engine.txt")


def test_the_packages_of_rollouts_are_those_of_the_engine():
    role = yaml.safe_load((ROOT / "roles/ray_node/vars/main.yml").read_text())
    packages = pins(role["__ray_node_rollout_packages"])
    assert packages == {name: ENGINE[name] for name in packages}


def test_the_constraints_agree_with_the_engine_and_leave_the_version_of_ray_open():
    constraints = file("roles/ray_node/files/constraints.txt")
    assert "ray" not in constraints
    assert {name: version for name, version in ENGINE.items() if name in constraints}.items() <= constraints.items()


def test_the_default_version_of_ray_is_the_controllers():
    role = yaml.safe_load((ROOT / "roles/ray_node/defaults/main.yml").read_text())
    assert role["ray_node_version"] == ENGINE["ray"]
