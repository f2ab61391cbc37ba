# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The main process of a Ray node: what it decides, and what it does with a `ray` that behaves badly."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.unit.ray_node.program import ROOT, load_program

PROGRAM = ROOT / "roles/ray_node/files/ray_supervisor.py"
supervisor = load_program(PROGRAM)

# Stands for `ray start --block`: starts a raylet, then does as its directory says.
FAKE_RAY = """#!/bin/sh
cp "$(command -v sleep)" "$HOME/raylet"
"$HOME/raylet" 600 &
echo "$! $*" >"$HOME/started"
trap 'echo drained >"$HOME/drained"; exit 1' TERM
while :; do sleep 0.1; done
"""


@pytest.fixture
def settings(tmp_path):
    ray = tmp_path / "ray"
    ray.write_text(FAKE_RAY)
    ray.chmod(0o755)
    secret = tmp_path / "token"
    secret.write_text("t")
    secret.chmod(0o640)
    return {
        "role": "head",
        "ray": str(ray),
        "options": {"temp-dir": str(tmp_path / "tmp"), "object-spilling-directory": str(tmp_path / "spill")},
        "environment": {"HOME": str(tmp_path)},
        "secrets": {},
        "files": [str(secret)],
        "private": [str(secret)],
        "processes": ["raylet"],
        "probes": [],
        "head": {"address": "127.0.0.1", "port": 9},
        "state_file": str(tmp_path / "state.json"),
        "start_timeout": 30,
        "unhealthy_timeout": 30,
        "drain_timeout": 5,
        "sessions_kept": 2,
    }


@pytest.fixture
def running(settings, tmp_path):
    started = []

    def start():
        path = tmp_path / "node.json"
        path.write_text(json.dumps(settings))
        started.append(subprocess.Popen([sys.executable, PROGRAM, "run", path], env={"PATH": os.environ["PATH"]}))
        return started[-1], path

    yield start
    for process in started:
        process.kill()
        process.wait()


def until(claim, seconds=20):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if claim():
            return True
        time.sleep(0.05)
    return False


def look(path):
    return supervisor.status(path, now=time.time())


def judge():
    return supervisor.Judge(started=0, start_timeout=100, unhealthy_timeout=30)


def test_a_node_is_healthy_when_its_processes_are_there_and_its_endpoints_answer():
    assert judge().observe(5, processes=True, probes=True) == ("healthy", "")


def test_a_process_that_was_there_and_is_gone_ends_the_node_at_once():
    node = judge()
    node.observe(5, processes=True, probes=False)
    assert node.observe(6, processes=False, probes=True)[0] == "lost"


def test_a_node_may_take_its_time_to_start_but_not_for_ever():
    node = judge()
    assert node.observe(99, processes=False, probes=False)[0] == "starting"
    assert node.observe(101, processes=True, probes=False)[0] == "lost"


def test_failing_endpoints_end_a_node_only_after_the_time_that_a_head_may_be_gone():
    node = judge()
    node.observe(10, processes=True, probes=True)
    assert node.observe(40, processes=True, probes=False)[0] == "unhealthy"
    assert node.observe(35, processes=True, probes=True)[0] == "healthy"
    assert node.observe(66, processes=True, probes=False)[0] == "lost"


def test_options_without_a_value_are_left_to_ray_and_dicts_are_json():
    settings = {
        "ray": "ray",
        "options": {
            "head": True,
            "port": 6379,
            "num-cpus": 0,
            "num-gpus": None,
            "block-not": False,
            "resources": {"a": 1},
        },
    }
    assert supervisor.start_command(settings, {"redis-password": "p w"}) == [
        "ray",
        "start",
        "--block",
        "--head",
        "--num-cpus=0",
        "--port=6379",
        "--redis-password=p w",
        '--resources={"a": 1}',
    ]


def test_ray_does_not_speak_to_systemd_in_the_name_of_the_service():
    inherited = {"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "1", "PATH": "/bin", "A": "1"}
    assert supervisor.environment({"environment": {"A": 2}}, inherited) == {"PATH": "/bin", "A": "2"}


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("12 (raylet) S 3 12 12 0", supervisor.Process(12, 3, "raylet")),
        ("12 (a) (b c) R 3 12", supervisor.Process(12, 3, "a) (b c")),
        ("12 (raylet) Z 3 12 12 0", None),
    ],
)
def test_a_zombie_is_gone_and_a_name_may_hold_anything(line, found):
    assert supervisor.parse_stat(line) == found


