# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The circuit breaker.

What counts as a failure: failed, rejected, unreachable, unknown, held back, and a device that no longer passes its
checks. Two limits, both the same percentage:

* **fleet-wide**: failures of the whole run, out of all its devices, however few were tried so far;
* **per stage**: failures of the stage, out of the devices started in it. It is looked at while the stage runs once
  ``min_sample`` devices were started, and when it ends whatever its size: a canary of one that fails is a failure.

A device that already was unreachable when the plan was made says nothing about the change: it counts fleet-wide, and
in the canary (the first stage), which must be whole to prove anything, but not in the rate of later stages. A canary
smaller than ``min_sample`` may miss one device. A canary that cannot pass any more is not begun.

After the limit is crossed no device is started. Those in flight are finished, so at most ``concurrency`` devices, less
the one whose failure crossed the limit, are touched after it.
"""

from dataclasses import dataclass, field

FAILURES = frozenset({"failed", "rejected", "unreachable", "unknown", "held_back"})


@dataclass(slots=True)
class Breaker:
    """Counts one stage. Percentages of devices; ``tripped`` is the reason, or ``None`` while closed."""

    max_failure_percentage: float
    min_sample: int
    fleet: int
    fleet_failed: int = 0
    """Failures of the run before this stage."""
    stage_missing: int = 0
    """Devices of this stage that were unreachable at plan time and count in its rate (the canary's)."""
    started: int = 0
    failed: int = 0
    tripped: str | None = field(default=None)

    def start(self, devices: int = 1) -> None:
        self.started += devices

    def finish(self, outcome: str) -> None:
        """Count an outcome; may trip."""
        if outcome in FAILURES:
            self.failed += 1
        if self.tripped is None:
            self.tripped = self._fleet() or (self._stage() if self._sample() >= self.min_sample else None)

    def close(self) -> None:
        """The stage has ended: its rate counts whatever its size."""
        if self.tripped is None:
            self.tripped = self._fleet() or self._stage()

    def _sample(self) -> int:
        return self.started + self.stage_missing

    def _fleet(self) -> str | None:
        failed = self.fleet_failed + self.stage_missing + self.failed
        return self._over(failed, self.fleet, "of the fleet") if self.fleet >= self.min_sample else None

    def _stage(self) -> str | None:
        return self._over(self.failed + self._missing(), self._sample(), "in this stage")

    def _missing(self) -> int:
        """A canary smaller than the minimum sample may miss one device: the others still prove something."""
        return 0 if self.stage_missing == 1 and self._sample() < self.min_sample else self.stage_missing

    def _over(self, failed: int, sample: int, where: str) -> str | None:
        if not sample or failed * 100 <= self.max_failure_percentage * sample:
            return None
        share = failed * 100 / sample
        return f"{failed} of {sample} devices failed {where} ({share:.0f}%, limit {self.max_failure_percentage:g}%)"
