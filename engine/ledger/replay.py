# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the rows must look like if the events are true. Pure: events in, expected rows out."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from ..gates import Approval
from .chain import Link, stamp

Fields = dict[str, Any]


class Replay:
    """Folds events, in order, into the rows of runs, checkpoints and approvals."""

    def __init__(self) -> None:
        self.runs: dict[str, Fields] = {}
        self.checkpoints: dict[tuple[str, str], Fields] = {}
        self.approvals: dict[str, Fields] = {}

    def apply(self, event: Link) -> None:
        data = json.loads(event.data)
        run_id = event.run_id or ""
        group = event.kind.partition(".")[0]
        if group == "run":
            self.runs.setdefault(run_id, {}).update(data["set"])
        elif group == "plan":
            self.runs.setdefault(run_id, {}).update(data["set"])
            for stale in [key for key in self.checkpoints if key[0] == run_id]:
                del self.checkpoints[stale]
            self.checkpoints.update({(run_id, name): dict(new) for name, new in data["checkpoints"].items()})
        elif group == "checkpoint":
            self.checkpoints.setdefault((run_id, data["checkpoint"]), {}).update(data["set"])
        elif group == "approval":
            self.approvals.setdefault(data["approval"], {}).update(data["set"])


def fold_approvals(events: Iterable[Link]) -> dict[str, Fields]:
    replay = Replay()
    for event in events:
        replay.apply(event)
    return replay.approvals


def fold_targets(events: Iterable[Link]) -> dict[tuple[str, str], str]:
    """Fold the events of one run into the outcome of each target, by checkpoint and name."""
    outcomes: dict[tuple[str, str], str] = {}
    for event in events:
        data = json.loads(event.data)
        if event.kind == "plan.set":
            outcomes.clear()
        if event.kind in {"plan.set", "targets.added"}:
            for checkpoint, of in data["targets"].items():
                outcomes.update({(checkpoint, name): outcome for outcome, names in of.items() for name in names})
        elif event.kind == "targets.moved":
            checkpoint = data["checkpoint"]
            outcomes.update(
                {(checkpoint, name): outcome for outcome, names in data["targets"].items() for name in names}
            )
    return outcomes


def approval_fields(approval: Approval) -> Fields:
    """Return an approval as its events keep it."""
    return {
        name: stamp(value) if isinstance(value, datetime) else value
        for name, value in asdict(approval).items()
        if name != "id"
    }
