# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Slices of devices, done by real runs of Ansible: a device is a folder on this machine."""

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.devices.base import Device
from engine.errors import InvalidInput
from engine.rollout.bundle import Bundle, collect
from engine.rollout.job import Kind, Result, Settings, Task
from engine.rollout.worker import Worker
from engine.sealing.key import FleetKey

ROOT = Path(__file__).parents[2]
SECRET = "s3cret-of-the-device-Xq7pA"
CHANGE = """\
- hosts: routers
  gather_facts: false
  tasks:
    - name: Refuse
      ansible.builtin.fail: {msg: "told to fail with {{ device_password }}"}
      when: inventory_hostname in ["r1"] and not ansible_check_mode
    - name: Write the configuration
      ansible.builtin.template: {src: router.j2, dest: "{{ folder }}/config"}
    - name: Count
      ansible.builtin.lineinfile: {path: "{{ folder }}/runs", line: "{{ now().timestamp() }}", create: true}
      when: not ansible_check_mode
    - name: Wait
      ansible.builtin.wait_for: {path: "{{ folder }}/go", timeout: 100}
      when: slow | default(false) and not ansible_check_mode
"""
BLIND = """\
- hosts: all
  gather_facts: false
  tasks:
    - name: Not this one
      ansible.builtin.raw: "true"
      when: false
    - name: Blind
      ansible.builtin.raw: "true"
"""
OTHERS = "- hosts: switches\n  gather_facts: false\n  tasks: []\n"


class Place:
    """A playbook, and devices for it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.key = FleetKey(secrets.token_bytes(32))
        (path / "templates").mkdir()
        (path / "templates" / "router.j2").write_text(
            "hostname {{ inventory_hostname }}\npassword {{ device_password }}\n"
        )

    def bundle(self, text: str = CHANGE, **options: Any) -> Bundle:
        (self.path / "change.yml").write_text(text)
        return collect(self.path / "change.yml", **{"idempotent": False, **options})

    def task(self, kind: Kind, name: str, **variables: Any) -> Task:
        folder = self.path / "devices" / name
        folder.mkdir(parents=True, exist_ok=True)
        own = {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "folder": str(folder),
            "device_password": SECRET,
            **variables,
        }
        return Task(
            kind=kind,
            device=Device(name=name, network_os="playbook", host="127.0.0.1"),
            wanted=json.dumps({"variables": own, "groups": ["routers"]}),
            secrets=(SECRET,),
        )

    async def done(self, bundle: Bundle, tasks: Sequence[Task]) -> Mapping[str, Result]:
        worker = Worker(Settings(run="r-1", stage="all", timeout=240, playbook=bundle.seal(self.key)), self.key)
        found: dict[str, Result] = {}
        batch: Sequence[Task] = tasks
        while len(found) < len(tasks):
            found.update((each.name, each) for each in await worker.exchange(batch))
            batch = ()
        assert SECRET not in str(found)
        return found

    def config(self, name: str) -> str | None:
        path = self.path / "devices" / name / "config"
        return path.read_text() if path.exists() else None

    def runs(self, name: str) -> int:
        path = self.path / "devices" / name / "runs"
        return len(path.read_text().splitlines()) if path.exists() else 0


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


async def test_a_slice_is_planned_by_check_pushed_and_then_unchanged_and_a_failing_device_is_its_own(
    place: Place,
) -> None:
    bundle = place.bundle()
    names = ("r0", "r1", "r2")
    planned = await place.done(bundle, [place.task("plan", name) for name in names])
    assert {each.outcome for each in planned.values()} == {"pending"}
    assert "+hostname r0" in planned["r0"].diff
    assert any(line.startswith("+password <masked:") for line in planned["r0"].diff)
    assert place.config("r0") is None
    pushed = await place.done(bundle, [place.task("push", name) for name in names])
    assert {name: each.outcome for name, each in pushed.items()} == {"r0": "changed", "r1": "failed", "r2": "changed"}
    assert "Refuse" in pushed["r1"].reason
    assert place.config("r2") == f"hostname r2\npassword {SECRET}\n"
    assert place.config("r1") is None
    again = await place.done(bundle, [place.task("plan", "r0")])
    assert again["r0"].outcome == "unchanged"


async def test_what_check_mode_cannot_foresee_is_pending_and_named(place: Place) -> None:
    found = (await place.done(place.bundle(BLIND), [place.task("plan", "r0")]))["r0"]
    assert found.outcome == "pending"
    assert found.diff == ("+# Blind: check mode cannot tell what this task does",)


async def test_a_device_that_no_play_is_for_is_refused_when_it_is_planned(place: Place) -> None:
    found = (await place.done(place.bundle(OTHERS), [place.task("plan", "r0")]))["r0"]
    assert (found.outcome, "no play of the playbook" in found.reason) == (
        "failed",
        False,
    ) or found.outcome == "rejected"


@pytest.mark.parametrize(("declared", "outcome", "runs"), [("idempotent", "changed", 1), ("", "unknown", 0)])
async def test_a_device_in_doubt_is_checked_first_and_changed_again_only_where_that_is_safe(
    place: Place, declared: str, outcome: str, runs: int
) -> None:
    bundle = place.bundle(idempotent=bool(declared))
    half, whole = replace(place.task("push", "r0"), touched=True), replace(place.task("push", "r2"), touched=True)
    (place.path / "devices" / "r2" / "config").write_text(f"hostname r2\npassword {SECRET}\n")
    found = await place.done(bundle, [half, whole])
    assert (found["r0"].outcome, place.runs("r0")) == (outcome, runs)
    assert (found["r2"].outcome, found["r2"].read_back, place.runs("r2")) == ("changed", "applied", 0)


async def test_a_playbook_that_cannot_be_run_changes_nothing_and_says_why(place: Place) -> None:
    bundle = place.bundle("- hosts: all\n  tasks:\n    - no.such.module: {}\n")
    found = (await place.done(bundle, [place.task("push", "r0")]))["r0"]
    assert found.outcome == "failed"
    assert "no.such.module" in found.reason


def folder_of(place: Place) -> Path | None:
    """The folder of a run for this place: other tests have theirs at the same time."""
    for inventory in Path("/dev/shm").glob("raywright-playbook-*/inventory.json"):
        with contextlib.suppress(FileNotFoundError):
            if str(place.path) in inventory.read_text():
                return inventory.parent
    return None


def until(condition: Any) -> Any:
    deadline = time.monotonic() + 240
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return found


def test_a_worker_that_is_killed_takes_ansible_and_every_secret_with_it(place: Place) -> None:
    task = place.task("push", "r0", slow=True)
    place.bundle()
    (place.path / "task.json").write_text(json.dumps(task.as_dict()))
    program = """
