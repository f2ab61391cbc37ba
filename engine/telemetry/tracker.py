# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known about a run's progress: made from the events of the channel, read by whoever shows it.

Times come in as arguments (seconds of a monotonic clock), so that nothing here waits or looks at a clock.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

OUTCOMES: Final = (
    "changed",
    "unchanged",
    "failed",
    "rejected",
    "unreachable",
    "unknown",
    "held_back",
    "rolled_back",
)
"""The order in which counts are shown; outcomes that are not listed come after them."""

Counts = dict[str, int]


class Pace:
    """The rate over a sliding window.

    Devices done in the last ``window`` seconds, divided by those seconds. The time since the last device counts, so
    the rate sinks while nothing happens. Not known before ``least_seconds`` and ``least_done`` devices: the first ones
    of a stage all end at the same time, and what one could say then would be off by the concurrency.
    """

    def __init__(self, *, window: float = 30.0, least_seconds: float = 2.0, least_done: int = 3) -> None:
        self._window = window
        self._least_seconds = least_seconds
        self._least_done = least_done
        self._samples: deque[tuple[float, int]] = deque()

    def add(self, now: float, done: int) -> None:
        samples = self._samples
        if samples and done < samples[-1][1]:
            samples.clear()
        samples.append((now, done))
        self._forget(now)

    def rate(self, now: float) -> float | None:
        """Return devices per second, ``None`` while it is not known."""
        if not self._samples:
            return None
        self._forget(now)
        start, first = self._samples[0]
        done, seconds = self._samples[-1][1] - first, now - start
        if seconds < self._least_seconds or done < self._least_done:
            return None
        return done / seconds

    def _forget(self, now: float) -> None:
        # The newest sample from before the window stays: where news is rare, it is what the next is compared with.
        while len(self._samples) > 1 and self._samples[1][0] <= now - self._window:
            self._samples.popleft()


@dataclass(slots=True)
class Tally:
    """How far one thing is: a phase, or the whole run."""

    total: int = 0
    done: int = 0
    outcomes: Counts = field(default_factory=dict)

    def update(self, event: Mapping[str, Any]) -> None:
        self.total = _count(event.get("total"), self.total)
        self.done = _count(event.get("done"), self.done)
        outcomes = event.get("outcomes")
        if isinstance(outcomes, Mapping):
            known = {str(name): _count(count, 0) for name, count in outcomes.items()}
            ordered = (*OUTCOMES, *sorted(known.keys() - set(OUTCOMES) - {"pending"}))
            self.outcomes = {name: known[name] for name in ordered if known.get(name)}

    @property
    def share(self) -> float:
        return min(1.0, self.done / self.total) if self.total else 0.0

    @property
    def left(self) -> int:
        return max(0, self.total - self.done)


@dataclass(frozen=True, slots=True)
class View:
    """A moment of a run, ready to be shown."""

    run: str
    phase: str
    name: str
    step: Tally
    fleet: Tally
    seconds: float
    rate: float | None
    eta: float | None
    """Seconds until the phase ends: devices left, divided by the rate; ``None`` while the rate is not known."""
    fleet_eta: float | None
    """Seconds until every device is done, at the last rate known; waiting between stages is not in it."""


class Tracker:
    """Follows one run through its phases."""

    def __init__(self, run: str = "") -> None:
        self.run = run
        self.fleet = Tally()
        self.began: float | None = None
        self._phase = self._name = ""
        self._step = Tally()
        self._since = 0.0
        self._pace = Pace()
        self._last_rate: float | None = None

    def phase(self, event: Mapping[str, Any], now: float) -> None:
        self._phase, self._name = str(event.get("phase", "")), str(event.get("name", ""))
        self._step, self._since, self._pace = Tally(), now, Pace()
        self.began = now if self.began is None else self.began
        self._take(event, now)

    def progress(self, event: Mapping[str, Any], now: float) -> None:
        self._take(event, now)

    def view(self, now: float) -> View:
        rate = self._pace.rate(now)
        self._last_rate = rate or self._last_rate
        return View(
            run=self.run,
            phase=self._phase,
            name=self._name,
            step=self._step,
            fleet=self.fleet,
            seconds=now - self._since,
            rate=rate,
            eta=_until_done(self._step, rate),
            fleet_eta=_until_done(self.fleet, self._last_rate) if self._phase == "stage" else None,
        )

    def _take(self, event: Mapping[str, Any], now: float) -> None:
        self._step.update(event)
        fleet = event.get("fleet")
        if isinstance(fleet, Mapping):
            self.fleet.update(fleet)
        self._pace.add(now, self._step.done)


def _until_done(tally: Tally, rate: float | None) -> float | None:
    if tally.total and not tally.left:
        return 0.0
    return tally.left / rate if rate and tally.total else None


def _count(value: Any, otherwise: int) -> int:
    """Take a count that another process sent: a whole number, or what was known before."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else otherwise
