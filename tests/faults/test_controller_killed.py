# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller is killed at random instants, again and again, and resumed each time.

``RAYWRIGHT_FAULT_ROUNDS`` says how many kills (200 with ``make faults``), ``RAYWRIGHT_FAULT_SEED`` repeats a failure.
"""

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest
from promises import journals, never_blind, no_secret_leaked, one_outcome_each
from ray_head import words
from rollouts import DEADLINE, Project, wait_for

ROUNDS = int(os.environ.get("RAYWRIGHT_FAULT_ROUNDS", "20"))
SEED = int(os.environ.get("RAYWRIGHT_FAULT_SEED", "4"))
LONGEST = 4.0
"""Seconds after which a controller is killed at the latest, to begin with."""
MOST = 60.0
SMALL, RAY = 9, 12  # below ten devices no Ray is started
LATENCY = 40.0
POLICY = {"stages": [2, "100%"], "concurrency": 1, "timeout": 10, "retries": 4}


class Controller:
    """Starts processes that do what the collection's actions do; see ``controller.py``."""

    def __init__(self, project, ray="local"):
        self._project = project
        self._log = (project.path / "controller.log").open("a")
        self._process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("controller.py"), project.fleet.directory, ray],
            cwd=project.path,
            env=project.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            start_new_session=True,
        )

    def begin(self, name):
        """Roll out what is left of a run; gives the id of the process that does it."""
        self._process.stdin.write(json.dumps({"name": name, "timeout": POLICY["timeout"]}) + "\n")
        self._process.stdin.flush()
        return self._answer()["pid"]

    def end(self):
        """How it ended: 0, or the signal with a minus before it."""
        return self._answer()["status"]

    def _answer(self):
        line = self._process.stdout.readline()
        assert line, self.said
        return json.loads(line)

    @property
    def said(self):
        return (self._project.path / "controller.log").read_text()

    def close(self):
        self._process.stdin.close()
        self._process.stdout.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._log.close()


class Killer:
    """Kills a controller at a random instant of its life, now and then its engine as well.

    How long a life is depends on the machine: where nothing was handed out any more, the next ones may live longer.
    """

    def __init__(self, project, luck):
        self._project = project
        self._luck = luck
        self._longest = LONGEST
        self._handed_out = 0

    def strike(self, pid):
        threading.Event().wait(self._luck.uniform(0, self._longest))
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        if self._luck.random() < 0.3:
            for engine in self._project.processes(argument=b"engine.rollout"):
                # Not the keeper of Ray, which outlives its engines.
                if b"engine.rollout.keeper" not in words(engine):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(engine, signal.SIGKILL)
        handed_out = sum(event["event"] == "dispatched" for event in journals(self._project))
        self._longest = min(MOST, self._longest * (1.3 if handed_out == self._handed_out else 0.9))
        self._handed_out = handed_out

    def missed(self):
        """The controller had come to its end before."""
        self._longest *= 0.6


NAME = "killed"


def plan(project):
    """Record a plan for each device: as it is, and one line more. Gives what is wanted."""
    texts, folder = {}, project.fleet.directory / "wanted"
    folder.mkdir()
    for name, (running, _startup) in project.fleet.configurations().items():
        lines = running.splitlines()
        lines.insert(next(at for at, line in enumerate(lines) if line.startswith("ntp server")), "ntp server 10.0.77.1")
        texts[name] = "\n".join(lines) + "\n"
        (folder / f"{name}.cfg").write_text(texts[name])
    options = {**POLICY, "name": NAME, "configs": str(folder), "approval": "never"}
    task = {"name": "Plan", "raywright.fleet.rollout_plan": options, "run_once": True}
    play = {"name": "Plan", "hosts": "embedded_fleet", "gather_facts": False, "tasks": [task]}
    (project.path / "plan.yml").write_text(json.dumps([play]))
    code, output = project.run(playbook=str(project.path / "plan.yml"))
    assert code == 0, output
    return texts


