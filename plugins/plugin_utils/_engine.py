# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The bridge to the engine: starts one engine process, feeds it a job, hands its events on.

Private to this collection.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import IO, Any, cast

from ansible.errors import AnsibleError

COLLECTION_ROOT = Path(__file__).resolve().parents[2]

OnEvent = Callable[[dict[str, Any]], None]

_LOOK_SECONDS = 0.5
_SAID_AT_MOST = 6


class EngineFailed(AnsibleError):
    """The engine process ended without doing its job."""


class EngineProcess:
    """One engine process, followed to its end.

    Its standard input is its lifeline: it is closed when the playbook's process is gone or an exception passes through
    here, and the engine then finishes what is in flight and starts nothing more.
    """

    def __init__(self, header: Mapping[str, Any], tasks: Iterable[Mapping[str, Any]], *, log: Path) -> None:
        self._header = header
        self._tasks = tasks
        self._log = log
        self._parent = os.getppid()
        self._feeding_failed: Exception | None = None

    def follow(self, on_event: OnEvent, on_tick: Callable[[], None]) -> dict[str, Any]:
        """Run the engine and return its summary. ``on_tick`` is called at least twice a second.

        Raises ``EngineFailed`` with what the engine said.
        """
        with self._log.open("ab") as log:
            os.fchmod(log.fileno(), 0o600)
            process = subprocess.Popen(
                [sys.executable, "-m", "engine.rollout"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment(),
                # Ctrl-C must reach us alone: the engine ends in order when its lifeline does.
                start_new_session=True,
            )
        feeder = threading.Thread(target=self._feed, args=(process.stdin,), daemon=True)
        feeder.start()
        summary = None
        try:
            for event in self._events(process, on_tick):
                if event["event"] == "summary":
                    summary = event
                elif event["event"] == "error":
                    raise EngineFailed(str(event["message"]))
                on_event(event)
        finally:
            self._release(process, feeder)
        if summary is None:
            raise EngineFailed(self._last_words(process.returncode))
        return summary

    def _feed(self, stdin: IO[bytes]) -> None:
        try:
            stdin.write(json.dumps(self._header).encode() + b"\n")
            for task in self._tasks:
                stdin.write(json.dumps(task).encode() + b"\n")
            stdin.write(b'"end"\n')
            stdin.flush()
        except BrokenPipeError:
            pass  # the engine has ended: how, its last words say
        except Exception as exc:  # noqa: BLE001 - raised again in the thread that follows
            self._feeding_failed = exc
            stdin.close()

    def _events(self, process: subprocess.Popen[bytes], on_tick: Callable[[], None]) -> Iterable[dict[str, Any]]:
        stdout = cast("IO[bytes]", process.stdout)
        os.set_blocking(stdout.fileno(), False)
        pending = b""
        ticked = 0.0
        with selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            while True:
                ready = selector.select(_LOOK_SECONDS)
                if time.monotonic() - ticked >= _LOOK_SECONDS:
                    ticked = time.monotonic()
                    on_tick()
                    if os.getppid() != self._parent and process.stdin and not process.stdin.closed:
                        process.stdin.close()
                if not ready:
                    continue
                chunk = stdout.read(1 << 20)
                if not chunk:
                    return
                *lines, pending = (pending + chunk).split(b"\n")
                yield from map(json.loads, lines)

    def _release(self, process: subprocess.Popen[bytes], feeder: threading.Thread) -> None:
        if process.stdin:
            with contextlib.suppress(OSError):
                process.stdin.close()
        if process.stdout:
            process.stdout.close()
        process.wait()
        feeder.join(timeout=1)
        if self._feeding_failed is not None:
            raise self._feeding_failed

    def _last_words(self, status: int) -> str:
        lines = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-_SAID_AT_MOST:]
        how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
        said = f": {' / '.join(lines)}" if lines else ""
        return (
            f"The engine process {how} before it was done{said}. "
            "Run the same command again: it reads back what was in flight and goes on"
        )


def environment() -> dict[str, str]:
    """What an engine process inherits; the collection's root is where its package lies."""
    return {**os.environ, "PYTHONPATH": str(COLLECTION_ROOT), "PYTHONUNBUFFERED": "1"}
