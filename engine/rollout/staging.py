# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One stage, seen from the ledger: what is left to do, and what came of it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ..errors import GateClosed, LedgerError
from ..ledger.ledger import Ledger
from ..ledger.records import Checkpoint, Run, Target
from ..sealing.key import FleetKey
from ..wording import counted
from . import vault
from .breaker import FAILURES, Breaker
from .planning import PLAN, recorded_digest
from .recording import Recorder
from .together import holding

Verdict = Literal["passed", "failed", "inconclusive"]

_OPEN = frozenset({"pending", "unknown"})
_AS_WANTED = frozenset({"changed", "unchanged"})
_LOST = FAILURES | {"rolled_back"}
"""While a run goes on, a device that is as it was before has taken its change back, by itself or as it was told."""
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Remaining:
    """What a stage still has to do."""

    push: tuple[str, ...]
    touched: frozenset[str]
    """Devices of ``push`` that an earlier try may have changed: they are read before anything is sent."""
    validate: tuple[str, ...]
    """Devices that are done already but were not validated."""
    targets: Mapping[str, Target] = field(repr=False)
    breaker: Mapping[str, Any] = field(default_factory=dict)
    """What the breaker knows before the first device: see ``Breaker``."""
    holding: Mapping[str, str] = field(default_factory=dict)
    """By redundancy group, the member that is not in order: see ``together``."""


def is_open(target: Target) -> bool:
    """Whether a device is yet to be done: a change on trial may have been taken back since, so it is read again."""
    return target.outcome in _OPEN or (target.outcome == "changed" and bool(target.detail.get("unconfirmed")))


def check_plan(ledger: Ledger, run: Run) -> list[Target]:
    """Return the targets of a run whose plan still is the one that its digest, and so its approval, stands for."""
    targets = list(ledger.targets(run.id))
    if recorded_digest(targets, run.definition["policy"]) != run.digest:
        raise LedgerError(
            f"The plan of run {run.id} in the ledger is not the one that its digest was made of: somebody edited it. "
            "Nothing is sent; abandon the run and plan again"
        )
    return targets


def check_gates(ledger: Ledger, run: Run, stage: str) -> None:
    """Raise ``GateClosed`` unless every gate before the stage was opened by an approval of this very plan."""
    gated = _gated(run.definition["policy"])
    for checkpoint in ledger.checkpoints(run.id):
        if checkpoint.name not in {PLAN, stage} or not (checkpoint.approval or checkpoint.name in gated):
            continue
        if not _opened(ledger, run, checkpoint):
            raise GateClosed(
                f"Stage {stage} of run {run.id}: the gate before {checkpoint.name} is closed; it needs an approval "
                f"of digest {run.digest[:16]} first (module raywright.fleet.approval)"
            )


def _gated(policy: Mapping[str, Any]) -> set[str]:
    """The checkpoints with a gate, from the policy: the digest covers it, and not the ledger's row of a checkpoint."""
    return {each["name"] for each in policy["stages"] if each["approval"]} | (
        {PLAN} if policy["approval"] == PLAN else set()
    )


def _opened(ledger: Ledger, run: Run, checkpoint: Checkpoint) -> bool:
    if checkpoint.state in {"pending", "running"}:
        # This refuses an approval that no event of the ledger supports.
        return ledger.open_gate(run_id=run.id, checkpoint=checkpoint.name, digest=run.digest) is not None
    used = ledger.approvals(run_id=run.id, states=["used"])
    return any(each.checkpoint == checkpoint.name and each.digest == run.digest for each in used)


def check_order(ledger: Ledger, run: Run, stage: str) -> None:
    """Raise ``LedgerError`` when a stage before this one did not pass."""
    for checkpoint in ledger.checkpoints(run.id):
        if checkpoint.name == stage:
            return
        if checkpoint.name != PLAN and checkpoint.state not in {"passed", "skipped"}:
            raise LedgerError(
                f"Stage {stage} of run {run.id} cannot start: stage {checkpoint.name} before it is {checkpoint.state}"
            )
    raise LedgerError(f"Run {run.id} has no stage {stage!r}")


