# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rollout without Ansible: what its modules do with the engine, step by step, so that each step can be measured.

The same engine process, job, journal and ledger as the modules use; a plan, then its one stage.
"""

import contextlib
import itertools
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from engine.devices.base import Device
from engine.ledger import Ledger, open_ledger
from engine.plan.policy import Policy
from engine.processes import Process
from engine.rollout import planning, staging, vault
from engine.rollout.job import Result, Settings
from engine.rollout.recording import Recorder
from engine.sealing.key import FleetKey

ROOT = Path(__file__).resolve().parents[1]

OnEvent = Callable[[dict[str, Any]], None]


@dataclass(slots=True)
class Rollout:
    """One fleet's rollout in one stage. Call ``plan``, then ``push``; ``start`` at any time after ``plan``."""

    folder: Path
    devices: Sequence[Device]
    wanted: Mapping[str, str]
    concurrency: int
    mode: str = "merge"
    checks: Sequence[Mapping[str, Any]] = ()
    """As ``network_rollout_validate``."""
    ray: str = "local"
    """Or ``auto``: the cluster that ``RAY_ADDRESS`` names."""
    key: FleetKey = field(default_factory=FleetKey.from_environment)
    _ledger: Ledger = field(init=False)
    acting_seconds: float = 0.0
    """Of the last push: from the first device that was handed out to the last outcome."""
    _run: str = ""
    _policy: Policy = field(init=False)

    def __post_init__(self) -> None:
        self._ledger = open_ledger(f"sqlite:///{self.folder / 'ledger.db'}", chain_key=self.key.derive("ledger chain"))
        given = {"mode": self.mode, "stages": ["100%"], "concurrency": self.concurrency, "validate": list(self.checks)}
        self._policy = Policy.parse(given)

    def plan(self) -> dict[str, Any]:
        """Read every device and make the plan; gives the engine's summary."""
        definition = {"policy": self._policy.as_dict(), "devices": {}}
        run = self._ledger.create_run(name="benchmark", kind="rollout", requester="nobody", definition=definition)
        self._run = run.id
        results: dict[str, Result] = {}

        def take(event: dict[str, Any]) -> None:
            if event["event"] == "outcome":
                results[event["name"]] = Result.from_dict(_fields(event))

        summary = self._engine(
            "plan", (self._task("plan", each, wanted=self.wanted[each.name]) for each in self.devices), take
        )
        made = planning.make({each.name: results[each.name] for each in self.devices}, self._policy)
        self._ledger.set_plan(run.id, digest=made.digest, checkpoints=made.checkpoints(), targets=made.targets())
        self._ledger.move_checkpoint(run.id, planning.PLAN, "running")
        self._ledger.move_run(run.id, "running")
        self._ledger.move_checkpoint(run.id, planning.PLAN, "passed")
        return summary

    def close(self) -> None:
        self._ledger.close()

    def start(self) -> dict[str, Any]:
        """What a stage costs before and after its devices: the same job, in which nothing is to be done on any."""
        tasks = (self._task("validate", each) for each in self.devices)
        return self._engine("start", tasks, lambda _event: None)

    def push(self) -> tuple[dict[str, Any], dict[str, str]]:
        """Roll the stage out; gives the engine's summary and the outcome of each device."""
        stage = self._policy.stages[0].name
        self._ledger.move_checkpoint(self._run, stage, "running")
        targets = staging.check_plan(self._ledger, self._ledger.run(self._run))
        left = staging.remaining(targets, stage, first=True, resumed=False, events=())
        recorder = Recorder(self._ledger, self._run, stage, left.targets)
        began = 0.0

        def take(event: dict[str, Any]) -> None:
            nonlocal began
            if event["event"] == "dispatched":
                began = began or time.monotonic()
            elif event["event"] == "outcome":
                self.acting_seconds = time.monotonic() - began
            recorder.take(event)

        summary = self._engine(stage, self._pushes(left), take)
        recorder.flush()
        self._ledger.move_checkpoint(self._run, stage, "passed")
        return summary, recorder.outcomes

    def _pushes(self, left: staging.Remaining) -> Iterator[dict[str, Any]]:
        by_name = {each.name: each for each in self.devices}
        befores = self._ledger.blobs(self._run, vault.BEFORE, left.push)
        changes = self._ledger.blobs(self._run, vault.CHANGE, left.push)
        for (name, before), (_same, change) in zip(befores, changes, strict=True):
            wanted, diff = staging.open_change(self.key, left.targets[name], change, self.mode)
            snapshot = vault.unseal(self.key, before, vault.BEFORE)
            yield self._task("push", by_name[name], wanted=wanted, diff=diff, before=snapshot)

    def _task(self, kind: str, device: Device, **more: Any) -> dict[str, Any]:
        position = None if device.private_key is None else 0
        return {"kind": kind, "device": {**asdict(device), "private_key": position}, **more}

    def _engine(self, stage: str, tasks: Iterable[Mapping[str, Any]], take: OnEvent) -> dict[str, Any]:
        checks = tuple(check.as_dict() for check in self._policy.validate) if stage != "start" else ()
        settings = Settings(
            run=self._run,
            stage=stage,
            mode=self._policy.mode,
            concurrency=self.concurrency,
            checks=checks,
        )
        me = Process.of(os.getpid())
        header = {
            "settings": settings.as_dict(),
            "controller": {"pid": me.pid, "started": me.started},
            "private_keys": [self.devices[0].private_key],
            "ray": self.ray,
        }
        if stage != "plan":
            header |= {"folder": str(self.folder), "journal": str(self.folder / f"{stage}.jsonl")}
        return _follow(header, tasks, take, self.folder / "engine.log")


def _follow(header: Mapping[str, Any], tasks: Iterable[Mapping[str, Any]], take: OnEvent, log: Path) -> dict[str, Any]:
    with (
        log.open("ab") as errors,
        subprocess.Popen(
            [sys.executable, "-m", "engine.rollout"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        ) as process,
    ):
        assert process.stdin
        assert process.stdout
        feeder = threading.Thread(target=_feed, args=(process.stdin, header, tasks), daemon=True)
        feeder.start()
        last: dict[str, Any] = {}
        for line in process.stdout:
            last = json.loads(line)
            take(last)
        feeder.join()
    if process.returncode or last.get("event") != "summary":
        said = log.read_text(errors="replace").rstrip().rpartition("\n")[2]
        raise SystemExit(f"the engine failed: {last.get('message') or said or process.returncode}")
    return last


def _feed(stdin: IO[bytes], header: Mapping[str, Any], tasks: Iterable[Mapping[str, Any]]) -> None:
    # An engine that has ended says by itself why.
    with contextlib.suppress(BrokenPipeError):
        for each in itertools.chain([header], tasks):
            stdin.write(json.dumps(each).encode() + b"\n")
        stdin.write(b'"end"\n')
        stdin.flush()


def _fields(event: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in event.items() if key not in {"seq", "event"}}
