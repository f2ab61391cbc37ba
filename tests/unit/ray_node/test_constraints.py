# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What nodes install agrees with what the controller has."""

import subprocess
import sys

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


WHAT_RUNS_THERE = """\
import importlib, sys

class Elsewhere:
    def find_spec(self, name, path=None, target=None):
        if name in sys.argv[1:]:
            raise ImportError(f"{name} is not on a Ray node")

sys.meta_path.insert(0, Elsewhere())
for name in ("__main__", "nodes", "ray_pool", "worker", "slices", "procedures", "reading", "validation", "trial"):
    importlib.import_module(f"engine.rollout.{name}")
from engine.devices.registry import known
known()
import engine.devices.cli.rules
"""


def test_the_engine_on_a_node_needs_no_other_packages():
    role = yaml.safe_load((ROOT / "roles/ray_node/vars/main.yml").read_text())
    elsewhere = {name.replace("-", "_") for name in ENGINE} - pins(role["__ray_node_rollout_packages"]).keys() - {"ray"}
    assert "sqlalchemy" in elsewhere
    command = [sys.executable, "-c", WHAT_RUNS_THERE, *elsewhere]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_constraints_agree_with_the_engine_and_leave_the_version_of_ray_open():
    constraints = file("roles/ray_node/files/constraints.txt")
    assert "ray" not in constraints
    assert {name: version for name, version in ENGINE.items() if name in constraints}.items() <= constraints.items()


def test_the_default_version_of_ray_is_the_controllers():
    role = yaml.safe_load((ROOT / "roles/ray_node/defaults/main.yml").read_text())
    assert role["ray_node_version"] == ENGINE["ray"]
