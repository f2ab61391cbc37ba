# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Private to this collection: a job's log on the terminal, and its last lines."""

from __future__ import annotations

import os
import time
from collections import deque

from ansible.errors import AnsibleError
from ansible.utils.display import Display
from ansible_collections.raywright.fleet.plugins.plugin_utils._text import clean

_HEARTBEAT_SECONDS = 30.0
"""AWX ends jobs that say nothing for long."""

_display = Display()


class JobLog:
    """Takes a log in pieces as they come; shows whole lines, and keeps the last ones."""

    def __init__(self, name: str, *, show: bool, keep: int) -> None:
        self._name = name
        self._show = show
        self._rest = ""
        self._lines: deque[str] = deque(maxlen=keep)
        self._parent = os.getppid()
        self._began = self._said = time.monotonic()

    @property
    def lines(self) -> list[str]:
        return list(self._lines)

    def take(self, text: str) -> None:
        """Take the next piece; nothing, now and then, while the job is silent."""
        *whole, self._rest = (self._rest + text).split("\n")
        self._hand_on(whole)
        self.look()

    def keep(self, text: str) -> None:
        """Keep the last lines of a log that was not followed."""
        self._lines.extend(map(_line, text.splitlines()))

    def end(self) -> None:
        """Hand on a last line that has no end."""
        if self._rest:
            self._hand_on([self._rest])
        self._rest = ""

    def look(self) -> None:
        """Say now and then that the job still runs. Raises when the playbook's process is gone: nobody listens."""
        if os.getppid() != self._parent:
            raise AnsibleError(f"The playbook is gone; job {self._name} goes on by itself.")
        if time.monotonic() - self._said >= _HEARTBEAT_SECONDS:
            self.say(f"Job {self._name} still runs, {time.monotonic() - self._began:.0f} s")

    def say(self, text: str) -> None:
        self._said = time.monotonic()
        _display.display(clean(text))

    def _hand_on(self, whole: list[str]) -> None:
        if not whole:
            return
        lines = [_line(line) for line in whole]
        self._lines.extend(lines)
        if self._show:
            # One message for all: each is sent to the playbook's own process.
            self.say("\n".join(f"  {line}" for line in lines))


def _line(text: str) -> str:
    # Of a progress bar that was drawn over itself, the last state.
    return clean(text.rstrip("\r").rpartition("\r")[2].expandtabs())
