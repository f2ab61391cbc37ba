# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes what an engine tells into the ledger, in batches."""

import base64
from collections.abc import Mapping
from typing import Any

from ..ledger.ledger import Ledger
from ..ledger.records import Outcome, Target
from .job import Result

_BATCH = 500
_GOOD = frozenset({"changed", "unchanged"})


class Recorder:
    """Collects the outcomes of one checkpoint; ``flush`` writes them. Call it at least every second or two."""

    def __init__(self, ledger: Ledger, run_id: str, checkpoint: str, targets: Mapping[str, Target]) -> None:
        self._ledger = ledger
        self._run = run_id
        self._checkpoint = checkpoint
        self._targets = dict(targets)
        self._waiting: dict[str, Outcome] = {}
        self.outcomes: dict[str, str] = {name: target.outcome for name, target in targets.items()}
        self.failing: dict[str, str] = {}
        """Devices that did not pass their checks, and why."""
        self.inconclusive: dict[str, str] = {}
        self.spared: set[str] = set()
        """Devices that were not touched for the sake of their redundancy group."""
        self.mark: Mapping[str, Any] = {}
        """What is recorded of every device whose outcome comes in."""

    def take(self, event: Mapping[str, Any]) -> None:
        """Take one event of the engine; events that are no outcome are left alone."""
        if event["event"] == "outcome":
            self._outcome(Result.from_dict(_fields(event)))
        elif event["event"] == "checked":
            self._checked(Result.from_dict(_fields(event)))
        # Not each time from then on: a ledger that is away would be asked for every device.
        if self._waiting and len(self._waiting) % _BATCH == 0:
            self.flush()

    def _outcome(self, result: Result) -> None:
        told: dict[str, Any] = {"attempts": result.attempts, "seconds": result.seconds, **self.mark}
        known = self._known(result.name)
        if result.outcome != "rolled_back" or self.outcomes[result.name] in _GOOD or not known.get("reason"):
            # Why a device was rolled back stays on record, where that is what was wrong with it.
            told["reason"] = result.reason
        if result.unconfirmed or known.get("unconfirmed"):
            told["unconfirmed"] = result.unconfirmed
        if result.restoring or known.get("restoring"):
            told["restoring"] = result.restoring
        told |= {"after": result.after} if result.after else {}
        told |= {"read_back": result.read_back} if result.read_back else {}
        if result.held_for or known.get("held_for"):
            told["held_for"] = result.held_for
        if result.held_for:
            self.spared.add(result.name)
        self._put(result.name, result.outcome, told)

    def _checked(self, result: Result) -> None:
        if result.outcome == "passed":
            return
        if result.outcome == "inconclusive":
            self.inconclusive[result.name] = result.reason
            return
        self.failing[result.name] = result.reason
        self._put(result.name, "failed", {"reason": f"did not pass its checks: {result.reason}", "regressed": True})

    def _put(self, name: str, outcome: str, told: Mapping[str, Any]) -> None:
        self.outcomes[name] = outcome
        self._waiting[name] = Outcome(name=name, outcome=outcome, detail={**self._known(name), **told})

    def _known(self, name: str) -> Mapping[str, Any]:
        return self._waiting[name].detail if name in self._waiting else self._targets[name].detail

    def reason(self, name: str) -> str:
        """Why a device has the outcome that it has, so far as is known."""
        return str(self._known(name).get("reason", ""))

    @property
    def unconfirmed(self) -> list[str]:
        """Devices whose change is on trial, so far as is known."""
        return [name for name in self._targets if self._known(name).get("unconfirmed")]

    def flush(self) -> None:
        if self._waiting:
            self._ledger.record_outcomes(self._run, self._checkpoint, list(self._waiting.values()))
            for name, outcome in self._waiting.items():
                old = self._targets[name]
                self._targets[name] = Target(old.run_id, old.checkpoint, name, outcome.outcome, dict(outcome.detail))
            self._waiting = {}


def blobs_of(result: Result) -> dict[str, bytes]:
    return {kind: base64.b64decode(text) for kind, text in result.sealed.items()}


def _fields(event: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in event.items() if key not in {"seq", "event"}}
