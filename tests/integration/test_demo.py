# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The README's first command, as it is typed."""

import fcntl
import json
import os
import subprocess

import pytest

from tests.integration.routers import ROOT, why_not

DEMO = ROOT / "build/demo"

# One folder, as for a user: the demos take turns.
pytestmark = pytest.mark.xdist_group("demo")


@pytest.fixture(autouse=True)
def alone():
    """A demo has the folder for itself, also where several processes run tests."""
    DEMO.parent.mkdir(exist_ok=True)
    with DEMO.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def make(*words):
    environment = {name: os.environ[name] for name in ("PATH", "HOME")}
    done = subprocess.run(
        ["make", *words], check=False, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


def check(output, devices):
    report, again = (json.loads((DEMO / name).read_text()) for name in ("report.json", "again.json"))
    assert (report["state"], report["outcomes"]) == ("completed", {"changed": devices})
    assert (again["state"], again["outcomes"]) == ("completed", {"unchanged": devices})
    assert "approved by ada" in output
    assert "chain verified" in output


def test_the_demo_changes_an_embedded_fleet_and_then_nothing():
    check(make("demo", "DEVICES=16"), 16)


@pytest.mark.frr
@pytest.mark.skipif(bool(why_not()), reason=str(why_not()))
def test_the_demo_changes_real_routers_and_then_nothing():
    try:
        check(make("demo", "LAB=frr", "ROUTERS=6"), 6)
    finally:
        make("demo-down")
