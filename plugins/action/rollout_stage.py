# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The controller half of ``rollout_stage``: pushes one stage of a planned run, validates it and gives its verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from ansible.errors import AnsibleActionFail
from ansible_collections.raywright.fleet.plugins.plugin_utils import _rollout
from ansible_collections.raywright.fleet.plugins.plugin_utils._action import LedgerAction
from ansible_collections.raywright.fleet.plugins.plugin_utils._devices import Devices
from ansible_collections.raywright.fleet.plugins.plugin_utils._jobs import engine_for
from ansible_collections.raywright.fleet.plugins.plugin_utils._ledger import find_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.raywright.fleet.engine.ledger import Checkpoint, Ledger, Run, Target
    from ansible_collections.raywright.fleet.engine.plan.policy import Policy
    from ansible_collections.raywright.fleet.engine.rollout.recording import Recorder
    from ansible_collections.raywright.fleet.engine.rollout.staging import Remaining
    from ansible_collections.raywright.fleet.plugins.plugin_utils._devices import Reached


class ActionModule(LedgerAction):
    """Runs once for the whole play, on the controller."""

    SPEC: ClassVar[dict[str, Any]] = {
        "run": {"type": "str", "required": True},
        "stage": {"type": "str", "required": True},
        "ray_address": {"type": "str", "default": "local"},
        "fail_on_verdict": {"type": "bool", "default": True},
    }

    def act(self, ledger: Ledger, args: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        result = self._act(ledger, args, task_vars)
        if "verdict" in result and not args["fail_on_verdict"]:
            result["failed"] = False
        return result

    def _act(self, ledger: Ledger, args: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        if self._task.check_mode:
            return {"changed": True, "msg": f"Stage {args['stage']} would be rolled out."}
        run = find_run(ledger, args["run"])
        checkpoint = _checkpoint(ledger, run, args["stage"])
        if checkpoint.state in {"passed", "skipped"}:
            counts = ledger.counts(run.id)[checkpoint.name]
            msg = f"Stage {checkpoint.name} of run {run.id} has passed already."
            return {"changed": False, "verdict": "passed", "outcomes": counts, "msg": msg}
        if checkpoint.state == "failed":
            msg = f"Stage {checkpoint.name} of run {run.id} failed: {checkpoint.verdict}"
            return {"changed": False, "failed": True, "verdict": "failed", "msg": msg}
        return _Stage(self, ledger, run, checkpoint, args["ray_address"]).roll_out(task_vars)

    def devices(self, task_vars: dict[str, Any], policy: Policy, names: list[str]) -> list[Reached]:
        variables = sorted({name for check in policy.validate for name in check.variables})
        reader = Devices(task_vars, self._play_context, self._task, timeout=policy.timeout, wanted_variables=variables)
        return list(reader.reach(names))


class _Stage:
    """One stage of one run."""

    def __init__(
        self, action: ActionModule, ledger: Ledger, run: Run, checkpoint: Checkpoint, ray_address: str
    ) -> None:
        from ansible_collections.raywright.fleet.engine.plan.policy import recorded
        from ansible_collections.raywright.fleet.engine.sealing.key import FleetKey

        self._action = action
        self._ledger = ledger
        self._run = run
        self._checkpoint = checkpoint
        self._ray_address = ray_address
        self._policy: Policy = recorded(run.definition["policy"])
        self._stage = next(each for each in self._policy.stages if each.name == checkpoint.name)
        self._key = FleetKey.from_environment()
        self._folder = _rollout.run_folder(run.id)
        self._journal = _rollout.journal_of(self._folder, checkpoint.position, "push")

    def roll_out(self, task_vars: dict[str, Any]) -> dict[str, Any]:
        from ansible_collections.raywright.fleet.engine.rollout import staging
        from ansible_collections.raywright.fleet.engine.rollout.guard import patience
        from ansible_collections.raywright.fleet.engine.rollout.journal import replay
        from ansible_collections.raywright.fleet.engine.rollout.recording import Recorder

        waiting = patience(self._policy.timeout)
        with _rollout.leased(self._ledger, self._run.id, patience=waiting) as beat:
            targets = staging.check_plan(self._ledger, self._run)
            staging.check_order(self._ledger, self._run, self._checkpoint.name)
            staging.check_gates(self._ledger, self._run, self._checkpoint.name)
            self._begin()
            earlier = list(replay(self._journal, patience=waiting))
            mine = {target.name: target for target in targets if target.checkpoint == self._checkpoint.name}
            recorder = Recorder(self._ledger, self._run.id, self._checkpoint.name, mine)
            staging.catch_up(recorder, earlier, mine)
            if earlier:
                targets = list(self._ledger.targets(self._run.id))
            left = staging.remaining(
                targets,
                self._checkpoint.name,
                first=self._first,
                resumed=self._checkpoint.state == "running",
                events=earlier,
            )
            recorder = Recorder(self._ledger, self._run.id, self._checkpoint.name, left.targets)
            summary = self._follow(left, recorder, targets, task_vars, beat)
            return self._end(recorder, targets, summary)

    @property
    def _first(self) -> bool:
        return self._checkpoint.position == 1

    def _begin(self) -> None:
        self._ledger.move_run(self._run.id, "running")
        plan = _checkpoint(self._ledger, self._run, "plan")
        if plan.state == "running":
            self._ledger.move_checkpoint(self._run.id, "plan", "passed")
        self._ledger.move_checkpoint(self._run.id, self._checkpoint.name, "running")

    def _follow(
        self,
        left: Remaining,
        recorder: Recorder,
        targets: list[Target],
        task_vars: dict[str, Any],
        beat: Any,
    ) -> dict[str, Any]:
        from ansible_collections.raywright.fleet.engine.rollout.job import Settings

        policy = self._policy
        checks = tuple(check.as_dict() for check in policy.validate) if self._stage.validate else ()
        devices = self._action.devices(task_vars, policy, [*left.push, *(left.validate if checks else ())])
        _same_addresses(self._run, devices)
        settings = Settings(
            run=self._run.id,
            stage=self._checkpoint.name,
            mode=policy.mode,
            concurrency=policy.concurrency,
            retries=policy.retries,
            timeout=policy.timeout,
            soak=self._stage.soak,
            checks=checks,
            breaker={
                "max_failure_percentage": policy.max_failure_percentage,
                "min_sample": policy.min_sample,
                **left.breaker,
            },
        )
        follower = _rollout.Follower(
            run=self._run.id,
            name=self._checkpoint.name,
            kind="stage",
            fleet={target.name: target.outcome for target in targets},
            recorder=recorder,
            beat=beat,
        )
        header = _rollout.header(settings, devices, folder=str(self._folder), journal=str(self._journal))
        process = engine_for(self._ray_address, header, self._tasks(left, devices), log=self._folder / "engine.log")
        try:
            summary = follower.follow(process)
        except BaseException:
            follower.end("interrupted")
            raise
        self._follower = follower
        return summary

    def _tasks(self, left: Remaining, devices: list[Reached]) -> Iterator[dict[str, Any]]:
        """Each device's line; configurations leave their seal here, one at a time, and only for the engine's pipe."""
        from ansible_collections.raywright.fleet.engine.rollout import staging, vault

        keys = _rollout.key_positions(devices)
        by_name = {each.name: each for each in devices}
        befores = self._ledger.blobs(self._run.id, vault.BEFORE, left.push)
        changes = self._ledger.blobs(self._run.id, vault.CHANGE, left.push)
        for (name, before), (same, change) in zip(befores, changes, strict=True):
            if name != same:
                raise AnsibleActionFail(f"the ledger's sealed records are out of step: {name} beside {same}")
            wanted, diff = staging.open_change(self._key, left.targets[name], change, self._policy.mode)
            yield _rollout.task(
                "push",
                by_name[name],
                keys,
                wanted=wanted,
                diff=diff,
                before=vault.unseal(self._key, before, vault.BEFORE),
                touched=name in left.touched,
                checks_before=left.targets[name].detail.get("checks_before", {}),
            )
        for name in left.validate:
            if name in by_name:
                before = left.targets[name].detail.get("checks_before", {})
                yield _rollout.task("validate", by_name[name], keys, checks_before=before)

    def _end(self, recorder: Recorder, targets: list[Target], summary: dict[str, Any]) -> dict[str, Any]:
        """Give the verdict, record it, and say what follows."""
        from ansible_collections.raywright.fleet.engine.rollout import staging
        from ansible_collections.raywright.fleet.engine.rollout.breaker import Breaker

        if summary["stopped"]:
            self._follower.end("interrupted")
            raise AnsibleActionFail(
                f"Stage {self._checkpoint.name} was interrupted: {summary['stopped']}. Run the same command to go on"
            )
        breaker = Breaker(
            max_failure_percentage=self._policy.max_failure_percentage,
            min_sample=self._policy.min_sample,
            **staging.tally(targets, self._checkpoint.name, first=self._first, outcomes=recorder.outcomes),
        )
        checked = sum(summary["verdicts"].values())
        verdict, reason = staging.judge(recorder, breaker, summary["tripped"], checked)
        self._follower.end(verdict)
        outcomes = _counts(recorder.outcomes)
        told = {"outcomes": outcomes, "verdicts": summary["verdicts"], "engine": _added(self._checkpoint, summary)}
        result = {
            "changed": outcomes.get("changed", 0) > 0,
            "run": self._run.id,
            "stage": self._checkpoint.name,
            "verdict": verdict,
            "reason": reason,
            "outcomes": outcomes,
            "msg": f"Stage {self._checkpoint.name} of run {self._run.id} {verdict}{f': {reason}' if reason else ''}",
        }
        if verdict == "inconclusive":
            # The checkpoint stays running: the next try validates again, and nothing goes on before it does.
            self._ledger.move_checkpoint(self._run.id, self._checkpoint.name, "running", verdict=reason, detail=told)
            self._ledger.move_run(self._run.id, "paused", detail={"reason": reason})
            msg = f"{result['msg'].rstrip('.')}. The run is paused: run the same command again"
            return {**result, "failed": True, "msg": msg}
        state = "passed" if verdict == "passed" else "failed"
        self._ledger.move_checkpoint(self._run.id, self._checkpoint.name, state, verdict=reason or verdict, detail=told)
        if verdict == "failed":
            if self._policy.on_failure == "stop":
                self._ledger.move_run(self._run.id, "stopped", detail={"reason": reason})
                result["msg"] += (
                    ". The run is stopped and no other device is touched: correct the cause and run the same command, "
                    "which plans anew; or take the change back (raywright.fleet.rollback)"
                )
            return {**result, "failed": True}
        if all(each.state in {"passed", "skipped"} for each in self._ledger.checkpoints(self._run.id)):
            self._ledger.move_run(self._run.id, "completed")
        return result


def _checkpoint(ledger: Ledger, run: Run, name: str) -> Checkpoint:
    from ansible_collections.raywright.fleet.engine.errors import InvalidInput

    checkpoints = {each.name: each for each in ledger.checkpoints(run.id)}
    if name not in checkpoints:
        stages = ", ".join(each for each in checkpoints if each != "plan")
        raise InvalidInput(f"Run {run.id} has no stage {name!r}; it has {stages or 'none, for nothing would change'}")
    return checkpoints[name]


def _same_addresses(run: Run, devices: list[Reached]) -> None:
    """A plan was made for the device at an address; under its name, another one must not be changed."""
    from ansible_collections.raywright.fleet.engine.errors import DefinitionChanged

    planned = run.definition["devices"]
    moved = [each for each in devices if planned[each.name]["address"] != each.address]
    if moved:
        raise DefinitionChanged(
            f"{moved[0].name} was planned at {planned[moved[0].name]['address']} and is now at {moved[0].address}"
            f"{f' (and {len(moved) - 1} more devices)' if len(moved) > 1 else ''}: plan again"
        )


def _counts(outcomes: dict[str, str]) -> dict[str, int]:
    from collections import Counter

    return dict(Counter(outcomes.values()))


def _added(checkpoint: Checkpoint, summary: dict[str, Any]) -> dict[str, Any]:
    """The engine's figures of this try, added to those of earlier ones."""
    before, now = checkpoint.detail.get("engine", {}), summary["engine"]
    return {
        "seconds": round(before.get("seconds", 0) + now["seconds"], 3),
        "cpu_seconds": round(before.get("cpu_seconds", 0) + now["cpu_seconds"], 3),
        "peak_rss_bytes": max(before.get("peak_rss_bytes", 0), now["peak_rss_bytes"]),
        "devices_per_second": now["devices_per_second"],
    }
