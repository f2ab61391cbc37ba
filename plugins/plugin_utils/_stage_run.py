# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Private to this collection: one stage of a planned run, pushed, validated and judged, and its trial, ended."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleActionFail
from ansible_collections.raywright.fleet.engine.wording import counted
from ansible_collections.raywright.fleet.plugins.plugin_utils import _playbook, _rollout
from ansible_collections.raywright.fleet.plugins.plugin_utils._devices import Devices
from ansible_collections.raywright.fleet.plugins.plugin_utils._jobs import engine_for
from ansible_collections.raywright.fleet.plugins.plugin_utils._stage_end import StageEnd, ended_already
from ansible_collections.raywright.fleet.plugins.plugin_utils._trial import Trial

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ansible.plugins.action import ActionBase
    from ansible_collections.raywright.fleet.engine.ledger import Checkpoint, Ledger, Run, Target
    from ansible_collections.raywright.fleet.engine.plan.policy import Policy
    from ansible_collections.raywright.fleet.engine.rollout.recording import Recorder
    from ansible_collections.raywright.fleet.engine.rollout.staging import Remaining, Verdict
    from ansible_collections.raywright.fleet.plugins.plugin_utils._devices import Reached

_SHOWN = 3


class Stage:
    """One stage of one run. ``action`` reads how devices are reached: this module's, or that of rollout_confirm."""

    def __init__(self, action: Any, ledger: Ledger, run: Run, checkpoint: Checkpoint, ray_address: str) -> None:
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
        self._reached: dict[str, Reached] = {}

    def roll_out(self, task_vars: dict[str, Any], *, confirm: bool) -> dict[str, Any]:
        """Push, validate, and end what devices hold on trial; without ``confirm`` they go on holding it."""
        from ansible_collections.raywright.fleet.engine.rollout import staging
        from ansible_collections.raywright.fleet.engine.rollout.guard import patience
        from ansible_collections.raywright.fleet.engine.rollout.journal import replay
        from ansible_collections.raywright.fleet.engine.rollout.recording import Recorder

        waiting = patience(self._policy.timeout)
        with _rollout.leased(self._ledger, self._run.id, patience=waiting) as beat:
            if told := self._ended_meanwhile():
                return told
            targets = staging.check_plan(self._ledger, self._run)
            staging.check_order(self._ledger, self._run, self._checkpoint.name)
            staging.check_gates(self._ledger, self._run, self._checkpoint.name)
            _require_open(self._run)
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
            if summary["stopped"]:
                self._follower.end("interrupted")
                raise AnsibleActionFail(
                    f"Stage {self._checkpoint.name} was interrupted: {summary['stopped']}. "
                    "Run the same command to go on"
                )
            verdict, reason = self._judge(recorder, targets, summary)
            self._follower.end(verdict)
            if verdict == "passed" and not confirm and self._policy.confirm_timeout:
                return self._ending.leave(recorder, summary, reason)
            if verdict != "inconclusive":
                trial = self._trial(recorder, targets, task_vars, beat)
                verdict, reason = self._settle(trial, summary, verdict, reason)
            return self._ending.end(recorder, summary, verdict, reason)

    def confirm(self, task_vars: dict[str, Any], *, keep: bool, reason: str) -> dict[str, Any]:
        """End the trial of a stage that was rolled out without: confirm its devices, or have them take it all back."""
        from ansible_collections.raywright.fleet.engine.rollout import staging
        from ansible_collections.raywright.fleet.engine.rollout.guard import patience
        from ansible_collections.raywright.fleet.engine.rollout.journal import replay
        from ansible_collections.raywright.fleet.engine.rollout.recording import Recorder

        waiting = patience(self._policy.timeout)
        with _rollout.leased(self._ledger, self._run.id, patience=waiting) as beat:
            if told := self._ended_meanwhile():
                return told
            targets = staging.check_plan(self._ledger, self._run)
            mine = {target.name: target for target in targets if target.checkpoint == self._checkpoint.name}
            recorder = Recorder(self._ledger, self._run.id, self._checkpoint.name, mine)
            staging.catch_up(recorder, list(replay(self._journal, patience=waiting)), mine)
            validated = self._checkpoint.detail
            summary = {"tripped": None, "verdicts": validated["verdicts"], "engine": {}}
            verdict: Verdict = "passed" if keep else "failed"
            trial = self._trial(recorder, targets, task_vars, beat)
            verdict, reason = self._settle(trial, summary, verdict, validated["reason"] if keep else reason)
            return self._ending.end(recorder, summary, verdict, reason)

    @property
    def _ending(self) -> StageEnd:
        return StageEnd(self._ledger, self._run, self._checkpoint, self._policy)

    def _ended_meanwhile(self) -> dict[str, Any] | None:
        """Read run and stage again, now that the lease is held; return the answer of whoever had it and ended it."""
        self._run = self._ledger.run(self._run.id)
        self._checkpoint = checkpoint_of(self._ledger, self._run, self._checkpoint.name)
        return ended_already(self._ledger, self._run, self._checkpoint)

    def _settle(self, trial: Trial, summary: dict[str, Any], verdict: Verdict, reason: str) -> tuple[Verdict, str]:
        """Confirm the devices of a stage that passed, or have those of one that failed take their changes back now.

        Devices that cannot be confirmed count as failures: the verdict is given again.
        """
        lost = trial.end(keep=verdict == "passed")
        if verdict != "passed":
            return verdict, reason
        verdict, again = self._judge(trial.recorder, trial.targets, summary)
        said = f"{counted(len(lost), 'device')} could not be confirmed: {'; '.join(lost[:_SHOWN])}" if lost else ""
        return verdict, "; ".join(text for text in (again or reason, said) if text)

    def _trial(self, recorder: Recorder, targets: list[Target], task_vars: dict[str, Any], beat: Any) -> Trial:
        return Trial(
            ledger=self._ledger,
            run=self._run,
            policy=self._policy,
            stage=self._checkpoint.name,
            key=self._key,
            folder=self._folder,
            journal=self._journal,
            ray_address=self._ray_address,
            reach=lambda names: self._reach(task_vars, names),
            targets=targets,
            recorder=recorder,
            beat=beat,
        )

    def _reach(self, task_vars: dict[str, Any], names: Sequence[str]) -> list[Reached]:
        """How devices are reached; each one's variables are merged once."""
        missing = [name for name in names if name not in self._reached]
        if missing:
            found = self._action.devices(task_vars, self._policy, missing)
            _same_addresses(self._run, found)
            self._reached |= {each.name: each for each in found}
        return [self._reached[name] for name in names]

    @property
    def _first(self) -> bool:
        return self._checkpoint.position == 1

    def _begin(self) -> None:
        self._ledger.move_run(self._run.id, "running")
        plan = checkpoint_of(self._ledger, self._run, "plan")
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
        from ansible_collections.raywright.fleet.engine.plan.confirm import needed
        from ansible_collections.raywright.fleet.engine.rollout.job import Settings

        policy = self._policy
        checks = tuple(check.as_dict() for check in policy.validate) if self._stage.validate else ()
        devices = self._reach(task_vars, [*left.push, *(left.validate if checks or policy.playbook else ())])
        settings = Settings(
            run=self._run.id,
            stage=self._checkpoint.name,
            mode=policy.mode,
            concurrency=policy.concurrency,
            retries=policy.retries,
            timeout=policy.timeout,
            soak=self._stage.soak,
            checks=checks,
            confirm_timeout=policy.confirm_timeout,
            confirm_needs=needed(policy, self._stage, _waves(left, devices)),
            breaker={
                "max_failure_percentage": policy.max_failure_percentage,
                "min_sample": policy.min_sample,
                "max_stratum_failure_percentage": policy.stratum_limit,
                "stratum_min_sample": policy.stratum_min_sample,
                **left.breaker,
            },
            holding=left.holding,
            **_playbook.settings_of(policy, self._key),
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
        process = engine_for(
            self._ray_address, header, self._tasks(left, devices, task_vars), log=self._folder / "engine.log"
        )
        try:
            summary = follower.follow(process)
        except BaseException:
            follower.end("interrupted")
            raise
        self._follower = follower
        return summary

    def _tasks(self, left: Remaining, devices: list[Reached], task_vars: dict[str, Any]) -> Iterator[dict[str, Any]]:
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
                **_place(left.targets[name]),
            )
        done = [name for name in left.validate if name in by_name]
        wanted = _playbook.wanted(task_vars, self._policy, done) if self._policy.playbook else dict.fromkeys(done, "")
        for name in done:
            before = left.targets[name].detail.get("checks_before", {})
            more = {"wanted": wanted[name], "checks_before": before, **_place(left.targets[name])}
            yield _rollout.task("validate", by_name[name], keys, **more)

    def _judge(self, recorder: Recorder, targets: Sequence[Target], summary: dict[str, Any]) -> tuple[Verdict, str]:
        from ansible_collections.raywright.fleet.engine.rollout import staging
        from ansible_collections.raywright.fleet.engine.rollout.breaker import Breaker

        breaker = Breaker(
            max_failure_percentage=self._policy.max_failure_percentage,
            min_sample=self._policy.min_sample,
            max_stratum_failure_percentage=self._policy.stratum_limit,
            stratum_min_sample=self._policy.stratum_min_sample,
            **staging.tally(
                targets, self._checkpoint.name, first=self._first, outcomes=recorder.outcomes, spared=recorder.spared
            ),
        )
        return staging.judge(recorder, breaker, summary["tripped"], sum(summary["verdicts"].values()))


