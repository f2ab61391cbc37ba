# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Private to this collection: one rollback of one run, step by step, each a checkpoint of that run."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleActionFail
from ansible_collections.raywright.fleet.engine.wording import counted, listed
from ansible_collections.raywright.fleet.plugins.plugin_utils import _playbook, _rollout
from ansible_collections.raywright.fleet.plugins.plugin_utils._jobs import engine_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ansible_collections.raywright.fleet.engine.ledger import Checkpoint, Ledger, Run, Target
    from ansible_collections.raywright.fleet.engine.plan.policy import Policy
    from ansible_collections.raywright.fleet.engine.rollout.rollback import BySource, Due
    from ansible_collections.raywright.fleet.plugins.plugin_utils._devices import Reached

_SHOWN = 3
_BATCH = 200


class Rollback:
    """Restores the devices that are due. ``args`` are those of ``rollout_rollback``."""

    def __init__(
        self,
        ledger: Ledger,
        run: Run,
        policy: Policy,
        due: Sequence[Due],
        devices: Sequence[Reached],
        args: dict[str, Any],
    ) -> None:
        from ansible_collections.raywright.fleet.engine.rollout.rollback import BySource
        from ansible_collections.raywright.fleet.engine.sealing.key import FleetKey

        self._ledger = ledger
        self._run = run
        self._policy = policy
        self._due = {each.name: each for each in due}
        self._devices = {each.name: each for each in devices}
        self._args = args
        self._key = FleetKey.from_environment()
        self._folder = _rollout.run_folder(run.id)
        self._recorder: BySource = BySource(ledger, run.id, [each.target for each in due])
        self._scope = args["stage"] or "run"

    def restore(
        self, steps: Sequence[Sequence[str]], last: set[str], targets: Sequence[Target], beat: Callable[[], None]
    ) -> dict[str, Any]:
        """Restore one step after the other until all is done or the breaker trips."""
        planned = self._run.definition["devices"]
        self._ledger.claim_for_rollback(self._run.id, {name: planned[name]["address"] for name in self._due})
        self._ledger.append_event(
            self._run.id,
            "rollout.rollback",
            {
                "scope": self._scope,
                "reason": self._args["reason"],
                "devices": len(self._due),
                "steps": [len(step) for step in steps],
                "at_once": self._args["at_once"],
            },
        )
        for name in sorted(self._due.keys() - {name for step in steps for name in step}):
            self._recorder.reasons[name] = f"{name}: not restored: the inventory does not have it any more"
        number = self._close_interrupted()
        fleet = {target.name: target.outcome for target in targets}
        tripped = None
        for names in steps:
            number += 1
            tripped = self._step(f"rollback {number}", list(names), last, fleet, beat)
            if tripped:
                break
        return self._end(tripped)

    def finish(self) -> None:
        """End what an earlier rollback restored whole, and died before it could say so; nothing if there was none."""
        if self._close_interrupted():
            self._end(None)

    def _close_interrupted(self) -> int:
        """Close the steps of a try that died in the middle; return how many steps there have been."""
        from ansible_collections.raywright.fleet.engine.rollout.rollback import INTERRUPTED, steps_of

        earlier = steps_of(self._ledger.checkpoints(self._run.id))
        for each in earlier:
            if each.state == "running":
                self._ledger.move_checkpoint(self._run.id, each.name, "failed", verdict=INTERRUPTED)
        return len(earlier)

    def _step(
        self, name: str, names: list[str], last: set[str], fleet: dict[str, str], beat: Callable[[], None]
    ) -> str | None:
        """Restore one step; return why no other may follow, if so."""
        from ansible_collections.raywright.fleet.engine.ledger import NewCheckpoint
        from ansible_collections.raywright.fleet.engine.rollout import rollback

        told = {"rollback": self._scope, "reason": self._args["reason"], "devices": len(names)}
        step = self._ledger.add_checkpoint(self._run.id, NewCheckpoint(name, detail=told), after_end=True)
        self._ledger.move_checkpoint(self._run.id, name, "running")
        self._recorder.begin(name)
        breaker = self._breaker()
        follower = _rollout.Follower(
            run=self._run.id, name=name, kind="rollback", fleet=fleet, recorder=self._recorder, beat=beat
        )
        try:
            summary = follower.follow(self._process(step, names, last, breaker))
        except BaseException:
            follower.end("interrupted")
            raise
        if summary["stopped"]:
            follower.end("interrupted")
            raise AnsibleActionFail(f"The rollback was interrupted: {summary['stopped']}. Run the same command again")
        fleet |= self._recorder.outcomes
        outcomes = Counter(self._recorder.outcomes.get(each, "pending") for each in names)
        tripped = (
            None if self._args["at_once"] else rollback.judge(breaker, self._recorder.tried(names), summary["tripped"])
        )
        short = self._args["at_once"] and outcomes["rolled_back"] < len(names)
        verdict = "failed" if tripped or short else "passed"
        follower.end(verdict)
        self._ledger.move_checkpoint(
            self._run.id,
            name,
            verdict,
            verdict=tripped or verdict,
            detail={"outcomes": dict(outcomes), "engine": summary["engine"]},
        )
        return tripped

    def _breaker(self) -> dict[str, Any]:
        from ansible_collections.raywright.fleet.engine.rollout import rollback
        from ansible_collections.raywright.fleet.engine.rollout.job import NO_LIMIT

        if self._args["at_once"]:
            return dict(NO_LIMIT)
        limit, sample = self._args["max_failure_percentage"], self._args["min_sample"]
        return rollback.step_breaker(
            len(self._due),
            self._recorder.tried(self._due),
            limit=self._policy.max_failure_percentage if limit is None else limit,
            min_sample=sample or self._policy.min_sample,
        )

    def _process(self, step: Checkpoint, names: list[str], last: set[str], breaker: dict[str, Any]) -> Any:
        from ansible_collections.raywright.fleet.engine.rollout import rollback
        from ansible_collections.raywright.fleet.engine.rollout.job import Settings

        policy = self._policy
        settings = Settings(
            run=self._run.id,
            stage=step.name,
            mode=policy.mode,
            concurrency=self._args["concurrency"] or policy.concurrency,
            retries=policy.retries,
            timeout=policy.timeout,
            confirm_timeout=policy.confirm_timeout,
            breaker=breaker,
            holding=rollback.holding(list(self._due.values()), self._recorder.outcomes, self._recorder.waiting),
            **_playbook.settings_of(policy, self._key),
        )
        devices = [self._devices[name] for name in names]
        journal = _rollout.journal_of(self._folder, step.position, "rollback")
        header = _rollout.header(settings, devices, folder=str(self._folder), journal=str(journal))
        return engine_for(
            self._args["ray_address"], header, self._tasks(names, devices, last), log=self._folder / "engine.log"
        )

    def _tasks(self, names: list[str], devices: Sequence[Reached], last: set[str]) -> Iterator[dict[str, Any]]:
        """Each device's line, in the order of the step; configurations leave their seal here, one batch at a time."""
        from ansible_collections.raywright.fleet.engine.rollout import rollback, staging, vault

        keys = _rollout.key_positions(devices)
        waves = {} if self._args["at_once"] else rollback.turns([self._due[name] for name in names], last)
        for start in range(0, len(names), _BATCH):
            batch = names[start : start + _BATCH]
            befores = dict(self._ledger.blobs(self._run.id, vault.BEFORE, batch))
            changes = dict(self._ledger.blobs(self._run.id, vault.CHANGE, batch))
            for name in batch:
                due = self._due[name]
                wanted, _diff = staging.open_change(self._key, due.target, changes[name], self._policy.mode)
                yield _rollout.task(
                    "restore",
                    self._devices[name],
                    keys,
                    wanted=wanted,
                    before=vault.unseal(self._key, befores[name], vault.BEFORE),
                    after=due.target.detail.get("after", ""),
                    touched=due.touched,
                    wave=waves.get(name, 0),
                    groups=due.target.detail.get("groups", []) if waves else [],
                )

    def _end(self, tripped: str | None) -> dict[str, Any]:
        outcomes = Counter(self._recorder.outcomes.values())
        whole = outcomes["rolled_back"] == len(self._due)
        left = sum(counts.get("changed", 0) for counts in self._ledger.counts(self._run.id).values())
        state = "failed" if not whole else "stopped" if left else "rolled_back"
        run = self._ledger.run(self._run.id)
        kept = run.state == "abandoned" or (run.state == "completed" and state != "rolled_back")
        if run.state != state and not kept:
            self._ledger.move_run(self._run.id, state, detail={"reason": self._args["reason"]})
        else:
            self._ledger.settle_devices(self._run.id)
        reasons = self._recorder.reasons
        return {
            "changed": bool(outcomes["rolled_back"]),
            "failed": not whole,
            "run": self._run.id,
            "state": state,
            "outcomes": dict(outcomes + Counter(pending=len(self._due) - outcomes.total())),
            "failures": reasons,
            "tripped": tripped,
            "msg": self._said(outcomes, tripped, whole=whole),
        }

    def _said(self, outcomes: Counter[str], tripped: str | None, *, whole: bool) -> str:
        what = f"stage {self._args['stage']} of run" if self._args["stage"] else "run"
        devices = counted(len(self._due), "device")
        said = f"{outcomes['rolled_back']} of {devices} of {what} {self._run.id} are as they were before"
        if whole:
            return said
        troubles = listed(list(self._recorder.reasons.values()), most=_SHOWN, between="; ")
        unknown, others = outcomes["unknown"], outcomes.total() - outcomes["unknown"] - outcomes["rolled_back"]
        said += f", {others} are not" if others else ""
        said += f", {unknown} may not be" if unknown else ""
        if not tripped:
            return f"{said}: {troubles}. Run the rollback again once that is put right"
        left = len(self._due) - outcomes.total()
        if not left:
            return (
                f"{said}; too many: {tripped}: {troubles}. Every device had its turn: put that right and run "
                "the rollback again, which tries these once more"
            )
        return (
            f"{said}; the rollback stopped: {tripped}: {troubles}. {counted(left, 'device')} not touched: put that "
            "right and run the rollback again, which goes on with them; or give it a higher max_failure_percentage, "
            "or at_once=true to restore whatever can be restored"
        )
