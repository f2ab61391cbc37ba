# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes as owners of leases."""

import os
import socket

from ..processes import Process
from .records import LeaseOwner


def this_process() -> LeaseOwner:
    """Return the calling process as the owner of a lease."""
    return process(os.getpid())


def process(pid: int) -> LeaseOwner:
    """Return a process of this machine as the owner of a lease."""
    found = Process.of(pid)
    return LeaseOwner(socket.gethostname(), found.pid, found.started)


def is_alive(owner: LeaseOwner) -> bool:
    """Tell whether the process is there and is the same one; for owners on this host."""
    return Process(owner.pid, owner.started).alive
