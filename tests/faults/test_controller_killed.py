# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller is killed at random instants, again and again, and resumed each time.

``RAYWRIGHT_FAULT_ROUNDS`` says how many kills (200 with ``make faults``), ``RAYWRIGHT_FAULT_SEED`` repeats a failure.
"""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest
from promises import journals, never_blind, no_secret_leaked, one_outcome_each
from rollouts import DEADLINE, Project, wait_for

ROUNDS = int(os.environ.get("RAYWRIGHT_FAULT_ROUNDS", "20"))
SEED = int(os.environ.get("RAYWRIGHT_FAULT_SEED", "4"))
LONGEST = 4.0
"""Seconds after which a controller is killed at the latest; a whole run of it takes about as long."""
SMALL, RAY = 8, 12  # below ten devices no Ray is started
LATENCY = 40.0
POLICY = {"stages": [2, "100%"], "concurrency": 2, "timeout": 10, "retries": 4}


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
    """Kills a controller at a random instant of its life, now and then its engine as well."""

    def __init__(self, project, luck):
        self._project = project
        self._luck = luck

    def strike(self, pid):
        threading.Event().wait(self._luck.uniform(0, LONGEST))
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        if self._luck.random() < 0.3:
            for engine in self._project.processes(argument=b"engine.rollout"):
                # Not the keeper of Ray, which outlives its engines.
                if b"engine.rollout.keeper" not in Path(f"/proc/{engine}/cmdline").read_bytes():
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(engine, signal.SIGKILL)


def plan(project, number):
    """Record a plan for each device: as it is, and one line that is new in each run. Gives what is wanted."""
    texts, folder = {}, project.fleet.directory / "wanted"
    folder.mkdir(exist_ok=True)
    for name, (running, _startup) in project.fleet.configurations().items():
        kept = [line for line in running.splitlines() if not line.startswith("ntp server 10.77.")]
        at = next(at for at, line in enumerate(kept) if line.startswith("ntp server"))
        kept.insert(at, f"ntp server 10.77.{number // 250}.{number % 250 + 1}")
        texts[name] = "\n".join(kept) + "\n"
        (folder / f"{name}.cfg").write_text(texts[name])
    options = {**POLICY, "name": f"run-{number}", "configs": str(folder), "approval": "never"}
    task = {"name": "Plan", "raywright.fleet.rollout_plan": options, "run_once": True}
    play = {"name": "Plan", "hosts": "embedded_fleet", "gather_facts": False, "tasks": [task]}
    (project.path / "plan.yml").write_text(json.dumps([play]))
    code, output = project.run(playbook=str(project.path / "plan.yml"))
    assert code == 0, output
    return texts


@pytest.mark.ray
@pytest.mark.parametrize(
    ("devices", "rounds"), [(SMALL, ROUNDS - ROUNDS // 4), (RAY, ROUNDS // 4)], ids=["local", "ray"]
)
def test_a_controller_killed_at_any_instant_is_resumed_and_nobody_is_configured_blindly(tmp_path, devices, rounds):
    project = Project(tmp_path, devices, LATENCY)
    luck = random.Random(SEED * 1000 + devices)
    controller, killer = Controller(project), Killer(project, luck)
    killed, runs = 0, 0
    try:
        while killed < rounds:
            runs += 1
            before = project.fleet.commits()
            wanted, name = plan(project, runs), f"run-{runs}"
            while killed < rounds:
                killer.strike(controller.begin(name))
                ended = controller.end()
                assert ended in {0, -signal.SIGKILL}, controller.said
                never_blind(project.fleet)
                if ended == 0:
                    break
                killed += 1
                outcomes = one_outcome_each(project, project.fleet.names)
                assert set(outcomes.values()) <= {"pending", "changed", "unknown"}, outcomes
            if project.state() != "completed":
                controller.begin(name)
                assert controller.end() == 0, controller.said
            # The same end as without any of it: every device as wanted, saved, and committed to once.
            assert set(one_outcome_each(project, project.fleet.names).values()) == {"changed"}
            assert project.state() == "completed"
            assert {each: text for each, (text, _saved) in project.fleet.configurations().items()} == wanted
            assert all(running == saved for running, saved in project.fleet.configurations().values())
            commits = project.fleet.commits()
            assert {commits[each] - before[each] for each in commits} == {1}
        no_secret_leaked(project, controller.said)
        found = Counter(event["read_back"] for event in journals(project) if event.get("read_back"))
        print(f"{killed} kills in {runs} runs of {devices} devices; read back: {dict(found)}")
    finally:
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
