# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A confirmed commit held across validation, on real routers, with everything else killed."""

import os
import signal

import pytest
from fabrics import fabric_of
from rollouts import SharedFleetProject, wait_for
from test_rollout_frr import FRAGMENT

from tests.integration import routers as lab

pytestmark = pytest.mark.frr

LAB = {**lab.own_lab("h"), "lab_routers": "12", "lab_spines": "2"}
WAITING = {"name": "released", "shell": "cat /tmp/released || true", "match": "yes", "retries": 30, "delay": 1}
GIVEN = {"mode": "merge", "stages": ["100%"], "validate": [WAITING], "timeout": "20", "confirm_timeout": "120"}


@pytest.fixture(scope="module")
def fabric(tmp_path_factory):
    with fabric_of(tmp_path_factory, LAB) as fabric:
        yield fabric


class Trial(SharedFleetProject):
    def __init__(self, path, fleet, collections):
        super().__init__(path, fleet, collections)
        (path / "tmp").mkdir()
        # By which a process of this project is known.
        self.environment["TMPDIR"] = f"{path}/tmp"

    @property
    def journal(self):
        return "".join(path.read_text() for path in self.path.glob(".raywright/runs/*/01-push.jsonl"))

    def kill(self):
        found = self.processes()
        assert found
        for pid in found:
            os.kill(pid, signal.SIGKILL)
        for process in self.started:
            process.wait()


def test_with_controller_engine_and_every_management_link_gone_all_routers_are_byte_for_byte_as_before(
    tmp_path, fabric
):
    project = Trial(tmp_path, fabric, fabric.directory.parent)
    try:
        before = fabric.configurations()
        project.start("-e", "prefix_list=TRIAL", template=project.template(FRAGMENT), **GIVEN)
        wait_for(lambda: '"phase":"validate"' in project.journal, "the checks have begun")
        for name, (running, saved) in fabric.configurations().items():
            assert b"ip prefix-list TRIAL" in running
            assert saved == before[name][1]
        project.kill()
        fabric.link("down")
        wait_for(lambda: fabric.configurations() == before, "all routers are as before")
        fabric.link("up")

        # The same command goes on: what has reverted is sent again, validated and confirmed.
        for name in fabric.names:
            fabric.on(name, "sh", "-c", "echo yes >/tmp/released")
        code, output = project.run("-e", "prefix_list=TRIAL", template=project.template(FRAGMENT), **GIVEN)
        assert code == 0, output
        assert project.add_up()["outcomes"] == {"changed": len(fabric.names)}
        for running, saved in fabric.configurations().values():
            assert b"ip prefix-list TRIAL" in running
            assert b"ip prefix-list TRIAL" in saved
        for name in fabric.names:
            assert fabric.on(name, "sh", "-c", "pgrep -f [r]aywright-fleet || true") == b""
    finally:
        fabric.link("up")
        project.end()
