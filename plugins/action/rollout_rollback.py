# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The controller half of ``rollout_rollback``: restores what a run changed, byte for byte."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, ClassVar

from ansible.errors import AnsibleActionFail
from ansible_collections.raywright.fleet.plugins.plugin_utils import _playbook, _rollout
from ansible_collections.raywright.fleet.plugins.plugin_utils._action import LedgerAction
from ansible_collections.raywright.fleet.plugins.plugin_utils._devices import Devices
from ansible_collections.raywright.fleet.plugins.plugin_utils._jobs import engine_for
from ansible_collections.raywright.fleet.plugins.plugin_utils._ledger import find_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.raywright.fleet.engine.ledger import Ledger, Run, Target
    from ansible_collections.raywright.fleet.engine.plan.policy import Policy
    from ansible_collections.raywright.fleet.plugins.plugin_utils._devices import Reached


class ActionModule(LedgerAction):
    """Runs once for the whole play, on the controller."""

    SPEC: ClassVar[dict[str, Any]] = {
        "run": {"type": "str", "required": True},
        "stage": {"type": "str"},
        "reason": {"type": "str", "required": True},
        "ray_address": {"type": "str", "default": "local"},
    }

    def act(self, ledger: Ledger, args: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        from ansible_collections.raywright.fleet.engine.errors import InvalidInput
        from ansible_collections.raywright.fleet.engine.plan.policy import recorded
        from ansible_collections.raywright.fleet.engine.rollout import rollback, staging
        from ansible_collections.raywright.fleet.engine.rollout.guard import patience

        run = find_run(ledger, args["run"])
        if run.kind != "rollout":
            raise InvalidInput(f"Run {run.id} is a {run.kind}, not a rollout: there is nothing to roll back")
        policy = recorded(run.definition["policy"])
        targets = staging.check_plan(ledger, run)
        if args["stage"] and args["stage"] not in {target.checkpoint for target in targets}:
            raise InvalidInput(f"Run {run.id} has no stage {args['stage']!r}")
        folder = _rollout.run_folder(run.id)
        journals = {
            each.name: _rollout.journal_of(folder, each.position, "push") for each in ledger.checkpoints(run.id)
        }
        due = rollback.due(targets, stage=args["stage"], journals=journals, patience=patience(policy.timeout))
        if self._task.check_mode or not due:
            return {"changed": bool(due), "run": run.id, "outcomes": {"pending": len(due)}, "msg": _would(run, due)}
        reader = Devices(
            task_vars, self._play_context, self._task, timeout=policy.timeout, platform=_playbook.platform_of(policy)
        )
        devices = list(reader.reach([each.target.name for each in due]))
        work = _Rollback(ledger, run, policy, due, devices, args)
        with _rollout.leased(ledger, run.id, patience=patience(policy.timeout)) as beat:
            return work.restore(targets, beat)


class _Rollback:
    """One rollback of one run."""

    def __init__(
        self,
        ledger: Ledger,
        run: Run,
        policy: Policy,
        due: list[Any],
        devices: list[Reached],
        args: dict[str, Any],
    ) -> None:
        from ansible_collections.raywright.fleet.engine.sealing.key import FleetKey

        self._ledger = ledger
        self._run = run
        self._policy = policy
        self._due = {each.target.name: each for each in due}
        self._devices = devices
        self._args = args
        self._key = FleetKey.from_environment()

    def restore(self, targets: list[Target], beat: Any) -> dict[str, Any]:
        from ansible_collections.raywright.fleet.engine.rollout.job import Settings
        from ansible_collections.raywright.fleet.engine.rollout.rollback import BySource

        name = self._args["stage"] or "run"
        self._ledger.append_event(
            self._run.id, "rollout.rollback", {"scope": name, "reason": self._args["reason"], "devices": len(self._due)}
        )
        folder = _rollout.run_folder(self._run.id)
        settings = Settings(
            run=self._run.id,
            stage=f"rollback {name}",
            mode=self._policy.mode,
            concurrency=self._policy.concurrency,
            retries=self._policy.retries,
            timeout=self._policy.timeout,
            confirm_timeout=self._policy.confirm_timeout,
            **_playbook.settings_of(self._policy, self._key),
        )
        recorder = BySource(self._ledger, self._run.id, [each.target for each in self._due.values()])
        follower = _rollout.Follower(
            run=self._run.id,
            name=name,
            kind="rollback",
            fleet={target.name: target.outcome for target in targets},
            recorder=recorder,
            beat=beat,
        )
        header = _rollout.header(
            settings, self._devices, folder=str(folder), journal=str(_rollout.journal_of(folder, 99, "rollback"))
        )
        process = engine_for(self._args["ray_address"], header, self._tasks(), log=folder / "engine.log")
        summary = follower.follow(process)
        outcomes = Counter(recorder.outcomes.values())
        whole = outcomes["rolled_back"] == len(self._due)
        follower.end("passed" if whole else "failed")
        if summary["stopped"]:
            raise AnsibleActionFail(f"The rollback was interrupted: {summary['stopped']}. Run the same command again")
        return self._end(outcomes, recorder.reasons, whole=whole)

    def _tasks(self) -> Iterator[dict[str, Any]]:
        from ansible_collections.raywright.fleet.engine.rollout import rollback, staging, vault

        keys = _rollout.key_positions(self._devices)
        turns = rollback.turns(list(self._due.values()))
        by_name = {each.name: each for each in self._devices}
        befores = self._ledger.blobs(self._run.id, vault.BEFORE, self._due)
        changes = self._ledger.blobs(self._run.id, vault.CHANGE, self._due)
        for (name, before), (_same, change) in zip(befores, changes, strict=True):
            due = self._due[name]
            wanted, _diff = staging.open_change(self._key, due.target, change, self._policy.mode)
            yield _rollout.task(
                "restore",
                by_name[name],
                keys,
                wanted=wanted,
                before=vault.unseal(self._key, before, vault.BEFORE),
                after=due.target.detail.get("after", ""),
                touched=due.touched,
                wave=turns[name],
                groups=due.target.detail.get("groups", []),
            )

    def _end(self, outcomes: Counter[str], reasons: dict[str, str], *, whole: bool) -> dict[str, Any]:
        left = defaultdict(int)
        for checkpoint, counts in self._ledger.counts(self._run.id).items():
            if checkpoint != "plan":
                left["changed"] += counts.get("changed", 0)
        state = "failed" if not whole else "stopped" if left["changed"] else "rolled_back"
        run = self._ledger.run(self._run.id)
        if run.state != state and not (run.state == "completed" and state != "rolled_back"):
            self._ledger.move_run(self._run.id, state, detail={"reason": self._args["reason"]})
        troubles = "; ".join(list(reasons.values())[:3])
        msg = f"{outcomes['rolled_back']} of {len(self._due)} devices of run {self._run.id} are as they were before"
        return {
            "changed": bool(outcomes["rolled_back"]),
            "failed": not whole,
            "run": self._run.id,
            "state": state,
            "outcomes": dict(outcomes),
            "failures": reasons,
            "msg": msg if whole else f"{msg}; the others are not: {troubles}",
        }


def _would(run: Run, due: list[Any]) -> str:
    if not due:
        return f"Run {run.id} has changed nothing that could be rolled back."
    return f"{len(due)} devices of run {run.id} would be restored to what they were before it."
