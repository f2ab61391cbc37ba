# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Private to this collection: a run of checkpoints as data and as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.raywright.fleet.plugins.plugin_utils._table import table
from ansible_collections.raywright.fleet.plugins.plugin_utils._text import clean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ansible_collections.raywright.fleet.engine.ledger import Checkpoint, Ledger, Run
    from ansible_collections.raywright.fleet.plugins.plugin_utils._marks import Mark

_DONE = ("changed", "unchanged")
_LONGEST = 240
_UNTIL_NOW = "not done yet"

Row = dict[str, Any]


def of_run(ledger: Ledger, run: Run) -> list[Row]:
    """Return a row for each checkpoint of a run."""
    counts = ledger.counts(run.id)
    return [_row(ledger, run, each, counts.get(each.name, {})) for each in ledger.checkpoints(run.id)]


def newest(ledger: Ledger, name: str, checkpoints: Sequence[str]) -> list[Row]:
    """Return a row for each checkpoint, from the run in which it was last at work: the whole one, or one of its own."""
    runs = ledger.runs(limit=1000)
    whole = ledger.open_run(name) or next((each for each in runs if each.name == name), None)
    rows = []
    for checkpoint in checkpoints:
        alone = next((each for each in runs if each.name == f"{name}:{checkpoint}"), None)
        found = [
            (each.ended or each.started, run, each)
            for run in (whole, alone)
            if run is not None
            for each in ledger.checkpoints(run.id)
            if each.name == checkpoint
        ]
        found.sort(key=lambda entry: (entry[0] is not None, entry[0]))
        if not found:
            rows.append(_blank(checkpoint, _UNTIL_NOW))
            continue
        _at, run, row = found[-1]
        rows.append(_row(ledger, run, row, ledger.counts(run.id).get(checkpoint, {})))
    return rows


def unknown(checkpoints: Sequence[str]) -> list[Row]:
    """Return the rows where there is no ledger yet."""
    return [_blank(name, _UNTIL_NOW) for name in checkpoints]


def predicted(selected: Sequence[str], marked: Mapping[str, Mark]) -> list[Row]:
    """Return the rows of check mode: a checkpoint is ready for the hosts that came to its end."""
    rows = []
    for name in selected:
        done = sum(name in mark.done for mark in marked.values())
        lost = [
            {"host": host, "outcome": mark.outcome, "task": mark.task, "reason": mark.reason}
            for host, mark in marked.items()
            if mark.lost and mark.checkpoint == name
        ]
        rows.append({**_blank(name, "checked"), "outcomes": {"would be done": done} if done else {}, "lost": lost})
    return rows


def text(report: Mapping[str, Any]) -> str:
    title = f"Run {report['run']} of {clean(report['name'])}: {report['state']}" if report["run"] else report["name"]
    seconds = report.get("seconds")
    shown = [
        (
            row["name"],
            row["state"],
            "" if row["seconds"] is None else f"{row['seconds']:.1f}",
            ", ".join(f"{count} {outcome.replace('_', ' ')}" for outcome, count in row["outcomes"].items()),
            _decision(row),
        )
        for row in report["checkpoints"]
    ]
    lines = [title + (f"; {seconds:.1f} s in all" if seconds is not None else "")]
    lines += table(("CHECKPOINT", "STATE", "SECONDS", "HOSTS", "REMARKS"), shown)
    lines += [
        f"  ! {clean(lost['host'])}: {lost['outcome']} in {row['name']}: {clean(_why(lost))}"
        for row in report["checkpoints"]
        for lost in row["lost"]
    ]
    return "\n".join(lines)


def _row(ledger: Ledger, run: Run, checkpoint: Checkpoint, counts: Mapping[str, int]) -> Row:
    took = (checkpoint.ended - checkpoint.started).total_seconds() if checkpoint.started and checkpoint.ended else None
    asked = [each for each in ledger.approvals(run_id=run.id) if each.checkpoint == checkpoint.name]
    approval = asked[-1] if asked else None
    return {
        "name": checkpoint.name,
        "state": checkpoint.state,
        "run": run.id,
        "seconds": took,
        "outcomes": dict(counts),
        "lost": [
            {
                "host": target.name,
                "outcome": target.outcome,
                "task": str(target.detail.get("task", "")),
                "reason": str(target.detail.get("reason", "")),
            }
            for target in ledger.targets(run.id, checkpoint=checkpoint.name)
            if target.outcome not in (*_DONE, "pending") or (target.outcome == "pending" and target.detail)
        ],
        "note": str(checkpoint.detail.get("note", "")),
        "approval": approval
        and {
            "id": approval.id,
            "state": approval.state,
            "approver": approval.decided_by,
            "reason": approval.reason,
            "risk_acknowledged": approval.risk_acknowledged,
            "break_glass": approval.break_glass,
        },
    }


def _blank(name: str, state: str) -> Row:
    return {
        "name": name,
        "state": state,
        "run": None,
        "seconds": None,
        "outcomes": {},
        "lost": [],
        "note": "",
        "approval": None,
    }


def _decision(row: Row) -> str:
    approval = row["approval"]
    said = [clean(row["note"])] if row["note"] else []
    if approval and approval["approver"]:
        word = "rejected" if approval["state"] == "rejected" else "approved"
        said.append(f"{word} by {clean(approval['approver'])}" + (" BREAKING GLASS" if approval["break_glass"] else ""))
    elif approval and approval["state"] == "pending":
        said.append(f"waits for approval {approval['id']}")
    return "; ".join(said)


def _why(lost: Mapping[str, str]) -> str:
    why = " ".join(": ".join(part for part in (lost["task"], lost["reason"]) if part).split())
    return why if len(why) <= _LONGEST else f"{why[:_LONGEST]}..."
