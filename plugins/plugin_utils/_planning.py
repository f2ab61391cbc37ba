# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Private to this collection: a plan is made, shown and recorded; or one that was begun is taken up again."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleActionFail
from ansible_collections.raywright.fleet.engine.errors import DefinitionChanged, FleetError, InvalidInput
from ansible_collections.raywright.fleet.engine.wording import counted
from ansible_collections.raywright.fleet.plugins.plugin_utils import _ledger, _planview, _playbook, _rollout
from ansible_collections.raywright.fleet.plugins.plugin_utils._jobs import engine_for

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from ansible_collections.raywright.fleet.engine.ledger import Ledger, Run
    from ansible_collections.raywright.fleet.engine.plan.policy import Policy
    from ansible_collections.raywright.fleet.engine.plan.selectors import Selector
    from ansible_collections.raywright.fleet.engine.plan.traits import Fleet
    from ansible_collections.raywright.fleet.engine.rollout.planning import Plan
    from ansible_collections.raywright.fleet.plugins.plugin_utils._devices import Reached


class Planning:
    """One plan in the making. ``whole``: every distinct change is shown in full."""

    def __init__(
        self,
        args: dict[str, Any],
        policy: Policy,
        devices: list[Reached],
        wanted: dict[str, str],
        placed: Mapping[str, Selector],
        fleet: Fleet,
        *,
        notes: list[str],
        check_mode: bool,
        whole: bool,
    ) -> None:
        from ansible_collections.raywright.fleet.engine.sealing.key import FleetKey

        self._args = args
        self._policy = policy
        self._devices = devices
        self._wanted = wanted
        self._placed = placed
        self._fleet = fleet
        self._notes = notes
        self._check_mode = check_mode
        self._whole = whole
        self._key = FleetKey.from_environment()
        self._definition = {
            "policy": policy.as_dict(),
            "devices": {
                reached.name: {
                    "wanted": self._key.fingerprint(wanted[reached.name])[:24],
                    "address": reached.address,
                    "network_os": reached.device["network_os"],
                    **({"stages": str(placed[reached.name])} if placed else {}),
                    **({"groups": list(groups)} if (groups := fleet[reached.name].groups) else {}),
                }
                for reached in devices
            },
            **({"follows": args["follows"]} if args["follows"] else {}),
        }
        self._addresses = {reached.name: reached.address for reached in devices}

    def resumable(self, ledger: Ledger) -> Run | None:
        """The unfinished run of this name, if it can go on. Raises ``DefinitionChanged`` when it is another rollout."""
        from ansible_collections.raywright.fleet.engine.plan.digest import differences

        run = ledger.open_run(self._args["name"])
        if run is None:
            return None
        if run.kind != "rollout":
            raise InvalidInput(f"Run {run.id} of {run.name} is a {run.kind}; give this rollout another name")
        if self._args["unfinished"] == "abandon" or run.state == "planning":
            if not self._check_mode:
                # Whoever still works on it would go on with devices that nobody holds any more.
                with _rollout.leased(ledger, run.id, patience=0):
                    ledger.move_run(run.id, "abandoned", detail={"reason": "a new plan is made"})
            return None
        if changed := differences(run.definition, self._definition):
            raise DefinitionChanged(
                f"Run {run.id} of {run.name} is {run.state} and cannot go on, because what it would do has changed: "
                f"{'; '.join(changed)}. Put that back to resume it; or give it up and plan anew with "
                "-e network_rollout_unfinished=abandon; or give this rollout a name of its own "
                "(network_rollout_name)"
            )
        return run

    def checked(self, ledger: Ledger | None = None) -> dict[str, Any]:
        """What check mode does: plan, show, record nothing."""
        with tempfile.TemporaryDirectory(prefix="raywright-check-") as folder:
            plan = self._make("(check)", Path(folder), self._doubted(ledger))
        self._show("Plan, of which nothing is recorded (check mode)", plan)
        if plan.stopped:
            _rollout.display.warning(f"This run would stop before it touches anything: {plan.stopped}")
        held_by = self._held_by(ledger)
        result = {**self._result(plan, run=None), "changed": bool(plan.stages), "msg": plan.summary()}
        return {**result, "held_by": held_by}

    def _held_by(self, ledger: Ledger | None) -> list[dict[str, Any]]:
        """The runs that keep this one from its devices; one that goes on with its own run has them already."""
        if ledger is None:
            return []
        name, follows = self._args["name"], self._args["follows"]
        holders = [each for each in ledger.holders(self._addresses, name=name, follows=follows) if each.name != name]
        for each in holders:
            held = counted(len(each.devices), "device")
            _rollout.display.warning(f"This run would be refused: another holds {held}: {each}")
        return [_ledger.plain(each) | {"devices": len(each.devices)} for each in holders]

    def planned(self, ledger: Ledger, requester: str) -> dict[str, Any]:
        run = ledger.create_run(
            name=self._args["name"],
            kind="rollout",
            requester=requester,
            definition=self._definition,
            devices=self._addresses,
        )
        # Held while the plan is made: a second command of the same name must not take it for one that died.
        with _rollout.leased(ledger, run.id, patience=0) as beat:
            try:
                plan = self._make(run.id, _rollout.run_folder(run.id), self._doubted(ledger), beat)
            except (FleetError, AnsibleActionFail) as exc:
                ledger.move_run(run.id, "failed", detail={"reason": str(exc)[:500]})
                raise
            ledger.set_plan(run.id, digest=plan.digest, checkpoints=plan.checkpoints(), targets=plan.targets())
        self._show(f"Plan of run {run.id}, digest {plan.digest[:16]}", plan)
        state = self._settle(ledger, run.id, plan)
        result = {**self._result(plan, run=run.id, state=state), "changed": False, "msg": plan.summary()}
        if plan.stopped:
            result |= {"failed": True, "msg": f"Stopped before anything was touched: {plan.stopped}"}
        return result

    def _settle(self, ledger: Ledger, run_id: str, plan: Plan) -> str:
        """Bring the ledger to where the plan leaves it: waiting for its first stage, or ended already."""
        ledger.move_checkpoint(run_id, "plan", "running", detail={"engine": self._engine})
        if plan.stopped:
            ended = {"reason": plan.stopped}
            ledger.move_checkpoint(
                run_id, "plan", "failed", verdict=plan.stopped, run_state="stopped", run_detail=ended
            )
        elif not plan.stages:
            ended = {"reason": "nothing to change"}
            ledger.move_checkpoint(
                run_id, "plan", "passed", verdict=ended["reason"], run_state="completed", run_detail=ended
            )
        elif self._policy.approval != "plan":
            ledger.move_checkpoint(run_id, "plan", "passed")
        return ledger.run(run_id).state

    def _doubted(self, ledger: Ledger | None) -> set[str]:
        """Devices that an earlier run left in doubt: it may have changed them without saving that."""
        if ledger is None:
            return set()
        return ledger.doubted(self._addresses, name=self._args["name"], follows=self._args["follows"])

    def _make(
        self, run_id: str, folder: Path, doubted: Collection[str], beat: Callable[[], None] | None = None
    ) -> Plan:
        from ansible_collections.raywright.fleet.engine.rollout.job import Result, Settings
        from ansible_collections.raywright.fleet.engine.rollout.planning import make

        policy = self._policy
        settings = Settings(
            run=run_id,
            stage="plan",
            mode=policy.mode,
            concurrency=policy.concurrency,
            retries=policy.retries,
            timeout=policy.timeout,
            confirm_timeout=policy.confirm_timeout,
            checks=tuple(check.as_dict() for check in policy.validate),
            **_playbook.settings_of(policy, self._key),
        )
        keys = _rollout.key_positions(self._devices)
        tasks = (
            _rollout.task("plan", each, keys, wanted=self._wanted[each.name], touched=each.name in doubted)
            for each in self._devices
        )
        results: dict[str, Result] = {}

        def take(event: dict[str, Any]) -> None:
            fields = {key: value for key, value in event.items() if key not in {"seq", "event"}}
            results[event["name"]] = Result.from_dict(fields)

        follower = _rollout.Follower(
            run=run_id,
            name="plan",
            kind="plan",
            fleet=dict.fromkeys(self._wanted, "pending"),
            beat=beat,
            on_outcome=take,
        )
        process = engine_for(
            self._args["ray_address"], _rollout.header(settings, self._devices), tasks, log=folder / "engine.log"
        )
        verdict = "interrupted"
        try:
            summary = follower.follow(process)
            if summary["stopped"] or len(results) != len(self._devices):
                raise AnsibleActionFail(f"The plan was not finished: {summary['stopped'] or 'devices are missing'}")
            verdict = "refused"
            self._engine = summary["engine"]
            found = {each.name: results[each.name] for each in self._devices}
            plan = make(found, policy, self._placed, self._fleet, self._notes)
            verdict = "stopped" if plan.stopped else "passed"
        finally:
            follower.end(verdict)
        return plan

    def _show(self, title: str, plan: Plan) -> None:
        _rollout.display.display(_planview.view(title, plan, whole=self._whole))

    def resumed(self, ledger: Ledger, run: Run) -> dict[str, Any]:
        """Go on with a plan that is recorded: no device is asked, nothing is computed again."""
        from ansible_collections.raywright.fleet.engine.rollout.staging import check_plan

        targets = check_plan(ledger, run)
        stages: dict[str, list[str]] = defaultdict(list)
        for target in targets:
            stages[target.checkpoint].append(target.name)
        waves = {target.name: target.detail.get("wave", 0) for target in targets}
        checkpoints = {each.name: each for each in ledger.checkpoints(run.id)}
        stages = {name: stages[name] for name in checkpoints if name in stages and name != "plan"}
        summary = checkpoints["plan"].detail["summary"]
        _rollout.display.display(
            f"Run {run.id} of {run.name} is {run.state} and goes on where it stopped: {summary} "
            f"(digest {run.digest[:16]})"
        )
        ended = {name for name, each in checkpoints.items() if each.state in {"passed", "skipped", "failed"}}
        return {
            "changed": False,
            "run": run.id,
            "digest": run.digest,
            "state": run.state,
            "resumed": True,
            "counts": {},
            "devices": len(targets),
            "plan_gate": checkpoints["plan"].approval and "plan" not in ended,
            "stages": _stages(stages, self._policy, waves, ended),
            "msg": summary,
        }

    def _result(self, plan: Plan, *, run: str | None, state: str = "checked") -> dict[str, Any]:
        return {
            "run": run,
            "digest": plan.digest,
            "state": state,
            "resumed": False,
            "counts": plan.counts,
            "devices": len(plan.results),
            "failures": {
                name: result.reason
                for name, result in plan.results.items()
                if result.outcome not in {"pending", "unchanged"}
            },
            "plan_gate": self._policy.approval == "plan" and bool(plan.stages),
            "stages": _stages(plan.stages, self._policy, plan.waves),
            "in_flight": plan.in_flight,
            "canary": plan.canary(),
            "last": plan.last,
            "notes": list(plan.notes),
            "rollback": {verdict: len(names) for verdict, names in plan.rollback.items()},
            "engine": self._engine,
        }


def _stages(stages: Any, policy: Policy, waves: Mapping[str, int], ended: Collection[str] = ()) -> list[dict[str, Any]]:
    approvals = {stage.name: stage.approval for stage in policy.stages}
    return [
        {
            "name": name,
            "devices": len(names),
            "hosts": list(names),
            "waves": 1 + max(waves.get(each, 0) for each in names),
            "approval": approvals[name],
            "ended": name in ended,
        }
        for name, names in stages.items()
    ]
