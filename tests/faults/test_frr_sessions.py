# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real routers whose sessions, links, SSH servers and host keys are struck in the middle of a push."""

import contextlib
import os
import signal
import subprocess
import threading
from pathlib import Path

import pytest
from fabrics import Fabric, fabric_of
from promises import one_outcome_each, says_what_to_do
from rollouts import DEADLINE, SharedFleetProject, wait_for
from test_rollout_frr import FRAGMENT, SECRET, WHOLE

from tests.integration import routers as lab

pytestmark = [pytest.mark.frr, pytest.mark.long]

LAB = {**lab.own_lab("f"), "lab_routers": "9", "lab_spines": "1"}
NAME = LAB["lab_name"]


class StruckFabric(Fabric):
    """Routers whose processes can be told apart from the host, by their network namespace."""

    def processes(self, name):
        """Process id and command line of everything on a router."""
        listed = subprocess.run(["ip", "netns", "pids", f"{NAME}-{name}"], capture_output=True, text=True, check=False)
        for pid in map(int, listed.stdout.split()):
            with contextlib.suppress(OSError):
                yield pid, Path(f"/proc/{pid}/cmdline").read_bytes()

    def sessions(self, name):
        """The processes of its SSH server that serve one connection each."""
        return [pid for pid, said in self.processes(name) if said.startswith(b"sshd: labnet")]

    def listener(self, name):
        [pid] = [pid for pid, said in self.processes(name) if b"/usr/sbin/sshd" in said]
        return pid

    def changing(self, name):
        """Whether a change is being made there now: by a process that has parted from its session's."""
        return sum(said.startswith(b"python3\0-I\0-c") for _pid, said in self.processes(name)) > 1

    def cut(self, name):
        for pid in self.sessions(name):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def plug(self, name, state):
        words = ["ip", "netns", "exec", f"{NAME}-{name}", "ip", "link", "set", "eth0", state]
        subprocess.run(words, check=True)


@pytest.fixture(scope="module")
def fabric(tmp_path_factory):
    with fabric_of(tmp_path_factory, LAB, StruckFabric) as fabric:
        yield fabric


@pytest.fixture
def project(tmp_path, fabric):
    project = SharedFleetProject(tmp_path, fabric, fabric.directory.parent)
    yield project
    for name in fabric.names:
        with contextlib.suppress(ProcessLookupError):
            os.kill(fabric.listener(name), signal.SIGCONT)
        fabric.plug(name, "up")
    project.end()


class Strike(threading.Thread):
    """Waits for a moment in the life of a router, and strikes once."""

    def __init__(self, fabric, name, moment):
        super().__init__(daemon=True)
        self._fabric, self._name, self._moment = fabric, name, moment
        self.struck = False
        self.begin = threading.Event()

    def run(self):
        self.begin.wait()
        getattr(self, f"_{self._moment}")()
        self.struck = True

    def _until(self, condition):
        wait_for(condition, f"{self._moment} of {self._name}")

    def _before_commit(self):
        self._until(lambda: self._fabric.sessions(self._name))
        self._fabric.cut(self._name)

    def _during_commit(self):
        self._until(lambda: self._fabric.changing(self._name))
        self._fabric.cut(self._name)

    def _after_commit(self):
        self._until(lambda: self._fabric.changing(self._name))
        self._until(lambda: not self._fabric.changing(self._name))
        self._fabric.cut(self._name)

    def _link_down(self):
        self._until(lambda: self._fabric.changing(self._name))
        self._fabric.plug(self._name, "down")
        threading.Event().wait(6)
        self._fabric.plug(self._name, "up")


def test_a_session_lost_before_during_and_after_the_commit_ends_as_if_it_had_not_been(project, fabric):
    moments = ["before_commit", "during_commit", "after_commit", "link_down"]
    given = {"template": project.template(WHOLE), "stages": ["100%"], "timeout": 15, "retries": 6}
    given |= {"approval": "plan", "approval_wait": "park", "requester": "anna", "max_failure_percentage": 100}
    code, output = project.run(**given)
    assert code == 0, output
    assert project.approve()[0] == 0
    strikes = {name: Strike(fabric, name, moment) for name, moment in zip(fabric.names[1:], moments, strict=False)}
    for strike in strikes.values():
        strike.start()
    wait_for(lambda: not any(fabric.sessions(name) for name in strikes), "the end of the plan's sessions")
    for strike in strikes.values():
        strike.begin.set()
    code, output = project.run(**given)
    assert code == 0, output
    for strike in strikes.values():
        strike.join(DEADLINE)
        assert strike.struck, strike._moment
    assert one_outcome_each(project, fabric.names) == dict.fromkeys(fabric.names, "changed"), output
    report = project.add_up()
    found = {each["name"]: each["found"] for each in report["read_back"]}
    by_moment = {strike._moment: found.get(name, "") for name, strike in strikes.items()}
    print(by_moment)
    # A change on FRR goes on by itself when its session is lost, and reading waits for its end: so it is found made.
    assert by_moment["during_commit"] == "applied", by_moment
    for running, saved in fabric.configurations().values():
        assert SECRET.search(running)
        assert set(saved.splitlines()) <= set(running.splitlines())
    code, again = project.run(**{**given, "approval": "never"})
    assert (code, project.add_up()["outcomes"]) == (0, {"unchanged": 9}), again
    assert not SECRET.search((output + again).encode())


def test_a_server_that_says_nothing_and_a_host_key_that_changed_since_the_plan_touch_nothing(project, fabric):
    mute, other = fabric.names[2:4]
    given = {"template": project.template(FRAGMENT), "mode": "merge", "stages": ["100%"], "timeout": 20, "retries": 2}
    given |= {"approval": "plan", "approval_wait": "park", "requester": "anna", "max_failure_percentage": 100}
    words = ["-e", "prefix_list=STRUCK"]
    code, output = project.run(*words, **given)
    assert code == 0, output
    assert project.approve()[0] == 0
    before = {name: fabric.running(name) for name in (mute, other)}
    os.kill(fabric.listener(mute), signal.SIGSTOP)
    key = "/run/sshd/ssh_host_ed25519_key"
    fabric.on(other, "sh", "-c", f"cp -p {key} {key}.kept; rm {key}; ssh-keygen -q -t ed25519 -N '' -f {key}")
    os.kill(fabric.listener(other), signal.SIGHUP)
    try:
        code, output = project.run(*words, **given)
    finally:
        fabric.on(other, "mv", f"{key}.kept", key)
        os.kill(fabric.listener(other), signal.SIGHUP)
        os.kill(fabric.listener(mute), signal.SIGCONT)
    assert code == 0, output
    outcomes = one_outcome_each(project, fabric.names)
    assert {name: outcome for name, outcome in outcomes.items() if outcome != "changed"} == {
        mute: "unreachable",
        other: "failed",
    }
    reasons = {each["name"]: each["reason"] for each in project.report["failures"]}
    says_what_to_do(reasons[mute], "check that the device is up")
    says_what_to_do(reasons[other], "if the device was replaced, record its new key")
    assert {name: fabric.running(name) for name in before} == before
    code, output = project.run(*words, **{**given, "approval": "never"})
    assert code == 0, output
    assert set(one_outcome_each(project, fabric.names).values()) == {"changed", "unchanged"}
