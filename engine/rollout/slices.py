# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done to a slice of devices by a playbook: the counterpart of ``procedures``, which acts on one device.

A start of Ansible costs a second, so one run serves many devices; each device's own result is its outcome, and one that
fails takes no other down. ``--check`` is this driver's reading: it tells what the playbook would still change.

=========================  ===================================================================
``--check`` finds          what is done with a device that an earlier try may have touched
=========================  ===================================================================
nothing to change          nothing; it is the outcome of the earlier try (``changed``)
something, and the         the playbook is run again
playbook is idempotent
something else             nothing: ``unknown``, and a person must look
=========================  ===================================================================
"""

import asyncio
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from ..devices.base import Snapshot
from ..errors import FleetError
from ..sealing.key import FleetKey
from ..sealing.masking import GENERIC_SECRETS, Masker
from . import vault
from .ansible_run import Host, Run, Seen, run
from .bundle import Bundle
from .job import Result, Settings, Task

SIZE = 25
"""Devices of one run, and so the forks of one Ansible."""

Judge = Callable[[Task, Seen, str], Result]


class Slices:
    """Runs playbooks for a worker, one run at a time: Ansible's own processes are what keeps the cores busy."""

    def __init__(self, settings: Settings, key: FleetKey) -> None:
        self._settings = settings
        self._key = key
        self._bundle = Bundle.unseal(key, settings.playbook)
        self._turn = asyncio.Semaphore(1)

    @staticmethod
    def of(tasks: Sequence[Task]) -> Iterator[list[Task]]:
        """Cut a batch into slices of one kind each."""
        for kind in dict.fromkeys(task.kind for task in tasks):
            alike = [task for task in tasks if task.kind == kind]
            yield from (alike[start : start + SIZE] for start in range(0, len(alike), SIZE))

    async def done(self, tasks: Sequence[Task]) -> list[Result]:
        """Do to every device of a slice what its task says; never raises."""
        async with self._turn:
            began = time.monotonic()
            act = {"plan": self._plan, "push": self._push, "validate": self._validate, "restore": self._restore}
            try:
                results = await act[tasks[0].kind](tasks)
            except Exception as exc:  # noqa: BLE001 - one slice must never take the others down with it
                said = str(exc) if isinstance(exc, FleetError) else f"internal error: {type(exc).__name__}: {exc}"
                outcome = "failed" if tasks[0].kind in {"plan", "validate"} else "unknown"
                results = [self._result(task, outcome, said) for task in tasks]
            took = round(time.monotonic() - began, 3)
            return [replace(result, seconds=took) for result in results]

    async def _plan(self, tasks: Sequence[Task]) -> list[Result]:
        return await self._each(tasks, self._bundle.change, self._planned, check=True)

    def _planned(self, task: Task, seen: Seen, trouble: str) -> Result:
        if reason := _not_run(seen, trouble):
            return self._result(task, "unreachable" if seen.unreachable else "failed", reason)
        if not seen.started:
            return self._result(task, "rejected", "no play of the playbook is for this device; see its hosts")
        if not (seen.changed or seen.cannot_tell):
            return self._result(task, "unchanged")
        diff = [*seen.diff, *(f"+# {each}: check mode cannot tell what this task does" for each in seen.cannot_tell)]
        mode = self._settings.mode
        return replace(
            self._result(task, "pending"),
            before=self._key.fingerprint("\n".join(diff)),
            change=vault.change_fingerprint(self._key, mode, task.wanted, diff),
            diff=tuple(self._masker(task).mask("\n".join(diff)).split("\n")),
            rollback="unprovable",
            rollback_reason="a playbook's rollback cannot be tried beforehand",
            sealed={
                vault.BEFORE: vault.seal_snapshot(self._key, Snapshot(running="")),
                vault.CHANGE: vault.seal_change(self._key, task.wanted, diff),
            },
        )

    async def _push(self, tasks: Sequence[Task]) -> list[Result]:
        results = []
        todo = [task for task in tasks if not task.touched]
        if doubtful := [task for task in tasks if task.touched]:
            read = await self._run(doubtful, self._bundle.change, check=True)
            for task in doubtful:
                result = self._read_back(task, read.hosts[task.name], read.trouble)
                results += [result] if result is not None else []
                todo += [task] if result is None else []
        return [*results, *(await self._each(todo, self._bundle.change, self._pushed))]

    def _read_back(self, task: Task, seen: Seen, trouble: str) -> Result | None:
        """What --check says of a device whose outcome is unknown; ``None``: the change is to be made again."""
        if reason := _not_run(seen, trouble):
            return self._result(task, "unknown", f"it may have been changed and --check does not say: {reason}")
        if not (seen.changed or seen.cannot_tell):
            reason = "an earlier try had made the change; --check finds nothing left to do"
            return replace(self._result(task, "changed", reason), read_back="applied")
        if self._bundle.idempotent:
            return None
        what = "check mode cannot tell whether it" if not seen.changed else "--check finds that not all of it"
        reason = f"{what} was made, and the playbook is not declared idempotent: look at the device"
        return replace(self._result(task, "unknown", reason), read_back="partial")

    def _pushed(self, task: Task, seen: Seen, trouble: str) -> Result:
        if seen.failed:
            return self._result(task, "failed", seen.failed)
        if seen.unreachable:
            return self._result(task, "unknown" if seen.tasks_done else "unreachable", seen.unreachable)
        if not seen.ended:
            return self._result(task, "unknown" if seen.started else "failed", trouble)
        return self._result(task, "changed" if seen.changed else "unchanged")

    async def _validate(self, tasks: Sequence[Task]) -> list[Result]:
        return await self._each(tasks, self._bundle.validate, self._validated)

    def _validated(self, task: Task, seen: Seen, trouble: str) -> Result:
        if seen.failed or seen.unreachable:
            return self._result(task, "failed", seen.failed or seen.unreachable)
        if not (seen.ended and seen.started):
            return self._result(
                task, "inconclusive", trouble or "no play of the validation playbook is for this device"
            )
        return self._result(task, "passed")

    async def _restore(self, tasks: Sequence[Task]) -> list[Result]:
        if not self._bundle.rollback:
            said = "not rolled back: this rollout has no network_rollout_rollback_playbook"
            return [self._result(task, "failed", said) for task in tasks]
        return await self._each(tasks, self._bundle.rollback, self._restored)

    def _restored(self, task: Task, seen: Seen, trouble: str) -> Result:
        if seen.ended and seen.started and not (seen.failed or seen.unreachable):
            return self._result(task, "rolled_back")
        reason = seen.failed or seen.unreachable or trouble or "no play of the rollback playbook is for this device"
        return self._result(task, "failed" if seen.failed else "unknown", f"not rolled back: {reason}")

    async def _each(self, tasks: Sequence[Task], playbook: str, judge: Judge, *, check: bool = False) -> list[Result]:
        if not tasks:
            return []
        done = await self._run(tasks, playbook, check=check)
        return [judge(task, done.hosts[task.name], done.trouble) for task in tasks]

    async def _run(self, tasks: Sequence[Task], playbook: str, *, check: bool) -> Run:
        hosts = [host_of(task) for task in tasks]
        return await asyncio.to_thread(run, self._bundle, playbook, hosts, check=check, seconds=self._settings.timeout)

    def _result(self, task: Task, outcome: str, reason: str = "") -> Result:
        said = f"{task.name}: {self._masker(task).mask(reason)}" if reason else ""
        return Result(name=task.name, outcome=outcome, reason=said)

    def _masker(self, task: Task) -> Masker:
        own = (task.device.password, task.device.become_password, task.device.private_key_passphrase)
        return Masker(
            values=[*task.secrets, *(value for value in own if value)],
            patterns=GENERIC_SECRETS,
            fingerprint=self._key.fingerprint,
        )


def _not_run(seen: Seen, trouble: str) -> str:
    """Why a run says nothing of a device, or nothing."""
    return seen.failed or seen.unreachable or ("" if seen.ended else trouble or "the run did not end")


def host_of(task: Task) -> Host:
    """A task's device as Ansible is to see it."""
    wanted: Mapping[str, object] = json.loads(task.wanted)
    return Host(device=task.device, variables=wanted["variables"], groups=wanted["groups"])  # type: ignore[arg-type]
