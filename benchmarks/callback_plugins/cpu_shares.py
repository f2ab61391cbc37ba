# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""On what ``ansible-playbook`` and its workers spend their CPU, for ``benchmarks/whole.py``: a letter a sample."""

from __future__ import annotations

import atexit
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from ansible.plugins.callback import CallbackBase

if TYPE_CHECKING:
    from types import FrameType

DOCUMENTATION = r"""
name: cpu_shares
type: aggregate
short_description: On what Ansible spends its CPU
description:
  - Looks at the stack of every process of C(ansible-playbook) each time that it has used 10 ms of CPU, and appends a
    letter to the file that E(CPU_SHARES) names. See C(SHARES).
author:
  - raywright.fleet contributors (@raywright)
"""

SECONDS = 0.01
"""CPU between two samples."""
SHARES = {
    "host_variables": "v",  # Ansible merges a host's variables, for our modules
    "templating": "t",  # Ansible renders a template, for our modules
    "ours": "o",  # our modules and callbacks, the engine's code in them included
    "tasks": "a",  # all the rest: strategy, workers, results, Ansible's own callbacks
}
_COLLECTION = "/raywright/fleet/"
_VARIABLES = ("/ansible/vars/", "/ansible/inventory/")
_TEMPLATING = ("/ansible/template/", "/ansible/_internal/_templating/", "/jinja2/")


def share(frame: FrameType | None) -> str:
    """What a process is at work on. Only what is done for code of ours is not Ansible's tasks as a whole."""
    beneath = "ours"
    while frame is not None:
        name = frame.f_code.co_filename
        if _COLLECTION in name:
            return SHARES[beneath]
        if any(part in name for part in _TEMPLATING):
            beneath = "templating"
        elif any(part in name for part in _VARIABLES):
            beneath = "host_variables"
        frame = frame.f_back
    return SHARES["tasks"]


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "cpu_shares"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        # One letter at a time, appended: whole, whichever process writes it.
        self._file = Path(os.environ["CPU_SHARES"]).open("ab", buffering=0)  # noqa: SIM115 - open as long as the play
        signal.signal(signal.SIGPROF, self._sample)
        os.register_at_fork(after_in_child=_begin)
        # An interpreter that ends takes its handlers down, and the next signal would kill it.
        atexit.register(signal.setitimer, signal.ITIMER_PROF, 0)
        _begin()

    def _sample(self, _signal: int, frame: FrameType | None) -> None:
        self._file.write(share(frame).encode())


def _begin() -> None:
    """A process that was forked has no timer of its own."""
    signal.setitimer(signal.ITIMER_PROF, SECONDS, SECONDS)
