# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The progress callback in real runs of ansible-playbook, on a terminal and off it."""

import contextlib
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from datetime import datetime
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLAYBOOK = """
- name: Roll out
  hosts: localhost
  gather_facts: false
  tasks:
    - name: Stages
      announce:
        community: hunter2hunter2
        hang: "{{ hang | default(false) }}"
      no_log: true
    - name: A refusal
      ansible.builtin.fail:
        msg: hunter2hunter2
      ignore_errors: true
      no_log: true
"""
ANNOUNCE = """
import time
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.raywright.fleet.plugins.plugin_utils.progress import Progress

class ActionModule(ActionBase):
    _requires_connection = False
    def run(self, tmp=None, task_vars=None):
        progress = Progress.from_environment(display=Display().display)
        progress.phase("stage", "10%", total=20, run="r-abcdefgh23", fleet={"total": 20, "done": 0})
        if self._task.args["hang"]:
            time.sleep(60)  # the test ends it
        for done in range(1, 21):
            time.sleep(0.02)
            progress.progress(done, {"changed": done}, fleet={"total": 20, "done": done, "outcomes": {"changed": done}})
            if done == 10:
                Display().display("printed between")
        progress.phase_end("10%", verdict="passed", seconds=1.25)
        progress.note("waiting for a-abcdefgh23")
        return super().run(tmp, task_vars)
"""
BEGINS = "r-abcdefgh23 stage 10%: 20 devices | fleet 0/20"
ENDS = "stage 10% passed in 1.2 s: 20/20 devices, 20 changed"


