# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The circuit breaker. What people read of it is ``docs/breaker.md``; the two say the same.

What counts as a failure: failed, rejected, unreachable, unknown, held back because it drifted, and a device that no
longer passes its checks. A device that was held back for the sake of its redundancy group was never started, and does
not count: what it waits for counted already. Three limits:

* **fleet-wide**: failures of the whole run, out of all its devices, however few were tried so far; in fleets of at
  least ``min_sample`` devices;
* **per stage**: failures of the stage, out of the devices started in it. It is looked at while the stage runs once
  ``min_sample`` devices were started, and when a wave of it ends whatever its size: a canary of one that fails is a
  failure. So is a wave of which more than the limit do not pass their checks;
* **per stratum**: failures of one platform, one value of a variable or one shape of change, out of its devices started
  in the whole run, once ``stratum_min_sample`` of them were. Its limit is one of its own, and higher: small strata of a
  large fleet have bad luck every day, but one that mostly fails is broken, however small a part of the fleet it is.

A device that already was unreachable when the plan was made says nothing about the change: it counts fleet-wide, and
in the canary (the first stage), which must be whole to prove anything, but not in the rate of later stages nor of its
strata. A canary smaller than ``min_sample`` may miss one device. A canary that cannot pass any more is not begun.

After a limit is crossed no device is started. Those in flight are finished: ``most_after`` says how many they can be.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

FAILURES = frozenset({"failed", "rejected", "unreachable", "unknown", "held_back"})

Count = tuple[int, int]
"""Devices started, and those of them that failed."""


def most_after(concurrency: int, largest_wave: int) -> int:
    """The largest number of devices that can be touched after a limit is crossed.

    All that are in flight at that moment, less the one whose failure crossed it: never more than ``concurrency`` are,
    and only devices of one wave are.
    """
    return max(0, min(concurrency, largest_wave) - 1)


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
    max_stratum_failure_percentage: float = 100.0
    stratum_min_sample: int = 1
    strata: Mapping[str, Count] = field(default_factory=dict)
    """What the run counted in each stratum before."""
    tripped: str | None = field(default=None)
    _strata: dict[str, Count] = field(init=False)

    def __post_init__(self) -> None:
        self._strata = {stratum: (started, failed) for stratum, (started, failed) in self.strata.items()}

    def start(self, devices: int = 1, strata: Iterable[str] = ()) -> None:
        """Count devices that are handed out; ``strata`` are those of all of them."""
        self.started += devices
        for stratum in strata:
            started, failed = self._strata.get(stratum, (0, 0))
            self._strata[stratum] = started + 1, failed

    def finish(self, outcome: str, strata: Iterable[str] = ()) -> None:
        """Count an outcome; may trip."""
        if outcome in FAILURES:
            self._fail(strata)
        if self.tripped is None:
            self.tripped = (
                self._fleet()
                or (self._stage() if self._sample() >= self.min_sample else None)
                or self._over_strata(strata)
            )

    def leave_out(self) -> None:
        """Have a device that was handed out count for nothing: it could not be reached to be restored."""
        self.started -= 1

    def regress(self, strata: Iterable[str] = ()) -> None:
        """Count a device that was fine and does not pass its checks: a failure of one that was started already."""
        self._fail(strata)
        if self.tripped is None:
            self.tripped = self._fleet() or self._over_strata(strata)

    def close(self, *, checked: int = 0, regressed: int = 0) -> None:
        """A wave has ended, of which ``regressed`` of ``checked`` do not pass: rates count whatever their size."""
        if self.tripped is None and regressed * 100 > self.max_failure_percentage * checked:
            self.tripped = f"{regressed} of {checked} devices do not pass their checks after the change"
        if self.tripped is None:
            self.tripped = self._fleet() or self._stage() or self._over_strata(self._strata)

    def _fail(self, strata: Iterable[str]) -> None:
        self.failed += 1
        for stratum in strata:
            started, failed = self._strata.get(stratum, (0, 0))
            self._strata[stratum] = started, failed + 1

    def _sample(self) -> int:
        return self.started + self.stage_missing

    def _fleet(self) -> str | None:
        failed = self.fleet_failed + self.stage_missing + self.failed
        return self._over(failed, self.fleet, "of the fleet") if self.fleet >= self.min_sample else None

    def _stage(self) -> str | None:
        return self._over(self.failed + self._missing(), self._sample(), "in this stage")

    def _over_strata(self, strata: Iterable[str]) -> str | None:
        """The first of these strata that is over its limit."""
        limit = self.max_stratum_failure_percentage
        for stratum in strata:
            started, failed = self._strata.get(stratum, (0, 0))
            if started >= self.stratum_min_sample and (said := _over(failed, started, f"of {stratum}", limit)):
                return said
        return None

    def _missing(self) -> int:
        """A canary smaller than the minimum sample may miss one device: the others still prove something."""
        return 0 if self.stage_missing == 1 and self._sample() < self.min_sample else self.stage_missing

    def _over(self, failed: int, sample: int, where: str) -> str | None:
        return _over(failed, sample, where, self.max_failure_percentage)


def _over(failed: int, sample: int, where: str, limit: float) -> str | None:
    if not sample or failed * 100 <= limit * sample:
        return None
    share = failed * 100 / sample
    return f"{failed} of {sample} devices failed {where} ({share:.0f}%, limit {limit:g}%)"
