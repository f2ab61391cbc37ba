# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The controller half of ``rollout_report``: what became of a run, as JSON and as a few lines for a person."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ansible.plugins.action import ActionBase
from ansible_collections.raywright.fleet.engine.wording import about, counted
from ansible_collections.raywright.fleet.plugins.plugin_utils import _ledger, _rollout

if TYPE_CHECKING:
    from ansible_collections.raywright.fleet.engine.ledger import Checkpoint, Ledger, Target

_NAMED = 10
_OF_PLAN = ("canary", "last", "in_flight", "notes")
_SOURCES = ("run", "plan", "refused")
_NOTHING: dict[str, Any] = {
    "run": None,
    "digest": None,
    "state": "refused",
    "devices": 0,
    "outcomes": {},
    "stages": [],
    "failures": [],
    "read_back": [],
    "engine": {"seconds": 0.0, "cpu_seconds": 0.0, "peak_rss_bytes": 0, "devices_per_second": 0.0},
}
_FINE = frozenset({"changed", "unchanged", "pending", "rolled_back"})


class ActionModule(ActionBase):
    """Runs once for the whole play, on the controller."""

    BYPASS_HOST_LOOP = True
    _requires_connection = False

    SPEC: ClassVar[dict[str, Any]] = {
        "run": {"type": "str"},
        "plan": {"type": "dict"},
        "refused": {"type": "str"},
        "path": {"type": "path"},
        "ledger_url": {"type": "str", "no_log": True},
    }

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validation, args = self.validate_argument_spec(
            argument_spec=self.SPEC, required_one_of=[_SOURCES], mutually_exclusive=[_SOURCES]
        )
        if args["run"]:
            with _ledger.opened(args["ledger_url"], read_only=True, keyless=True) as ledger:
                report = _of_run(ledger, args["run"])
        elif args["refused"]:
            report = {**_NOTHING, "reason": args["refused"]}
        else:
            report = _of_plan(_ledger.plain(args["plan"]))
        if args["path"]:
            _write(Path(args["path"]), report)
        if not args["refused"]:
            _rollout.display.display(_text(report, args["path"]))
        # AWX keeps these as the job's artifacts, for the next node of a workflow.
        told = {key: report[key] for key in ("run", "digest", "state", "outcomes")}
        stats = {"data": {"raywright_rollout": told}, "per_host": False, "aggregate": False}
        return {**result, "changed": False, "report": report, "ansible_stats": stats}


def _of_run(ledger: Ledger, run_id: str) -> dict[str, Any]:
    run = _ledger.find_run(ledger, run_id)
    counts = ledger.counts(run.id)
    outcomes: Counter[str] = Counter()
    for each in counts.values():
        outcomes.update(each)
    checkpoints = ledger.checkpoints(run.id)
    rollbacks = [each for each in checkpoints if "rollback" in each.detail]
    stages = [_stage(each, counts[each.name]) for each in checkpoints if each.name != "plan" and each not in rollbacks]
    figures = [figure for each in checkpoints if (figure := each.detail.get("engine"))]
    targets = list(ledger.targets(run.id))
    passed = set() if rollbacks else {each.name for each in checkpoints if each.state == "passed"}
    failures = [_told(each) for each in targets if _failed(each, passed)]
    doubted = [each for each in targets if each.detail.get("read_back")]
    return {
        "run": run.id,
        "name": run.name,
        "requester": run.requester,
        "digest": run.digest,
        "state": run.state,
        "devices": outcomes.total(),
        "outcomes": dict(outcomes),
        "stages": stages,
        "rollbacks": [_rollback(each) for each in rollbacks],
        "failures": failures,
        **_planned(checkpoints),
        "read_back": [{**_told(each), "found": each.detail["read_back"]} for each in doubted],
        "unconfirmed": [each.name for each in targets if each.detail.get("unconfirmed")],
        "approvals": [
            {
                "checkpoint": each.checkpoint,
                "state": each.state,
                "approver": each.decided_by,
                "reason": each.reason,
                "break_glass": each.break_glass,
            }
            for each in ledger.approvals(run_id=run.id)
        ],
        "engine": _engine(figures, outcomes.total()),
    }


def _failed(target: Target, passed: set[str]) -> bool:
    """Whether a device is not as it should be, or was not: also one that took its change back although it passed."""
    back = target.outcome == "rolled_back" and target.checkpoint in passed
    return target.outcome not in _FINE or back or bool(target.detail.get("regressed"))


def _told(target: Target) -> dict[str, Any]:
    return {
        "name": target.name,
        "stage": target.checkpoint,
        "outcome": target.outcome,
        "reason": target.detail.get("reason", ""),
    }


