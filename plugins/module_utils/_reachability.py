# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Listeners that live for a moment, and connections to them: whether nodes reach each other. Private."""

from __future__ import annotations

import contextlib
import errno
import os
import selectors
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_GREETING = "raywright.fleet "
_LONGEST_GREETING = 256
_NO_ROUTE = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL, errno.ENETDOWN, errno.EHOSTDOWN)
_PARALLEL = 64


@dataclass(frozen=True)
class Target:
    name: str
    address: str
    port: int
    greeting: str  # what our listener says; empty where something else listens, or may


def family_of(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def open_listeners(ports: Iterable[int], family: socket.AddressFamily) -> tuple[list[socket.socket], dict[int, str]]:
    """Listen on what is free; give the sockets, and why other ports could not be had."""
    opened, refused = [], {}
    for port in ports:
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listener.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", port))  # noqa: S104 - as Ray will
            listener.listen(socket.SOMAXCONN)
        except OSError as error:
            listener.close()
            refused[port] = os.strerror(error.errno or 0)
            continue
        opened.append(listener)
    return opened, refused


def open_control(token: str) -> socket.socket:
    """Open what ``stop`` will connect to; before anybody can ask for it."""
    control = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    control.bind(_control(token))
    control.listen()
    return control


def serve(listeners: Sequence[socket.socket], control: socket.socket, token: str, seconds: float) -> None:
    """Greet whoever connects, until the time is over or somebody asks for the end (see ``stop``)."""
    end = time.monotonic() + seconds
    # Who asked for the end is told by the closed connection, so that is closed when all else is.
    with contextlib.ExitStack() as last, contextlib.ExitStack() as stack:
        chooser = stack.enter_context(selectors.DefaultSelector())
        for listener in (*listeners, control):
            stack.callback(listener.close)
            listener.setblocking(False)
            chooser.register(listener, selectors.EVENT_READ)
        while time.monotonic() < end:
            ready = [key.fileobj for key in dict(chooser.select(timeout=max(0.0, end - time.monotonic())))]
            if control in ready:
                last.callback(control.accept()[0].close)
                return
            for listener in ready:
                _greet(listener, token)


def stop(token: str, seconds: float = 5.0) -> bool:
    """End a listener and wait until it has ended; false if there was none any more."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as control:
        control.settimeout(seconds)
        try:
            control.connect(_control(token))
            control.recv(1)  # closed by its end
        except (ConnectionError, FileNotFoundError):
            return False
    return True


def connect(targets: Sequence[Target], timeout: float) -> list[dict[str, Any]]:
    """Try every target, some at a time; give an outcome for each."""
    if not targets:
        return []
    with ThreadPoolExecutor(max_workers=min(_PARALLEL, len(targets))) as pool:
        outcomes = list(pool.map(lambda target: attempt(target, timeout), targets))
    return [
        {"peer": target.name, "address": target.address, "port": target.port, "outcome": outcome}
        for target, outcome in zip(targets, outcomes)
    ]


def attempt(target: Target, timeout: float) -> str:
    """Give ``open``, ``refused``, ``timed out``, ``no route``, ``another machine answers``, or what the system said."""
    try:
        with socket.create_connection((target.address, target.port), timeout=timeout) as client:
            return _greeted(client, target.greeting)
    except ConnectionRefusedError:
        return "refused"
    except (TimeoutError, socket.timeout):  # two until Python 3.10
        return "timed out"
    except OSError as error:
        return "no route" if error.errno in _NO_ROUTE else str(error.strerror or error)


def targets_of(peers: Iterable[Mapping[str, Any]]) -> list[Target]:
    """Give a target for each port of each peer; a port that our listener has not got is tried all the same."""
    targets = []
    for peer in peers:
        listening = {int(port) for port in peer["listening"]}
        for port in peer["ports"]:
            greeting = f"{_GREETING}{peer['token']}" if int(port) in listening else ""
            targets.append(Target(str(peer["name"]), str(peer["address"]), int(port), greeting))
    return targets


def _greet(listener: Any, token: str) -> None:
    # The client may be gone already, and must never make us wait.
    with contextlib.suppress(OSError), listener.accept()[0] as client:
        client.setblocking(False)
        client.send(f"{_GREETING}{token}\n".encode())


def _greeted(client: socket.socket, greeting: str) -> str:
    if not greeting:
        return "open"
    said = b""
    with contextlib.suppress(OSError):
        while len(said) < _LONGEST_GREETING and not said.endswith(b"\n"):
            part = client.recv(_LONGEST_GREETING)
            if not part:
                break
            said += part
    return "open" if said.decode(errors="replace").strip() == greeting else "another machine answers"


def _control(token: str) -> str:
    # An abstract socket: nothing is left in the file system, whatever happens.
    return f"\0raywright-fleet-{token}"
