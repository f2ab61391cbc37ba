# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Private to this collection: what the rollout's action plugins share: jobs, where they run, and following them."""

from __future__ import annotations

import contextlib
import os
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible.utils.display import Display
from ansible_collections.raywright.fleet.engine.errors import FleetError, LedgerAway, LedgerError
from ansible_collections.raywright.fleet.engine.wording import counted
from ansible_collections.raywright.fleet.plugins.plugin_utils.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from ansible_collections.raywright.fleet.engine.ledger import Ledger
    from ansible_collections.raywright.fleet.engine.rollout.job import Settings
    from ansible_collections.raywright.fleet.engine.rollout.recording import Recorder
    from ansible_collections.raywright.fleet.plugins.plugin_utils._devices import Reached
    from ansible_collections.raywright.fleet.plugins.plugin_utils._engine import EngineProcess

LEASE_SECONDS = 60.0
_HEARTBEAT_SECONDS = 10.0
_FLUSH_SECONDS = 1.0
_LEDGER_PATIENCE = 40.0
"""Seconds that the ledger may be away in the middle of a stage: less than a lease lasts, which it cannot renew then."""

display = Display()


def run_folder(run_id: str) -> Path:
    """The folder of a run on this machine: its journals and logs. Nothing in it is needed on another machine."""
    folder = Path.cwd() / ".raywright" / "runs" / run_id
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def journal_of(folder: Path, position: int, kind: str) -> Path:
    return folder / f"{position:02d}-{kind}.jsonl"


def header(settings: Settings, devices: Sequence[Reached], **more: Any) -> dict[str, Any]:
    """The first line of a job. The process that Ray lives for is the playbook's, our parent."""
    from ansible_collections.raywright.fleet.engine.processes import Process

    playbook = Process.of(os.getppid())
    return {
        "settings": settings.as_dict(),
        "controller": {"pid": playbook.pid, "started": playbook.started},
        "private_keys": list(_private_keys(devices)),
        **more,
    }


def task(kind: str, reached: Reached, keys: Mapping[str, int], **more: Any) -> dict[str, Any]:
    """One device's line of a job."""
    device = dict(reached.device)
    if device["private_key"] is not None:
        device["private_key"] = keys[device["private_key"]]
    return {"kind": kind, "device": device, "secrets": reached.secrets, "variables": reached.variables, **more}


def key_positions(devices: Sequence[Reached]) -> dict[str, int]:
    return {text: position for position, text in enumerate(_private_keys(devices))}


def _private_keys(devices: Sequence[Reached]) -> Iterable[str]:
    return dict.fromkeys(reached.device["private_key"] for reached in devices if reached.device["private_key"])


@contextlib.contextmanager
def leased(ledger: Ledger, run_id: str, *, patience: float) -> Iterator[Callable[[], None]]:
    """Hold a run's lease; gives the function that keeps it alive. Waits for a holder that is about to end."""
    from ansible_collections.raywright.fleet.engine.ledger import this_process

    deadline = time.monotonic() + patience
    told = False
    while True:
        try:
            lease = ledger.acquire_lease(run_id, owner=this_process(), ttl=LEASE_SECONDS)
            break
        except LedgerError as exc:
            if time.monotonic() > deadline:
                raise
            if not told:
                display.display(f"Waiting, at most {patience:.0f} s: {exc}")
                told = True
            time.sleep(0.5)
    beaten = time.monotonic()

    def beat() -> None:
        nonlocal beaten
        if time.monotonic() - beaten >= _HEARTBEAT_SECONDS:
            ledger.heartbeat(lease)
            beaten = time.monotonic()

    try:
        yield beat
    finally:
        try:
            ledger.release(lease)
        except FleetError as exc:
            display.warning(f"The lease of run {run_id} could not be given back and will expire by itself: {exc}")


