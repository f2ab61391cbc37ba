# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Private to this collection: the ledger's records as text for a terminal."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from ansible_collections.raywright.fleet.engine.wording import about, counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ansible_collections.raywright.fleet.engine.gates import Approval
    from ansible_collections.raywright.fleet.engine.ledger import Checkpoint, Run, Verification

_OUTCOMES_SHOWN_LAST = ("pending",)
_TROUBLES = 20


def clean(text: object) -> str:
    """Take out what would steer a terminal: the ledger's text was written by others."""
    return "".join(each for each in str(text) if each == "\n" or unicodedata.category(each)[0] != "C")


def request(run: Run, approval: Approval, summary: str | None) -> str:
    """What somebody who decides must see."""
    destroys = "yes: this checkpoint destroys data; the risk must be acknowledged" if approval.destructive else "no"
    rows = {
        "run": f"{run.id} ({run.name})",
        "requested by": approval.requester,
        "checkpoint": approval.checkpoint,
        "destructive": destroys,
        "digest": approval.digest,
        "approval": f"{approval.id}, {approval.state}, until {approval.expires:%Y-%m-%d %H:%M:%S} UTC",
    }
    lines = [f"  {name + ':':<14}{clean(value)}" for name, value in rows.items()]
    if summary:
        lines += ["", *(f"  {line}" for line in clean(summary).splitlines())]
    return "\n".join(lines)


def runs(listed: Sequence[Run]) -> str:
    if not listed:
        return "The ledger has no runs."
    lines = [f"{'RUN':<13}{'STATE':<13}{'BEGUN (UTC)':<21}{'REQUESTER':<14}NAME"]
    lines += [
        f"{run.id:<13}{run.state:<13}{run.created:%Y-%m-%d %H:%M:%S}  {clean(run.requester):<14}{clean(run.name)}"
        for run in listed
    ]
    return "\n".join(lines)


def one_run(
    run: Run,
    checkpoints: Sequence[Checkpoint],
    counts: Mapping[str, Mapping[str, int]],
    approvals: Sequence[Approval],
    troubles: Sequence[Mapping[str, str]],
    *,
    on_trial: int = 0,
) -> str:
    lines = [
        f"Run {run.id} of {clean(run.name)} ({clean(run.kind)}): {run.state}",
        f"  requested by {clean(run.requester)}, begun {run.created:%Y-%m-%d %H:%M:%S} UTC, digest {run.digest[:16]}",
    ]
    if any("rollback" in each.detail and each.state == "running" for each in checkpoints):
        lines.append(
            "  a rollback of it is at work, or was interrupted: then the same command goes on with it "
            f"(raywright.fleet.rollback -e run={run.id})"
        )
    if on_trial:
        lines.append(
            f"  on trial when last heard of: {counted(on_trial, 'device')}; they revert unless they are confirmed"
        )
    if checkpoints:
        width = max(len("CHECKPOINT"), *(len(each.name) for each in checkpoints)) + 2
        lines += ["", f"  {'CHECKPOINT':<{width}}{'STATE':<9}{'SECONDS':>8}  OUTCOMES"]
        lines += [line for each in checkpoints for line in _checkpoint(each, counts.get(each.name, {}), width)]
    if troubles:
        lines += ["", "  NOT AS WANTED"]
        shown = troubles[:_TROUBLES]
        lines += [f"    {clean(each['outcome'])}: {clean(about(each['name'], each['reason']))}" for each in shown]
        more = len(troubles) - _TROUBLES
        lines += [f"    and {more} more: status_format=json has them all"] if more > 0 else []
    if approvals:
        lines += ["", "  APPROVALS"]
        lines += [line for approval in approvals for line in _approval(approval)]
    return "\n".join(lines)


def _checkpoint(checkpoint: Checkpoint, counts: Mapping[str, int], width: int) -> Iterator[str]:
    took = _seconds(checkpoint)
    seconds = "" if took is None else f"{took:.1f}"
    ordered = sorted(counts, key=lambda outcome: (outcome in _OUTCOMES_SHOWN_LAST, -counts[outcome]))
    outcomes = ", ".join(f"{counts[outcome]} {outcome}" for outcome in ordered)
    named = f"  {clean(checkpoint.name):<{width}}{checkpoint.state:<9}"
    yield f"{named}{seconds:>8}  {outcomes}".rstrip()
    if checkpoint.verdict and checkpoint.verdict != checkpoint.state:
        yield f"    {clean(checkpoint.verdict)}"


def _seconds(checkpoint: Checkpoint) -> float | None:
    """How long it took; of a plan, to make it: its checkpoint is there from then on, and waits for an approval."""
    if planned := checkpoint.detail.get("engine", {}).get("seconds") if checkpoint.name == "plan" else None:
        return float(planned)
    if checkpoint.started and checkpoint.ended:
        return (checkpoint.ended - checkpoint.started).total_seconds()
    return None


def _approval(approval: Approval) -> Iterator[str]:
    yield f"  {approval.id}  {clean(approval.checkpoint)}: {approval.state}, requested by {clean(approval.requester)}"
    if approval.decided_by:
        word = "rejected" if approval.state == "rejected" else "approved"
        flags = " RISK ACKNOWLEDGED" if approval.risk_acknowledged else ""
        flags += " BREAK GLASS" if approval.break_glass else ""
        when = f"{approval.decided:%Y-%m-%d %H:%M:%S} UTC" if approval.decided else ""
        yield f"    {word} by {clean(approval.decided_by)} ({approval.door}) {when}{flags}"
        for line in clean(approval.reason or "").splitlines():
            yield f'    "{line}"'


def verification(found: Verification) -> str:
    if found.ok:
        return f"The record is whole: {found.events} events, chain verified, newest {found.head[:16]}."
    where = f"broken at event {found.broken_at}" if found.broken_at is not None else "rows without events"
    return "\n".join([f"THE RECORD WAS CHANGED ({where}):", *(f"  {clean(problem)}" for problem in found.problems)])