def _of_plan(plan: dict[str, Any]) -> dict[str, Any]:
    """Check mode: nothing is recorded, so the plan itself is what there is."""
    outcomes = dict(plan["counts"])
    refused = outcomes.pop("refused", 0)
    if refused:
        outcomes["failed"] = outcomes.get("failed", 0) + refused
    return {
        "run": None,
        "digest": plan["digest"],
        "state": plan["state"],
        "devices": plan["devices"],
        "outcomes": outcomes,
        "stages": [
            {
                "name": stage["name"],
                "devices": stage["devices"],
                "hosts": stage["hosts"],
                "waves": stage["waves"],
                "outcomes": {},
                "verdict": None,
                "seconds": 0.0,
            }
            for stage in plan["stages"]
        ],
        "failures": [{"name": name, "reason": reason} for name, reason in plan["failures"].items()],
        **{key: plan[key] for key in _OF_PLAN if key in plan},
        "read_back": [],
        "engine": plan["engine"],
    }


def _planned(checkpoints: list[Checkpoint]) -> dict[str, Any]:
    """What the plan said of who stands for the fleet and who comes last."""
    detail = next((each.detail for each in checkpoints if each.name == "plan"), {})
    return {key: detail[key] for key in _OF_PLAN if key in detail}


def _stage(checkpoint: Checkpoint, counts: dict[str, int]) -> dict[str, Any]:
    took = (checkpoint.ended - checkpoint.started).total_seconds() if checkpoint.started and checkpoint.ended else 0.0
    verdict = {"passed": "passed", "failed": "failed", "running": "inconclusive", "skipped": "skipped"}
    return {
        "name": checkpoint.name,
        "devices": sum(counts.values()),
        "outcomes": counts,
        "verdict": verdict.get(checkpoint.state) if checkpoint.verdict else None,
        "reason": checkpoint.verdict or "",
        "seconds": round(took, 3),
    }


def _rollback(step: Checkpoint) -> dict[str, Any]:
    """One step of a rollback, in the shape of a stage; its devices' outcomes are counted in their stages."""
    from ansible_collections.raywright.fleet.engine.rollout.rollback import INTERRUPTED

    shown = _stage(step, step.detail.get("outcomes", {}))
    if step.verdict == INTERRUPTED:
        # It was closed by the next try: how long it took itself is not known.
        shown |= {"verdict": INTERRUPTED, "seconds": 0.0}
    return {**shown, "devices": step.detail["devices"], "scope": step.detail["rollback"], "why": step.detail["reason"]}


def _engine(figures: list[dict[str, Any]], devices: int) -> dict[str, Any]:
    seconds = sum(figure["seconds"] for figure in figures)
    return {
        "seconds": round(seconds, 3),
        "cpu_seconds": round(sum(figure["cpu_seconds"] for figure in figures), 3),
        "peak_rss_bytes": max((figure["peak_rss_bytes"] for figure in figures), default=0),
        "devices_per_second": round(devices / seconds, 2) if seconds else 0.0,
    }


def _write(path: Path, report: dict[str, Any]) -> None:
    """Write whole or not at all: whoever reads a report reads a finished one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    draft.replace(path)


def _text(report: dict[str, Any], path: str | None) -> str:
    outcomes = ", ".join(f"{count} {outcome.replace('_', ' ')}" for outcome, count in report["outcomes"].items())
    which = f"Run {report['run'] or '(check)'} {report['state'].replace('_', ' ')}"
    if report.get("rollbacks") and report["state"] != "rolled_back":
        which += ", rolled back in part"
    lines = [f"{which}: {counted(report['devices'], 'device')}: {outcomes}"]
    for stage in [*report["stages"], *report.get("rollbacks", ())]:
        counts = ", ".join(f"{count} {outcome.replace('_', ' ')}" for outcome, count in stage["outcomes"].items())
        said = f"  {stage['name']:<12} {counts or counted(stage['devices'], 'device')}"
        took = f", {stage['seconds']:.1f} s" if stage["seconds"] else ""
        lines.append(f"{said}; {stage['verdict']}{took}" if stage["verdict"] else said)
    found = Counter(each["found"] for each in report["read_back"])
    if found:
        said = ", ".join(f"{count} {finding.replace('_', ' ')}" for finding, count in found.items())
        lines.append(f"  read back after a try that broke off: {said}")
    if on_trial := len(report.get("unconfirmed", ())):
        lines.append(f"  not confirmed: {on_trial}, which revert by themselves, or have by now")
    # Those that are as they were before need nobody to look at them; the others must not be hidden behind them.
    failures = sorted(report["failures"], key=lambda each: each.get("outcome") == "rolled_back")
    lines += [f"  ! {_line(each)}" for each in failures[:_NAMED]]
    lines += [f"  ! and {len(failures) - _NAMED} more" if len(failures) > _NAMED else ""][: len(failures) > _NAMED]
    lines += [f"  report: {path}"] if path else []
    return "\n".join(lines)


def _line(failure: dict[str, Any]) -> str:
    """A device and what was wrong with it; of one that is as it was before, that comes first."""
    if failure.get("outcome") != "rolled_back":
        return about(failure["name"], failure["reason"])
    reason = failure["reason"].removeprefix(f"{failure['name']}: ").replace("not rolled back: ", "not at first: ", 1)
    return f"{failure['name']} was rolled back: {reason}".removesuffix(": ")