class Follower:
    """Takes the events of one engine process: outcomes to the ledger, counts to the progress display."""

    def __init__(
        self,
        *,
        run: str,
        name: str,
        kind: str,
        fleet: Mapping[str, str],
        recorder: Recorder | None = None,
        beat: Callable[[], None] | None = None,
        on_outcome: Callable[[dict[str, Any]], None] | None = None,
    ) -> None:
        self._run = run
        self._name = name
        self._kind = kind
        self._fleet = dict(fleet)
        self._recorder = recorder
        self._beat = beat
        self._on_outcome = on_outcome
        self._progress = Progress.from_environment(display=display.display)
        self._open = ""
        self._phase: Counter[str] = Counter()
        self._flushed = time.monotonic()
        self._away: float | None = None
        self._began = time.monotonic()

    def follow(self, process: EngineProcess) -> dict[str, Any]:
        """Follow the engine to its end and return its summary.

        A ledger that is away is waited for: what it does not take stays here, and in the journal.
        """
        try:
            summary = process.follow(self._event, self._tick)
        except BaseException:
            with contextlib.suppress(LedgerError):
                # Whatever broke off says more; what is not written now, the next try takes from the journal.
                self._write()
            raise
        while not self._written():
            time.sleep(_FLUSH_SECONDS / 2)
        return summary

    def end(self, verdict: str) -> None:
        # It is the stage that passes, not the time that it soaked.
        self._close("" if self._open == "soak" and verdict == "passed" else verdict)

    def _close(self, verdict: str) -> None:
        self._progress.phase_end(self._name, verdict=verdict, seconds=time.monotonic() - self._began)

    def _event(self, event: dict[str, Any]) -> None:
        if self._recorder:
            with contextlib.suppress(LedgerAway):  # kept; the next tick tries again
                self._recorder.take(event)
        kind = event["event"]
        if kind == "phase":
            self._begin(event)
        elif kind in {"outcome", "checked"}:
            self._count(event)
        elif kind == "wave":
            self._progress.note(f"wave {event['wave']} of {event['waves']}, {counted(event['devices'], 'device')}")
        elif kind == "note":
            self._progress.note(event["text"])
        elif kind in {"tripped", "worker_lost"}:
            in_flight = f"; {event['in_flight']} in flight are finished" if "in_flight" in event else ""
            self._progress.note(f"{event['reason']}{in_flight}")

    def _begin(self, event: Mapping[str, Any]) -> None:
        if self._open:
            self._close("pushed" if self._open == "stage" else "")
        self._open = event["phase"] if event["phase"] in {"soak", "validate"} else self._kind
        self._began = time.monotonic()
        self._phase.clear()
        if self._open == "soak":
            self._progress.note(f"soaking for {event['seconds']:g} s")
        self._progress.phase(self._open, self._name, total=event.get("total", 0), run=self._run, fleet=self._whole())

    def _count(self, event: dict[str, Any]) -> None:
        self._phase[event["outcome"]] += 1
        if event["event"] == "outcome":
            self._fleet[event["name"]] = event["outcome"]
            if self._on_outcome:
                self._on_outcome(event)
        elif event["outcome"] == "failed":
            self._fleet[event["name"]] = "failed"
        self._progress.progress(self._phase.total(), self._phase, fleet=self._whole)

    def _whole(self) -> dict[str, Any]:
        counts = Counter(self._fleet.values())
        return {
            "total": len(self._fleet),
            "done": len(self._fleet) - counts.pop("pending", 0),
            "outcomes": dict(counts),
        }

    def _tick(self) -> None:
        self._progress.tick()
        if time.monotonic() - self._flushed >= _FLUSH_SECONDS:
            self._written()

    def _written(self) -> bool:
        """Say that we are at work and record what has come; ``False`` while the ledger is away.

        Raises ``LedgerAway`` when it has been so for too long.
        """
        self._flushed = time.monotonic()
        try:
            self._write()
        except LedgerAway as exc:
            away = self._away or time.monotonic()
            if self._away is None:
                self._progress.note(f"{exc}; it is waited for, at most {_LEDGER_PATIENCE:.0f} s")
            elif time.monotonic() - away > _LEDGER_PATIENCE:
                raise LedgerAway(
                    f"{exc}. It was waited for {_LEDGER_PATIENCE:.0f} s; what was in flight is finished and nothing "
                    "more is started. When it can be used again, run the same command: what was done meanwhile is in "
                    "the journal"
                ) from None
            self._away = away
            return False
        if self._away is not None:
            self._away = None
            self._progress.note("the ledger is back, nothing was lost")
        return True

    def _write(self) -> None:
        if self._beat:
            self._beat()
        if self._recorder:
            self._recorder.flush()