def test_descendants_are_found_over_generations():
    tree = [supervisor.Process(pid, parent, "x") for pid, parent in [(2, 1), (3, 2), (4, 3), (9, 8)]]
    assert {process.pid for process in supervisor.descendants(1, tree)} == {2, 3, 4}


def test_the_newest_sessions_stay():
    names = ["session_2026-01-03_x", "session_2026-01-01_x", "session_latest", "session_2026-01-02_x", "other"]
    assert supervisor.stale(names, 2) == ["session_2026-01-01_x"]
    assert supervisor.stale(names, 5) == []


@pytest.mark.parametrize("change", ["settings", "token"])
def test_the_digest_changes_with_the_settings_and_with_what_ray_reads_when_it_starts(settings, tmp_path, change):
    path = tmp_path / "node.json"
    path.write_text(json.dumps(settings))
    before = supervisor.digest(path)
    assert supervisor.digest(path) == before
    if change == "settings":
        path.write_text(json.dumps({**settings, "drain_timeout": 6}))
    else:
        Path(settings["files"][0]).write_text("another")
    assert supervisor.digest(path) != before


def test_a_state_that_nobody_touches_any_more_counts_as_stopped(settings, tmp_path):
    path = tmp_path / "node.json"
    path.write_text(json.dumps(settings))
    told = {"digest": supervisor.digest(path), "state": "healthy", "detail": ""}
    Path(settings["state_file"]).write_text(json.dumps(told))
    assert look(path)["healthy"]
    assert look(path)["current"]
    late = supervisor.status(path, now=time.time() + 60)
    assert (late["state"], late["healthy"], late["current"]) == ("stopped", False, False)


@pytest.mark.parametrize(
    ("state", "current", "enough"),
    [
        ("healthy", False, True),
        ("stopped", True, True),
        ("starting", True, False),
        ("starting", False, True),
        ("unhealthy", False, False),
        ("draining", False, False),
    ],
)
def test_a_node_in_doubt_is_waited_for_before_it_is_judged(state, current, enough):
    assert supervisor.settled({"state": state, "current": current}) == enough


def test_a_secret_that_everybody_may_read_is_named(settings, tmp_path):
    path = tmp_path / "node.json"
    path.write_text(json.dumps(settings))
    assert look(path)["exposed"] == []
    Path(settings["private"][0]).chmod(0o644)
    assert look(path)["exposed"] == settings["private"]


def test_settings_that_cannot_be_used_are_refused_by_name(tmp_path, capsys):
    path = tmp_path / "node.json"
    path.write_text("{")
    assert supervisor.main(["status", str(path)]) == 2
    assert f"{path} is not JSON" in capsys.readouterr().err


def test_it_ends_with_an_error_and_leaves_nothing_when_the_raylet_dies(running, tmp_path):
    process, path = running()
    assert until(lambda: look(path)["healthy"])
    raylet = int((tmp_path / "started").read_text().split()[0])
    os.kill(raylet, signal.SIGKILL)
    assert process.wait(timeout=20) == 1
    assert "has exited" in json.loads((tmp_path / "state.json").read_text())["detail"]
    assert not _runs_below(tmp_path)


def test_it_drains_and_ends_without_an_error_when_it_is_asked_to(running, tmp_path):
    process, path = running()
    assert until(lambda: look(path)["healthy"])
    process.terminate()
    assert process.wait(timeout=20) == 0
    assert (tmp_path / "drained").exists()
    assert not _runs_below(tmp_path)


def test_a_worker_waits_for_its_head_and_says_so(running, settings, tmp_path):
    settings["role"] = "worker"
    process, path = running()
    assert until(lambda: look(path)["state"] == "waiting")
    assert look(path)["detail"] == "for the head at 127.0.0.1:9, which does not answer"
    assert not (tmp_path / "started").exists()
    process.terminate()
    assert process.wait(timeout=20) == 0


def test_a_ray_that_cannot_be_started_is_named(running, settings, tmp_path):
    settings["ray"] = str(tmp_path / "nothing")
    process, path = running()
    assert process.wait(timeout=20) == 1
    assert look(path)["detail"] == f"{tmp_path}/nothing cannot be started: No such file or directory"


def _runs_below(directory):
    return [process for process in supervisor.processes() if _executable(process.pid).startswith(str(directory))]


def _executable(pid):
    try:
        return str(Path(f"/proc/{pid}/exe").readlink())
    except OSError:
        return ""
