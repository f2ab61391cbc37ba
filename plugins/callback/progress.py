# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
name: progress
type: aggregate
short_description: Show how far a run is, and how long it will take
version_added: 0.1.0
description:
  - Shows the phase that a run is in, how many devices are done, counts by outcome, the rate and the estimated time for
    the phase and for the whole run.
  - On a terminal it is one live line below Ansible's own output; elsewhere a line is printed when a phase begins and
    ends and at least every O(interval) seconds between, so that no job is killed for its silence.
  - The rate is the number of devices done in the last 30 seconds, divided by those seconds. An estimate is the number
    of devices left, divided by the rate; V(--) until at least three devices and two seconds are known. The estimate for
    the whole run does not contain the time that it waits between stages.
  - Can write every event to a structured log, see O(log_path).
  - It loads by itself with the playbooks of this collection (C(ansible-playbook raywright.fleet.rollout)). For other
    playbooks add V(raywright.fleet.progress) to C(callbacks_enabled) in C(ansible.cfg) or to
    E(ANSIBLE_CALLBACKS_ENABLED).
  - What it shows is news, not a record; the ledger holds what happened. A display that cannot work is left out and
    never stops a run.
author:
  - raywright.fleet contributors (@raywright)
requirements:
  - For your own playbooks, enabling in the configuration
options:
  style:
    description:
      - How to show progress. Colours follow Ansible's own settings, such as E(ANSIBLE_NOCOLOR) and E(NO_COLOR).
    type: str
    default: auto
    choices:
      auto: V(bar) on a terminal, V(lines) elsewhere, under C(ansible-runner) and in AWX.
      bar: A live line; V(lines) where the output is no terminal.
      lines: A line when a phase begins and ends and every O(interval) seconds.
      none: Show nothing; O(log_path) still works.
    env:
      - name: RAYWRIGHT_PROGRESS_STYLE
    ini:
      - section: callback_raywright_progress
        key: style
  interval:
    description:
      - Seconds after which V(lines) prints a line although the phase has not changed.
      - More than 60 is not advised, for job runners take a silent job for a dead one.
    type: float
    default: 30
    env:
      - name: RAYWRIGHT_PROGRESS_INTERVAL
    ini:
      - section: callback_raywright_progress
        key: interval
  log_path:
    description:
      - A file that every event is appended to as one line of JSON, made with mode 0600.
      - It holds the time (ISO 8601, UTC), the event, the run, the phase, counts by outcome, and the names of plays,
        tasks and hosts; never the arguments or the results of a task.
    type: path
    env:
      - name: RAYWRIGHT_PROGRESS_LOG
    ini:
      - section: callback_raywright_progress
        key: log_path
notes:
  - Options are read from the environment and from C(ansible.cfg); Ansible does not look for them in variables.
"""

EXAMPLES = r"""
ansible.cfg: |
  [defaults]
  callbacks_enabled = raywright.fleet.progress

  [callback_raywright_progress]
  style = lines
  interval = 20
  log_path = ~/rollouts/progress.jsonl

A log that is easy to read: |
  RAYWRIGHT_PROGRESS_LOG=progress.jsonl ansible-playbook raywright.fleet.rollout
  jq -r 'select(.event == "phase_end") | [.time, .run, .name, .verdict] | @tsv' progress.jsonl
