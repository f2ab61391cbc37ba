# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A driver whose devices are in memory: a fake, for measuring what the engine itself costs, and for nothing else.

It answers at once and keeps nothing beyond its session. ``RAYWRIGHT_DRIVERS=benchmarks.memory`` makes it known. With
``RAYWRIGHT_BENCHMARK_BUSY`` a change occupies the worker for so many seconds, without computing.
"""

import os
import time

from engine.devices.base import Change, Device, Hold, Mode, Snapshot, WithoutHold

_BUSY = float(os.environ.get("RAYWRIGHT_BENCHMARK_BUSY", "0"))


def running(name: str) -> str:
    """What a device says it runs before anything was changed."""
    return f"hostname {name}\n" + "".join(f"interface eth{number}\n mtu 1500\n" for number in range(10))


class MemorySession(WithoutHold):
    def __init__(self, device: Device) -> None:
        self._running = running(device.name)

    async def snapshot(self) -> Snapshot:
        return Snapshot(running=self._running, startup=self._running)

    async def running(self) -> str:
        return self._running

    async def propose(self, running: str, wanted: str, mode: Mode) -> Change:
        there, lines = set(running.splitlines()), wanted.splitlines()
        return Change(mode, wanted, tuple(f"+{line}" for line in lines if line not in there))

    async def apply(self, change: Change, hold: Hold | None = None) -> None:
        self.refuse_hold(hold)
        if _BUSY:
            time.sleep(_BUSY)  # noqa: ASYNC251 - nothing else is to happen in this worker meanwhile
        self._running += change.wanted

    async def save(self) -> None:
        return

    async def restore(self, snapshot: Snapshot) -> None:
        self._running = snapshot.running

    async def command(self, line: str, *, shell: bool = False) -> str:  # noqa: ARG002 - the contract's signature
        return ""

    async def close(self) -> None:
        return


class MemoryDriver:
    network_os = ("benchmark_memory",)
    secrets = ()
    longest_hold = 0.0

    async def connect(self, device: Device) -> MemorySession:
        return MemorySession(device)

    def normalise(self, config: str) -> str:
        return config


DRIVER = MemoryDriver()