class Beginning:
    """A project as it was when its plan was made: ledger, journals and devices, to begin from again and again."""

    def __init__(self, project):
        self._folders = [project.path / "ledger", project.path / ".raywright", project.fleet.directory / "devices"]
        self._kept = project.fleet.directory / "kept"
        for folder in self._folders:
            shutil.copytree(folder, self._kept / folder.name)

    def again(self):
        for folder in self._folders:
            shutil.rmtree(folder)
            shutil.copytree(self._kept / folder.name, folder)


@pytest.mark.parametrize(
    ("devices", "rounds"),
    [
        pytest.param(SMALL, ROUNDS - ROUNDS // 4, id="local"),
        pytest.param(RAY, ROUNDS // 4, id="ray", marks=[pytest.mark.ray, pytest.mark.long]),
    ],
)
def test_a_controller_killed_at_any_instant_is_resumed_and_nobody_is_configured_blindly(tmp_path, devices, rounds):
    project = Project(tmp_path, devices, LATENCY)
    luck = random.Random(SEED * 1000 + devices)
    killed, runs, found = 0, 0, Counter()
    controller = None
    try:
        wanted = plan(project)
        beginning = Beginning(project)
        controller, killer = Controller(project), Killer(project, luck)
        while killed < rounds:
            runs += 1
            beginning.again()
            before = project.fleet.commits()
            while killed < rounds:
                killer.strike(controller.begin(NAME))
                ended = controller.end()
                assert ended in {0, -signal.SIGKILL}, controller.said
                never_blind(project.fleet)
                if ended == 0:
                    killer.missed()
                    break
                killed += 1
                outcomes = one_outcome_each(project, project.fleet.names)
                assert set(outcomes.values()) <= {"pending", "changed", "unknown"}, outcomes
            if project.state() != "completed":
                controller.begin(NAME)
                assert controller.end() == 0, controller.said
            # The same end as without any of it: every device as wanted, saved, and committed to once.
            assert set(one_outcome_each(project, project.fleet.names).values()) == {"changed"}
            assert project.state() == "completed"
            assert project.fleet.configurations() == {each: (text, text) for each, text in wanted.items()}
            commits = project.fleet.commits()
            assert {commits[each] - before[each] for each in commits} == {1}
            found.update(event["read_back"] for event in journals(project) if event.get("read_back"))
            print(f"{killed} kills in {runs} runs of {devices} devices; read back: {dict(found)}", flush=True)
        no_secret_leaked(project, controller.said)
    finally:
        if controller is not None:
            controller.close()
        project.end()


@pytest.mark.ray
@pytest.mark.long
@pytest.mark.parametrize("devices", [SMALL, RAY])
def test_a_whole_playbook_killed_at_any_instant_is_resumed_by_the_same_command(tmp_path, devices):
    project = Project(tmp_path, devices, 25.0)
    luck = random.Random(SEED)
    given = {"stages": [2, "100%"], "concurrency": 2, "timeout": 10, "retries": 4}
    try:
        for _kill in range(max(2, ROUNDS // 20)):
            process = project.start(**given)
            # Most of a playbook's life is Ansible's own start: strike where something is at stake, or before it.
            seconds = luck.uniform(0, 12)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(seconds)
            with contextlib.suppress(ProcessLookupError):
                luck.choice((os.kill, os.killpg))(process.pid, signal.SIGKILL)
            process.wait(DEADLINE)
            never_blind(project.fleet)
        wait_for(lambda: not project.processes(argument=b"engine.rollout"), "the engines' end")
        code, output = project.run(**given)
        assert code == 0, output
        assert set(one_outcome_each(project, project.fleet.names).values()) <= {"changed", "unchanged"}
        assert set(project.fleet.commits().values()) == {1}
        never_blind(project.fleet)
        no_secret_leaked(project, output, project.output)
    finally:
        project.end()