"""

import atexit
import contextlib
import functools
import os
import queue
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate

from ansible.plugins.callback import CallbackBase
from ansible.utils import color
from ansible_collections.raywright.fleet.engine.telemetry import paint
from ansible_collections.raywright.fleet.engine.telemetry.channel import VARIABLE, Receiver, claim, release
from ansible_collections.raywright.fleet.engine.telemetry.log import EventLog
from ansible_collections.raywright.fleet.engine.telemetry.reporter import Reporter
from ansible_collections.raywright.fleet.engine.telemetry.terminal import LiveLine

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_TICK = 0.1
_LONGEST_END = 5.0


def _harmless[**P](hook: Callable[Concatenate[CallbackModule, P], None]) -> Callable[..., None]:
    """Keep whatever goes wrong from the run: a broken display is no reason to disturb a rollout."""

    @functools.wraps(hook)
    def wrapper(self: CallbackModule, *args: P.args, **kwargs: P.kwargs) -> None:
        try:
            hook(self, *args, **kwargs)
        except Exception as error:  # noqa: BLE001 - showing progress must never stop a run
            with contextlib.suppress(Exception):
                self._display.vvv(f"raywright.fleet.progress: {hook.__name__} failed: {error!r}")

    return wrapper


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "raywright.fleet.progress"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Ansible's hooks come from two of its threads; this queue leads them to the one that shows and writes.
        self._queue: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._receiver: Receiver | None = None
        self._thread: threading.Thread | None = None
        self._ending = threading.Event()

    @_harmless
    def v2_playbook_on_start(self, playbook: Any) -> None:
        if self._thread is not None or not claim():
            return
        try:
            self._receiver = Receiver()
        except OSError as error:
            release()
            self._display.vvv(f"raywright.fleet.progress: no progress is shown, for there is no socket: {error}")
            return
        os.environ[VARIABLE] = self._receiver.path
        self._ending.clear()
        self._put("playbook_start", playbook=Path(str(getattr(playbook, "_file_name", ""))).name)
        self._thread = threading.Thread(target=self._work, name="raywright-progress", daemon=True)
        self._thread.start()
        atexit.register(self._end)

    @_harmless
    def v2_playbook_on_play_start(self, play: Any) -> None:
        self._put("play_start", play=play.get_name())

    @_harmless
    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:  # noqa: ARG002, FBT001 - Ansible calls it so
        self._put("task_start", task=task.get_name())

    @_harmless
    def v2_playbook_on_handler_task_start(self, task: Any) -> None:
        self._put("task_start", task=task.get_name())

    @_harmless
    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:  # noqa: FBT001, FBT002 - Ansible calls it so
        outcome = "ignored" if ignore_errors else "failed"
        self._put("host_result", host=result.host.get_name(), task=result.task.get_name(), result=outcome)

    @_harmless
    def v2_runner_on_unreachable(self, result: Any) -> None:
        self._put("host_result", host=result.host.get_name(), task=result.task.get_name(), result="unreachable")

    @_harmless
    def v2_playbook_on_stats(self, stats: Any) -> None:  # noqa: ARG002 - Ansible calls it so
        self._put("playbook_end")
        self._end()

    def _put(self, event: str, **names: str) -> None:
        if self._receiver is not None:
            self._queue.put({"event": event, **names})
            self._receiver.wake()

    def _end(self) -> None:
        """End the thread and take the socket away; also where the process ends without ``v2_playbook_on_stats``."""
        thread, receiver = self._thread, self._receiver
        if thread is None or receiver is None:
            return
        self._ending.set()
        receiver.wake()
        thread.join(_LONGEST_END)
        self._thread = self._receiver = None
        if os.environ.get(VARIABLE) == receiver.path:
            del os.environ[VARIABLE]
        receiver.close()
        release()
        atexit.unregister(self._end)

    @_harmless
    def _work(self) -> None:
        with contextlib.ExitStack() as cleanup:
            self._follow(self._reporter(cleanup))

    def _follow(self, reporter: Reporter) -> None:
        receiver = self._receiver
        while receiver is not None:
            ending = self._ending.is_set()
            event = receiver.receive(0.001 if ending else _TICK)
            for known in self._in_order(event):
                self._handle(reporter, known)
            if event is None and ending:
                break
            reporter.tick(time.monotonic())
        reporter.finish(time.monotonic())

    @_harmless
    def _handle(self, reporter: Reporter, event: dict[str, Any]) -> None:
        reporter.handle(event, time.monotonic())

    def _in_order(self, event: dict[str, Any] | None) -> list[dict[str, Any]]:
        """Return what happened next: what was received, or of the queue what it stands for.

        A call to wake up stands among the datagrams where Ansible's own event happened, however late both are read. A
        call can be dropped where they are many, so what is left in the queue comes out when there is none to receive.
        """
        if event:
            return [event]
        events: list[dict[str, Any]] = []
        with contextlib.suppress(queue.Empty):
            while event is None or not events:
                events.append(self._queue.get_nowait())
        return events

    def _reporter(self, cleanup: contextlib.ExitStack) -> Reporter:
        style = _style(self.get_option("style"), os.environ)
        live = None
        if style == "bar":
            live = LiveLine(sys.stdout, sys.stderr, lock=getattr(self._display, "_lock", None) or threading.RLock())
            cleanup.callback(live.close)
        return Reporter(
            say=None if style == "none" else self._say,
            live=live,
            log=self._log(cleanup),
            interval=self.get_option("interval"),
            signs=paint.signs_for(getattr(sys.stdout, "encoding", None)),
            colour=color.stringc,
        )

    def _say(self, text: str) -> None:
        self._display.display(text)
        # Ansible leaves it to the buffer when a line comes out, which off a terminal is minutes later.
        sys.stdout.flush()

    def _log(self, cleanup: contextlib.ExitStack) -> EventLog | None:
        path = self.get_option("log_path")
        if not path:
            return None
        try:
            log = EventLog(path)
        except OSError as error:
            self._display.warning(
                f"The progress log {path} cannot be written: {error.strerror}; the run goes on without it. "
                "Give RAYWRIGHT_PROGRESS_LOG the path of a file that can be written."
            )
            return None
        cleanup.callback(log.close)
        return log


def _style(wanted: str, environ: Mapping[str, str]) -> str:
    """Choose between a bar and lines. Job runners give their jobs a terminal that nobody looks at."""
    if wanted not in ("auto", "bar"):
        return wanted
    in_job = "JOB_ID" in environ or any(name.startswith(("RUNNER_", "AWX_")) for name in environ)
    terminal = sys.stdout.isatty() and environ.get("TERM", "dumb") not in ("", "dumb")
    return "bar" if terminal and (wanted == "bar" or not in_job) else "lines"
