# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A running embedded fleet, for the command line and for tests."""

import contextlib
import json
import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .dialects import PLAIN
from .fabric import Node, build
from .inventory import inventory
from .server import Fleet, assemble, serve
from .state import State, write


@dataclass(frozen=True, slots=True)
class Serving:
    nodes: dict[str, Node]
    state: State
    fleet: Fleet
    port: int


@contextlib.asynccontextmanager
async def serving(
    directory: Path,
    *,
    devices: int,
    base_address: str = "127.64.0.1",
    port: int = 0,
    latency: float = 0.0,
    reset: bool = False,
    dialects: Sequence[str] = (PLAIN,),
) -> AsyncIterator[Serving]:
    """Serve a fleet out of a state directory until the block ends; ``latency`` in milliseconds. Routers speak
    the ``dialects`` in turn.
    """
    nodes = build(devices, base_address)
    state = State(directory)
    with state.hold():
        if reset:
            state.reset()
        state.adopt(devices)
        fleet = assemble(nodes, state, latency / 1000, dialects)
        for name in state.interrupted():
            fleet.routers[name].undo()
        acceptor, listening = await serve(fleet, state, port)
        state.write_known_hosts(nodes, listening)
        state.write_inventory(inventory(nodes, state, listening, dialects))
        # Last, because it says that all the rest is there.
        settings = {
            "devices": devices,
            "base_address": base_address,
            "requested_port": port,
            "latency": latency,
            "dialects": list(dialects),
        }
        process = {"pid": os.getpid(), "started": _started(), "port": listening}
        write(state.server, json.dumps(process | settings) + "\n")
        try:
            yield Serving(nodes, state, fleet, listening)
        finally:
            state.server.unlink(missing_ok=True)
            acceptor.close()
            for connection in list(fleet.connections):
                connection.abort()
            for router in fleet.routers.values():
                router.close()


def _started() -> int:
    """Give this process's start time in clock ticks: with its number it names one process for good."""
    return int(Path("/proc/self/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19])


def printed_inventory(
    directory: Path, *, devices: int, base_address: str, port: int, dialects: Sequence[str] = (PLAIN,)
) -> dict[str, Any]:
    """Give the inventory of a fleet that may not be running yet."""
    state = State(directory)
    with contextlib.suppress(FileNotFoundError, ValueError, KeyError):
        port = int(json.loads(state.server.read_text(encoding="utf-8"))["port"])
    return inventory(build(devices, base_address), state, port, dialects)