def devices_of(action: ActionBase, task_vars: dict[str, Any], policy: Policy, names: list[str]) -> list[Reached]:
    """How the devices of a task are reached, with the variables that the policy's checks ask for."""
    variables = sorted({name for check in policy.validate for name in check.variables})
    reader = Devices(
        task_vars,
        action._play_context,  # noqa: SLF001 - an action's own, of this file or its sibling
        action._task,  # noqa: SLF001 - as above
        timeout=policy.timeout,
        wanted_variables=variables,
        platform=_playbook.platform_of(policy),
    )
    return reader.reach(names)


def checkpoint_of(ledger: Ledger, run: Run, name: str) -> Checkpoint:
    from ansible_collections.raywright.fleet.engine.errors import InvalidInput

    checkpoints = {each.name: each for each in ledger.checkpoints(run.id)}
    if name not in checkpoints:
        stages = ", ".join(each for each in checkpoints if each != "plan")
        raise InvalidInput(f"Run {run.id} has no stage {name!r}; it has {stages or 'none, for nothing would change'}")
    return checkpoints[name]


def _require_open(run: Run) -> None:
    """A run that was rolled back or stopped meanwhile has given its devices back: no other stage may touch them."""
    from ansible_collections.raywright.fleet.engine.errors import LedgerError
    from ansible_collections.raywright.fleet.engine.ledger.states import ENDED, FINISHED

    if run.state in FINISHED | ENDED["rollout"]:
        raise LedgerError(
            f"Run {run.id} is {run.state.replace('_', ' ')}: no other stage of it is rolled out; "
            "run the same command to plan anew"
        )


def _waves(left: Remaining, devices: Sequence[Reached]) -> list[int]:
    """How many of the devices are in each wave."""
    return list(Counter(left.targets[each.name].detail.get("wave", 0) for each in devices).values())


def _place(target: Target) -> dict[str, Any]:
    """A device's turn in the stage, whom it must not be touched together with, and what it counts as."""
    return {name: target.detail[name] for name in ("wave", "groups", "strata") if name in target.detail}


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
