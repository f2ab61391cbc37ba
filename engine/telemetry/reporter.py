# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns a run's events into what is shown and logged. One thread calls it; nothing here waits or looks at a clock."""

from collections.abc import Callable, Mapping
from typing import Any

from . import paint
from .log import EventLog
from .terminal import LiveLine
from .tracker import Tracker

_REPAINT = 0.095
"""Seconds between two paintings: ten a second look alive, more only cost."""


class Reporter:
    """``say`` prints a line that stays; ``live`` is the line that moves, where there is a terminal for it.

    Without ``live`` a line is said when a phase begins and then every ``interval`` seconds; with neither nothing is
    shown.
    """

    def __init__(
        self,
        *,
        say: Callable[[str], None] | None,
        live: LiveLine | None = None,
        log: EventLog | None = None,
        interval: float = 30.0,
        signs: paint.Signs = paint.ASCII,
        colour: paint.Colour = paint.plain,
    ) -> None:
        self._say = say or (lambda _line: None)
        self._live, self._log, self._interval = live, log, interval
        self._signs, self._colour = signs, colour
        self._trackers: dict[str, Tracker] = {}
        self._now: Tracker | None = None
        self._active = self._over = False
        self._phase = ""
        self._said = self._painted = float("-inf")

    def handle(self, event: Mapping[str, Any], now: float) -> None:
        """Take one event, of the channel or of Ansible; kinds that are not known are only logged."""
        kind = event.get("event")
        if kind == "phase":
            self._phase_begins(event, now)
        elif kind == "progress" and self._now:
            self._now.progress(event, now)
            self._active = True
        if self._log:
            self._log.write(event, run=self._now.run if self._now else "", phase=self._phase)
        if kind == "phase_end" and self._now:
            self._phase_ends(event, now)
        elif kind == "note":
            self._say(paint.printable(str(event.get("text", ""))))
        elif kind == "playbook_end":
            self._over = True
        elif kind == "task_start":
            # The task before was killed, or it failed before it could say that its phase has ended.
            self._rest()
        self.tick(now)

    def tick(self, now: float) -> None:
        """Paint, or say a line when it is time for one; to be called about ten times a second."""
        if not self._active or self._now is None:
            return
        if self._live:
            if now - self._painted < _REPAINT:
                return
            self._painted = now
            view = self._now.view(now)
            width = self._live.width
            tick = int(now * 10)
            self._live.paint(paint.progress_bar(view, width, signs=self._signs, tick=tick, colour=self._colour))
        elif now - self._said >= self._interval:
            self._said = now
            self._say(paint.line(self._now.view(now)))

    def finish(self, now: float) -> None:
        """Say how each run stands, and what becomes of one that is left; nothing where there was none."""
        left = None if self._over else self._now
        self._rest()
        for tracker in self._trackers.values():
            if tracker.fleet.total and tracker.began is not None:
                self._say(paint.summary(tracker.run, tracker.fleet, now - tracker.began, colour=self._colour))
        if left:
            # Only while the plan is made: once it has ended, a stage may have begun that was not heard of yet.
            self._say(paint.left(left.run, planning=self._phase == "plan"))

    def _phase_begins(self, event: Mapping[str, Any], now: float) -> None:
        run = paint.printable(str(event.get("run") or "")) or (self._now.run if self._now else "")
        self._now = self._trackers.setdefault(run, Tracker(run))
        self._now.phase(event, now)
        self._phase, self._active = str(event.get("phase", "")), True
        if not self._live:
            self._said = now
            self._say(paint.begun(self._now.view(now)))

    def _phase_ends(self, event: Mapping[str, Any], now: float) -> None:
        if self._now is None:
            return
        self._rest()
        seconds = event.get("seconds")
        self._say(
            paint.ended(
                self._now.view(now),
                str(event.get("verdict") or ""),
                float(seconds) if isinstance(seconds, (int, float)) else None,
                signs=self._signs,
                colour=self._colour,
            )
        )
        self._phase = ""

    def _rest(self) -> None:
        self._active = False
        if self._live:
            self._live.clear()