import json, sys
from pathlib import Path
from engine.rollout.ansible_run import run
from engine.rollout.bundle import collect
from engine.rollout.job import Task
from engine.rollout.slices import host_of

task = Task.from_dict(json.load(open(sys.argv[1])))
run(collect(Path(sys.argv[2]), idempotent=False), "change.yml", [host_of(task)], check=False, seconds=200)
"""
    worker = subprocess.Popen(
        [sys.executable, "-c", program, place.path / "task.json", place.path / "change.yml"],
        cwd=ROOT,
        start_new_session=True,
    )
    until(lambda: place.runs("r0"))
    folder = folder_of(place)
    assert folder is not None
    ansible = int((folder / "pid").read_text())
    assert SECRET in (folder / "inventory.json").read_text()
    assert folder.stat().st_mode & 0o777 == 0o700
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    until(lambda: not folder.exists())
    until(lambda: not _runs(ansible))


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_what_travels_is_the_playbook_and_what_lies_beside_it_and_its_digest_covers_every_byte(place: Place) -> None:
    bundle = place.bundle()
    assert set(bundle.files) == {"change.yml", "templates/router.j2"}
    (place.path / "templates" / "router.j2").write_text("another\n")
    assert place.bundle().digest != bundle.digest
    assert place.bundle(idempotent=True).digest != place.bundle().digest
    assert Bundle.unseal(place.key, bundle.seal(place.key)) == bundle
    with pytest.raises(InvalidInput, match="there is no file"):
        collect(place.path / "missing.yml", idempotent=False)
    with pytest.raises(InvalidInput, match="must lie beside"):
        place.bundle(rollback=ROOT / "playbooks" / "rollback.yml")
