# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Private to this collection: what the end of a stage makes of it and of its run, recorded and told."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from ansible_collections.raywright.fleet.engine.wording import counted

if TYPE_CHECKING:
    from ansible_collections.raywright.fleet.engine.ledger import Checkpoint, Ledger, Run
    from ansible_collections.raywright.fleet.engine.ledger.records import CheckpointState, RunState
    from ansible_collections.raywright.fleet.engine.plan.policy import Policy
    from ansible_collections.raywright.fleet.engine.rollout.recording import Recorder
    from ansible_collections.raywright.fleet.engine.rollout.staging import Verdict

_LEFT_BEHIND = frozenset({"changed", "failed", "unknown"})
"""Outcomes of a failed stage of which a rollback has something to do."""


def ended_already(ledger: Ledger, run: Run, checkpoint: Checkpoint) -> dict[str, Any] | None:
    """The answer for a stage that an earlier command, or another at the same time, has ended; ``None`` for others."""
    if checkpoint.state in {"passed", "skipped"}:
        counts = ledger.counts(run.id)[checkpoint.name]
        msg = f"Stage {checkpoint.name} of run {run.id} has passed already."
        return {"changed": False, "verdict": "passed", "outcomes": counts, "msg": msg}
    if checkpoint.state == "failed":
        msg = f"Stage {checkpoint.name} of run {run.id} failed: {checkpoint.verdict}"
        return {"changed": False, "failed": True, "verdict": "failed", "msg": msg}
    return None


class StageEnd:
    """The last words on one stage of one run."""

    def __init__(self, ledger: Ledger, run: Run, checkpoint: Checkpoint, policy: Policy) -> None:
        self._ledger = ledger
        self._run = run
        self._checkpoint = checkpoint
        self._policy = policy

    def leave(self, recorder: Recorder, summary: dict[str, Any], reason: str) -> dict[str, Any]:
        """The stage is validated and its devices go on holding their changes: somebody else confirms them."""
        told = {**self._told(recorder, summary), "validated": True, "reason": reason}
        self._ledger.move_checkpoint(self._run.id, self._checkpoint.name, "running", detail=told)
        waiting = counted(len(recorder.unconfirmed), "device")
        return {
            "changed": bool(recorder.unconfirmed),
            "run": self._run.id,
            "stage": self._checkpoint.name,
            "verdict": "passed",
            "reason": reason,
            "confirmed": False,
            "outcomes": told["outcomes"],
            "msg": f"Stage {self._checkpoint.name} of run {self._run.id} passed; {waiting} on trial: "
            f"each reverts by itself unless it is confirmed within {self._policy.confirm_timeout:g} s of its change "
            "(raywright.fleet.rollout_confirm)",
        }

    def _changed_elsewhere(self) -> bool:
        """Whether earlier stages of this run have changed devices."""
        counts = self._ledger.counts(self._run.id)
        return any(each.get("changed") for name, each in counts.items() if name not in {"plan", self._checkpoint.name})

    def _told(self, recorder: Recorder, summary: dict[str, Any]) -> dict[str, Any]:
        outcomes = dict(Counter(recorder.outcomes.values()))
        return {"outcomes": outcomes, "verdicts": summary["verdicts"], "engine": _added(self._checkpoint, summary)}

    def end(self, recorder: Recorder, summary: dict[str, Any], verdict: Verdict, reason: str) -> dict[str, Any]:
        """Record the verdict, and say what follows."""
        told = self._told(recorder, summary)
        outcomes = told["outcomes"]
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
            self._record("running", reason, told, "paused", reason)
            waiting = "; until then devices take back what is not confirmed" if recorder.unconfirmed else ""
            msg = f"{result['msg'].rstrip('.')}. The run is paused: run the same command again{waiting}"
            return {**result, "failed": True, "msg": msg}
        if verdict == "passed":
            others = (each for each in self._ledger.checkpoints(self._run.id) if each.name != self._checkpoint.name)
            last = all(each.state in {"passed", "skipped"} for each in others)
            self._record("passed", reason or verdict, told, "completed" if last else None)
            return result
        taken_back = self._policy.confirm_timeout > 0 and not outcomes.keys() & _LEFT_BEHIND
        self._record("failed", reason or verdict, told, self._ended(taken_back=taken_back), reason)
        if taken_back and outcomes.get("rolled_back"):
            result["msg"] += ". Its devices took their changes back"
        if self._policy.on_failure == "stop":
            result["msg"] += (
                ". The run is stopped and no other device is touched: correct the cause and run the same command, "
                "which plans anew; or take the change back (raywright.fleet.rollback)"
            )
        return {**result, "failed": True}

    def _ended(self, *, taken_back: bool) -> RunState | None:
        """What a failed stage makes of its run; nothing yet, where a rollback follows."""
        if self._policy.on_failure == "stop":
            return "stopped"
        if taken_back and not self._changed_elsewhere():
            return "rolled_back"
        if taken_back and self._policy.on_failure == "rollback_stage":
            return "stopped"
        return None

    def _record(
        self,
        state: CheckpointState,
        verdict: str,
        told: dict[str, Any],
        run_state: RunState | None,
        run_reason: str | None = None,
    ) -> None:
        self._ledger.move_checkpoint(
            self._run.id,
            self._checkpoint.name,
            state,
            verdict=verdict,
            detail=told,
            run_state=run_state,
            run_detail=None if run_reason is None else {"reason": run_reason},
        )


def _added(checkpoint: Checkpoint, summary: dict[str, Any]) -> dict[str, Any]:
    """The engine's figures of this try, added to those of earlier ones."""
    before, now = checkpoint.detail.get("engine", {}), summary["engine"]
    if not now:
        return dict(before)
    return {
        "seconds": round(before.get("seconds", 0) + now["seconds"], 3),
        "cpu_seconds": round(before.get("cpu_seconds", 0) + now["cpu_seconds"], 3),
        "peak_rss_bytes": max(before.get("peak_rss_bytes", 0), now["peak_rss_bytes"]),
        "devices_per_second": now["devices_per_second"],
    }
