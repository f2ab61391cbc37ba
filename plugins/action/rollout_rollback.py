# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The controller half of ``rollout_rollback``: restores what a run changed, byte for byte, in steps."""

from __future__ import annotations

import functools
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from ansible_collections.raywright.fleet.engine.wording import counted, listed
from ansible_collections.raywright.fleet.plugins.plugin_utils import _ledger, _playbook, _rollout
from ansible_collections.raywright.fleet.plugins.plugin_utils._action import LedgerAction
from ansible_collections.raywright.fleet.plugins.plugin_utils._devices import Devices
from ansible_collections.raywright.fleet.plugins.plugin_utils._hosts import unknown_names, within_limit
from ansible_collections.raywright.fleet.plugins.plugin_utils._options import listed_option
from ansible_collections.raywright.fleet.plugins.plugin_utils._rollback import Rollback

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ansible_collections.raywright.fleet.engine.ledger import Checkpoint, Ledger, Run, Target
    from ansible_collections.raywright.fleet.engine.plan.policy import Policy
    from ansible_collections.raywright.fleet.engine.plan.stages import Stage
    from ansible_collections.raywright.fleet.engine.rollout.rollback import Due


_LOOKED_AT = 1000
"""How many of the newest runs are looked at for later ones."""


class ActionModule(LedgerAction):
    """Runs once for the whole play, on the controller."""

    SPEC: ClassVar[dict[str, Any]] = {
        "run": {"type": "str", "required": True},
        "stage": {"type": "str"},
        "reason": {"type": "str", "required": True},
        "stages": {"type": "raw", "default": ["1%", "100%"]},
        "order": {"type": "str", "choices": ["reverse", "rollout"], "default": "reverse"},
        "max_failure_percentage": {"type": "float"},
        "min_sample": {"type": "int"},
        "concurrency": {"type": "int"},
        "timeout": {"type": "str"},
        "at_once": {"type": "bool", "default": False},
        "ray_address": {"type": "str", "default": "local"},
    }

    def act(self, ledger: Ledger, args: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        from ansible_collections.raywright.fleet.engine.errors import InvalidInput
        from ansible_collections.raywright.fleet.engine.plan import reversal
        from ansible_collections.raywright.fleet.engine.plan.policy import recorded
        from ansible_collections.raywright.fleet.engine.rollout.guard import patience

        stages = reversal.parse(["100%"] if args["at_once"] else listed_option(_ledger.plain(args["stages"])))
        _check_numbers(args)
        run = _ledger.find_run(ledger, args["run"])
        if run.kind != "rollout":
            raise InvalidInput(f"Run {run.id} is a {run.kind}, not a rollout: there is nothing to roll back")
        if args["stage"] and not ledger.counts(run.id).get(args["stage"]):
            raise InvalidInput(f"Run {run.id} has no stage {args['stage']!r}")
        policy = recorded(run.definition["policy"])
        if args["timeout"] is not None:
            policy = replace(policy, timeout=_timeout(args["timeout"]))
        limited = within_limit(task_vars) if task_vars.get("ansible_limit") else None
        gone = set(unknown_names(task_vars, list(run.definition["devices"])))
        if self._task.check_mode:
            found = _look(ledger, run, policy, stages, args, gone, limited)
            _require_meant(ledger, args["run"], found)
            return _shown(_would(run, found.due, found.steps), _later(ledger, run))
        with _rollout.leased(ledger, run.id, patience=patience(policy.timeout)) as beat:
            # Only now: a rollout that was waited for has changed more devices meanwhile.
            found = _look(ledger, ledger.run(run.id), policy, stages, args, gone, limited)
            _require_meant(ledger, args["run"], found)
            if not found.due:
                if limited is None:
                    # A rollback before this one may have died behind its last device.
                    Rollback(ledger, found.run, policy, [], [], args).finish()
                return _shown(_would(found.run, [], []), _later(ledger, run))
            reader = Devices(
                task_vars,
                self._play_context,
                self._task,
                timeout=policy.timeout,
                platform=_playbook.platform_of(policy),
            )
            devices = reader.reach([name for step in found.steps for name in step])
            work = Rollback(ledger, found.run, policy, found.due, devices, args)
            return _shown(work.restore(found.steps, found.last, found.targets, beat), _later(ledger, run))


class _Found(NamedTuple):
    """What the ledger and the journals say of a run at one moment."""

    run: Run
    targets: list[Target]
    due: list[Due]
    last: set[str]
    steps: list[list[str]]


def _look(
    ledger: Ledger,
    run: Run,
    policy: Policy,
    stages: Sequence[Stage],
    args: dict[str, Any],
    gone: set[str],
    limited: set[str] | None,
) -> _Found:
    """``gone``: devices that the inventory no longer has, so in no step; ``limited``: those that ``--limit`` leaves."""
    from ansible_collections.raywright.fleet.engine.plan import reversal
    from ansible_collections.raywright.fleet.engine.rollout import rollback, staging
    from ansible_collections.raywright.fleet.engine.rollout.guard import patience

    checkpoints = ledger.checkpoints(run.id)
    if not checkpoints:
        # It was refused while its plan was made.
        return _Found(run, [], [], set(), [])
    targets = staging.check_plan(ledger, run)
    folder = _rollout.run_folder(run.id)
    due = rollback.due(
        targets,
        checkpoints,
        stage=args["stage"],
        journal_of=functools.partial(_rollout.journal_of, folder),
        patience=patience(policy.timeout),
    )
    due = [each for each in due if limited is None or each.name in limited]
    last = _last(checkpoints)
    behind = rollback.behind(due)
    names = [each.name for each in due if each.name not in gone]
    steps = reversal.steps(names, stages, args["order"], behind=behind, last=last) if names else []
    return _Found(run, targets, due, last, steps)


def _timeout(given: str) -> float:
    from ansible_collections.raywright.fleet.engine.errors import InvalidInput
    from ansible_collections.raywright.fleet.engine.plan.stages import seconds

    if not (read := seconds(given, "timeout")):
        raise InvalidInput("timeout: no device answers in no time")
    return read


def _check_numbers(args: dict[str, Any]) -> None:
    from ansible_collections.raywright.fleet.engine.errors import InvalidInput

    limit = args["max_failure_percentage"]
    if limit is not None and not 0 <= limit <= 100:  # noqa: PLR2004 - per cent
        raise InvalidInput(f"max_failure_percentage: {limit:g} is not a number from 0 to 100")
    for option in ("min_sample", "concurrency"):
        if args[option] is not None and args[option] < 1:
            raise InvalidInput(f"{option}: {args[option]} is not a number of at least 1")
    if args["at_once"] and limit is not None:
        raise InvalidInput("at_once goes without stages and breaker, so max_failure_percentage says nothing with it")


def _last(checkpoints: Sequence[Checkpoint]) -> set[str]:
    """The devices that carry our own way to the others, as the plan found them."""
    plan = next((each for each in checkpoints if each.name == "plan"), None)
    return set(plan.detail.get("last", ())) if plan else set()


def _require_meant(ledger: Ledger, given: str, found: _Found) -> None:
    """Raise ``InvalidInput`` where the newest run of a name never changed anything and an earlier one did: whoever gave
    the name may have meant that one.
    """
    from ansible_collections.raywright.fleet.engine.errors import InvalidInput

    run = found.run
    outcomes = {outcome for of in ledger.counts(run.id).values() for outcome in of}
    if found.due or given == run.id or outcomes & {"changed", "rolled_back"}:
        return
    meant = [
        f"{each.id} ({changed} changed, {each.created:%Y-%m-%d %H:%M} UTC)"
        for each, changed in _of_its_name(ledger, run)
        if each.created < run.created
    ]
    if meant:
        raise InvalidInput(
            f"Run {run.id}, the newest of the name {run.name}, has changed nothing that could be rolled back. Earlier "
            f"ones of that name have: {listed(meant)}. Say which, by its id"
        )


def _later(ledger: Ledger, run: Run) -> list[str]:
    """The runs of the same name that changed devices after this one: that is not taken back with it."""
    return [each.id for each, _changed in _of_its_name(ledger, run) if each.created > run.created]


def _of_its_name(ledger: Ledger, run: Run) -> Iterator[tuple[Run, int]]:
    """Yield the other runs of the name of ``run`` that changed devices, newest first, and how many."""
    for each in ledger.runs(limit=_LOOKED_AT):
        if each.name == run.name and each.id != run.id:
            changed = sum(of.get("changed", 0) for of in ledger.counts(each.id).values())
            if changed:
                yield each, changed


def _shown(result: dict[str, Any], later: list[str]) -> dict[str, Any]:
    """Show what became of it, or would; Ansible shows what failed."""
    if later:
        changed = f"{listed(later)} of the same name changed devices after it, which is not taken back with it"
        result |= {"later_runs": later, "msg": f"{result['msg'].removesuffix('.')}. Mind: {changed}."}
    if not result.get("failed"):
        steps = enumerate(result.get("stages", ()), start=1)
        shown = [f"  step {number}: {listed(step['hosts'])}" for number, step in steps]
        _rollout.display.display("\n".join([result["msg"], *shown]))
    return result


def _would(run: Run, due: list[Due], steps: list[list[str]]) -> dict[str, Any]:
    sizes = ", then ".join(str(len(step)) for step in steps)
    msg = (
        f"{counted(len(due), 'device')} of run {run.id} would be restored to what they were before it: {sizes}."
        if due
        else f"Run {run.id} is rolled back already."
        if run.state == "rolled_back"
        else f"There is nothing to roll back of run {run.id} on these devices."
    )
    return {
        "changed": bool(due),
        "run": run.id,
        "outcomes": dict(Counter(pending=len(due))),
        "stages": [{"devices": len(step), "hosts": step} for step in steps],
        "msg": msg,
    }