def remaining(
    targets: Sequence[Target], stage: str, *, first: bool, resumed: bool, events: Iterable[Mapping[str, Any]]
) -> Remaining:
    """Compare the ledger with the journal of earlier tries, given as ``events``, and say what is left.

    ``resumed``: the stage had begun. Without a journal (it was on a machine that is gone) every open device of such a
    stage may have been touched.
    """
    mine = {target.name: target for target in targets if target.checkpoint == stage}
    dispatched: set[str] = set()
    journal = False
    for event in events:
        journal = True
        if event["event"] == "dispatched":
            dispatched.update(event["names"])
    push = tuple(name for name, target in mine.items() if is_open(target))
    on_trial = frozenset(name for name in push if mine[name].detail.get("unconfirmed"))
    return Remaining(
        push=push,
        touched=(frozenset(push) & dispatched) | on_trial if journal or not resumed else frozenset(push),
        validate=tuple(name for name, target in mine.items() if target.outcome in _AS_WANTED and name not in on_trial),
        targets=mine,
        breaker=tally(targets, stage, first=first),
        holding=holding(targets, stage),
    )


def tally(
    targets: Iterable[Target],
    stage: str,
    *,
    first: bool,
    outcomes: Mapping[str, str] | None = None,
    spared: Collection[str] = (),
) -> dict[str, Any]:
    """Count a run for its breaker.

    ``outcomes`` are newer ones of the stage's devices than the targets hold, when the stage has run; ``spared`` are
    those of them that were not touched for the sake of their redundancy group, and so count as never started.
    """
    counted = dict.fromkeys(("fleet", "fleet_failed", "stage_missing", "started", "failed"), 0)
    strata: dict[str, tuple[int, int]] = {}
    for target in targets:
        counted["fleet"] += 1
        mine = target.checkpoint == stage
        outcome = (outcomes or {}).get(target.name, target.outcome) if mine else target.outcome
        failed = outcome in _LOST
        if target.detail.get("held_for") or (mine and target.name in spared):
            continue
        if not target.detail.get("change"):
            # It could not be read when the plan was made, and was never part of what is pushed.
            counted["stage_missing" if mine and first else "fleet_failed"] += failed
        elif outcome != "pending" and not (mine and outcomes is None and is_open(target)):
            counted["failed" if mine else "fleet_failed"] += failed
            counted["started"] += mine
            for stratum in target.detail.get("strata", ()):
                tried, lost = strata.get(stratum, (0, 0))
                strata[stratum] = tried + 1, lost + failed
    return {**counted, "strata": strata}


def catch_up(recorder: Recorder, events: Iterable[Mapping[str, Any]], mine: Mapping[str, Target]) -> None:
    """Record outcomes that an earlier engine wrote into its journal and nobody into the ledger."""
    last: dict[str, Mapping[str, Any]] = {}
    for event in events:
        if event["event"] == "dispatched":
            for name in event["names"]:
                last.pop(name, None)
        elif event["event"] == "outcome" and is_open(mine[event["name"]]):
            last[event["name"]] = event
    for event in last.values():
        recorder.take(event)
    recorder.flush()


def open_change(key: FleetKey, target: Target, blob: bytes, mode: str) -> tuple[str, list[str]]:
    """Unseal a device's change and make sure that it is the one the digest covers."""
    change = vault.unseal(key, blob, vault.CHANGE)
    wanted, diff = change["wanted"], change["diff"]
    if vault.change_fingerprint(key, mode, wanted, diff) != target.detail.get("change"):
        raise LedgerError(
            f"{target.name}: the change in the ledger is not the one that was planned: somebody edited it. "
            "Nothing is sent; abandon the run and plan again"
        )
    return wanted, diff


def judge(recorder: Recorder, breaker: Breaker, tripped: str | None, checked: int) -> tuple[Verdict, str]:
    """The verdict on a stage that has run to its end, and why.

    Devices that no longer pass their checks count as failures: out of those checked, and, with everything else that
    failed, out of the stage and the fleet. ``inconclusive`` never becomes ``passed``.
    """
    regressed = len(recorder.failing)
    said = "; ".join(f"{name}: {reason}" for name, reason in list(recorder.failing.items())[:_SHOWN])
    said += f"; and {regressed - _SHOWN} more" if regressed > _SHOWN else ""
    breaker.tripped = breaker.tripped or tripped
    breaker.close(checked=checked, regressed=regressed)
    if breaker.tripped:
        return "failed", f"{breaker.tripped}: {said}" if said else breaker.tripped
    if recorder.inconclusive:
        name, reason = next(iter(recorder.inconclusive.items()))
        return "inconclusive", f"{counted(len(recorder.inconclusive), 'device')} could not be judged: {name}: {reason}"
    return "passed", f"{counted(regressed, 'device')} failed the checks: {said}" if regressed else ""
