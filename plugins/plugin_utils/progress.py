# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Telling how far a run is. With the callback ``raywright.fleet.progress`` it shows a bar; without it, lines."""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING, Any, Self

from ansible_collections.raywright.fleet.engine.telemetry.channel import VARIABLE, Sender
from ansible_collections.raywright.fleet.engine.telemetry.reporter import Reporter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_LEAST_SECONDS = 0.1


class Progress:
    """Sends events to the callback. Never raises and never waits; a broken display must not break a run.

    :param display: prints one line; ``Display().display``. Used where no callback listens.
    """

    def __init__(self, sender: Sender | None, display: Callable[[str], None], *, interval: float = 30.0) -> None:
        self._sender = sender
        # Follows every event silently while the callback listens, in case that ends in the middle of a phase.
        self._lines = Reporter(say=lambda text: None if self._sender else display(text), interval=interval)
        self._held: tuple[int, Mapping[str, int], Any] | None = None
        self._sent = 0.0

    @classmethod
    def from_environment(
        cls,
        *,
        display: Callable[[str], None],
        environ: Mapping[str, str] | None = None,
        interval: float = 30.0,
    ) -> Self:
        """Use the callback's socket where the environment names one."""
        path = (os.environ if environ is None else environ).get(VARIABLE)
        try:
            sender = Sender(path) if path else None
        except OSError:
            sender = None
        return cls(sender, display, interval=interval)

    def phase(self, phase: str, name: str, *, total: int, run: str, fleet: Mapping[str, Any] | None = None) -> None:
        """Begin a phase: ``plan``, ``stage``, ``soak``, ``validate``, ``rollback`` or ``approval`` of a stage.

        :param total: devices of this phase; 0 where they are not counted.
        :param fleet: ``total``, ``done`` and ``outcomes`` of the whole run.
        """
        self._held = None
        self._tell({"event": "phase", "run": run, "phase": phase, "name": name, "total": total} | _fleet(fleet))

    def progress(
        self,
        done: int,
        outcomes: Mapping[str, int],
        *,
        fleet: Mapping[str, Any] | Callable[[], Mapping[str, Any]] | None = None,
    ) -> None:
        """Tell how many devices of the phase are done, by outcome; to be called as often as one likes.

        At most ten a second are sent, the last one before the phase's end always.

        :param fleet: also a function that counts the fleet; called only for what is sent.
        """
        self._held = (done, outcomes, fleet)
        if time.monotonic() - self._sent >= _LEAST_SECONDS:
            self._send_held()

    def phase_end(self, name: str, *, verdict: str = "passed", seconds: float | None = None) -> None:
        """End the phase with what became of it."""
        self._send_held()
        self._tell({"event": "phase_end", "name": name, "verdict": verdict, "seconds": seconds})

    def note(self, text: str) -> None:
        """Print one line, such as what is waited for."""
        self._send_held()
        self._tell({"event": "note", "text": text})

    def tick(self) -> None:
        """Say that it goes on; to be called in loops that wait, so that no job is killed for its silence."""
        self._send_held()
        with contextlib.suppress(Exception):
            self._lines.tick(time.monotonic())

    def _send_held(self) -> None:
        if self._held is not None:
            (done, outcomes, fleet), self._held, self._sent = self._held, None, time.monotonic()
            counted = fleet() if callable(fleet) else fleet
            self._tell({"event": "progress", "done": done, "outcomes": dict(outcomes)} | _fleet(counted))

    def _tell(self, event: dict[str, Any]) -> None:
        if self._sender is not None and not self._sender.send(event):
            self._sender.close()
            self._sender = None
        with contextlib.suppress(Exception):  # whatever is wrong with the display, the run goes on
            self._lines.handle(event, time.monotonic())


def _fleet(fleet: Mapping[str, Any] | None) -> dict[str, Any]:
    return {} if fleet is None else {"fleet": dict(fleet)}