class Site:
    """A collection path with our collection, one playbook in it and one of the user's own beside it."""

    def __init__(self, folder):
        self.folder = folder
        collection = folder / "ansible_collections/raywright/fleet"
        actions = collection / "playbooks/action_plugins"
        actions.mkdir(parents=True)
        for name in ("galaxy.yml", "engine", "plugins", "playbooks/callback_plugins"):
            (collection / name).symlink_to(ROOT / name)
        (actions / "announce.py").write_text(ANNOUNCE)
        (collection / "playbooks/try.yml").write_text(PLAYBOOK)
        (folder / "own.yml").write_text(PLAYBOOK)
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "TMPDIR": str(self.temporary),
            "LC_ALL": "C.UTF-8",
            "ANSIBLE_COLLECTIONS_PATH": str(folder),
            "ANSIBLE_ACTION_PLUGINS": str(actions),
            "ANSIBLE_HOME": str(folder / "ansible"),
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
        }

    def command(self, *arguments):
        return [sys.executable, "-m", "ansible", "playbook", *arguments]

    def run(self, playbook="raywright.fleet.try", **environment):
        done = subprocess.run(
            self.command(playbook),
            cwd=self.folder,
            env=self.environment | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Traceback" not in done.stdout + done.stderr
        assert not self.sockets()
        return done

    def run_on_terminal(self, **environment):
        """Return all that a terminal of 80 columns got."""
        screen, side = pty.openpty()
        process = subprocess.Popen(
            self.command("raywright.fleet.try"),
            cwd=self.folder,
            env=self.environment | {"TERM": "xterm", "COLUMNS": "80"} | environment,
            stdin=side,
            stdout=side,
            stderr=side,
        )
        os.close(side)
        text = b""
        with contextlib.suppress(OSError):  # EIO: the process has ended
            while data := os.read(screen, 65536):
                text += data
        os.close(screen)
        assert process.wait() == 0, text
        return text.decode()

    def hanging(self):
        """Start a run whose stage never ends and return it when the stage has begun."""
        process = subprocess.Popen(
            [*self.command("raywright.fleet.try", "-e", '{"hang": true}')],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        assert BEGINS + "\n" in process.stdout, "the line did not come before the stage's end"
        return process

    def sockets(self):
        return [path.name for path in self.temporary.glob("raywright-progress-*")]


@pytest.fixture
def site():
    # A socket's name must be short, and pytest's own folders are not.
    folder = Path(tempfile.mkdtemp(prefix="t-", dir="/tmp"))
    yield Site(folder)
    shutil.rmtree(folder)


def test_it_loads_by_itself_and_says_each_phase_once_and_a_summary(site):
    lines = site.run().stdout.splitlines()
    assert [lines.count(BEGINS), lines.count(f"✔ {ENDS}"), lines.count("waiting for a-abcdefgh23")] == [1, 1, 1]
    assert re.fullmatch(r"r-abcdefgh23: 20/20 devices in \d+\.\d s: 20 changed", lines[-1])
    assert not [line for line in lines if "\x1b" in line or "\r" in line]


def test_enabled_as_well_it_still_says_everything_once(site):
    out = site.run(ANSIBLE_CALLBACKS_ENABLED="raywright.fleet.progress").stdout
    assert [out.count(BEGINS), out.count(ENDS), out.count("r-abcdefgh23: 20/20")] == [1, 1, 1]


def test_enabled_it_works_for_a_users_own_playbook(site):
    out = site.run("own.yml", ANSIBLE_CALLBACKS_ENABLED="raywright.fleet.progress").stdout
    assert [out.count(BEGINS), out.count(ENDS), out.count("r-abcdefgh23: 20/20")] == [1, 1, 1]


def test_without_the_callback_the_actions_say_lines_themselves(site):
    out = site.run("own.yml").stdout
    assert [out.count(BEGINS), out.count(ENDS), out.count("waiting for a-abcdefgh23")] == [1, 1, 1]


def test_style_none_shows_nothing(site):
    out = site.run(RAYWRIGHT_PROGRESS_STYLE="none").stdout
    assert "r-abcdefgh23" not in out
    assert ENDS not in out


def test_the_log_has_every_event_and_no_arguments_nor_results(site):
    log = site.folder / "progress.jsonl"
    site.run(RAYWRIGHT_PROGRESS_LOG=str(log))
    assert "hunter2" not in log.read_text()
    events = [json.loads(line) for line in log.read_text().splitlines()]
    kinds = [event["event"] for event in events if event["event"] != "progress"]
    assert kinds == [
        *("playbook_start", "play_start", "task_start", "phase", "phase_end", "note"),
        *("task_start", "host_result", "playbook_end"),
    ]
    last = [event for event in events if event["event"] == "progress"][-1]
    assert (last["run"], last["phase"], last["outcomes"]) == ("r-abcdefgh23", "stage", {"changed": 20})
    times = [datetime.fromisoformat(event["time"]) for event in events]
    assert times == sorted(times)


def test_a_log_that_cannot_be_written_is_a_warning(site):
    done = site.run(RAYWRIGHT_PROGRESS_LOG="/proc/nowhere/log")
    assert "RAYWRIGHT_PROGRESS_LOG" in done.stderr
    assert ENDS in done.stdout


def test_on_a_terminal_the_bar_moves_and_leaves_every_other_line_whole(site):
    text = site.run_on_terminal(ANSIBLE_NOCOLOR="1")
    painted = re.findall(r"\r([^\r\n]*stage 10% [^\r\n]*)\x1b\[K", text)
    assert len(painted) >= 3
    assert all(len(line) < 80 for line in painted)
    # What a line shows in the end is what was written after it was last cleared.
    shown = [line.rstrip("\r").rsplit("\x1b[K", 1)[-1] for line in text.split("\n")]
    assert shown.count("printed between") == shown.count(f"✔ {ENDS}") == 1
    assert not [line for line in shown if "━" in line]
    assert re.fullmatch(r"r-abcdefgh23: 20/20 devices in \d+\.\d s: 20 changed", shown[-2])


@pytest.mark.parametrize("environment", [{"TERM": "dumb"}, {"JOB_ID": "7"}, {"AWX_PRIVATE_DATA_DIR": "/runner"}])
def test_a_terminal_that_nobody_looks_at_gets_lines(site, environment):
    text = site.run_on_terminal(**environment)
    assert BEGINS in text
    assert "\x1b[K" not in text


def test_off_a_terminal_lines_come_out_at_once_and_an_interrupted_run_takes_its_socket_away(site):
    process = site.hanging()
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=60)
    assert not site.sockets()


def test_what_a_killed_run_leaves_is_removed_by_the_next(site):
    process = site.hanging()
    workers = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    for pid in (process.pid, *map(int, workers)):
        os.kill(pid, signal.SIGKILL)
    process.communicate(timeout=60)
    assert site.sockets()
    site.run()


def test_its_options_are_documented(site):
    done = subprocess.run(
        [sys.executable, "-m", "ansible", "doc", "-t", "callback", "-j", "raywright.fleet.progress"],
        env=site.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    documented = json.loads(done.stdout)["raywright.fleet.progress"]["doc"]["options"]
    assert set(documented) == {"style", "interval", "log_path"}
