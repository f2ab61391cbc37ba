# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Processes of Ray that nothing supervises. Private to this collection."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from ._processes import Process, scan, send, wait
from ._ray_marks import process_role, session_of
from ._remains import Item, RemovalError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

_DAEMONS = ("gcs_server", "raylet")
_FORCED_WAIT = 5.0


class Sessions:
    """Finds and stops Ray sessions, each with all its processes. What containers and units run goes with these."""

    def __init__(self, units: Collection[str], *, grace: int = 30) -> None:
        self._units = units
        self._grace = grace

    def find(self) -> list[Item]:
        groups = group(scan(), self._units)
        return [_item(user, session, members) for (user, session), members in sorted(groups.items())]

    def remove(self, item: Item) -> None:
        members: list[Process] = item.handle
        daemons = [each for each in members if process_role(each.name, each.argv) in _DAEMONS]
        others = [each for each in members if each not in daemons]
        # The daemons first: a raylet ends its workers in order, and starts new ones while it lives.
        for some in (daemons, others):
            for process in some:
                send(process, signal.SIGTERM)
            wait(some, self._grace)
        left = wait(members, 0)
        for process in left:
            send(process, signal.SIGKILL)
        left = wait(left, _FORCED_WAIT)
        if left:
            raise RemovalError(
                f"{', '.join(f'{each.name} (pid {each.pid})' for each in left)} did not end when killed."
            )


def group(processes: Iterable[Process], units: Collection[str]) -> dict[tuple[str, str], list[Process]]:
    """Group the processes of Ray by user and session; what names no session belongs to whoever started it."""
    everything = {process.pid: process for process in processes}
    groups: dict[tuple[str, str], list[Process]] = {}
    for process in everything.values():
        line = list(_line(process, everything))
        if process.container or process.unit in units or not any(process_role(each.name, each.argv) for each in line):
            continue
        session = next((found for found in (session_of(each.argv) for each in line) if found), "")
        groups.setdefault((process.user, session), []).append(process)
    for user, session in list(groups):
        named = [other for other in groups if other[0] == user and other[1]]
        if not session and len(named) == 1:
            groups[named[0]] += groups.pop((user, session))
    return groups


def _line(process: Process, everything: dict[int, Process]) -> Iterator[Process]:
    """Give a process and those that started it."""
    seen = set()
    current: Process | None = process
    while current is not None and current.pid not in seen:
        seen.add(current.pid)
        yield current
        current = everything.get(current.ppid)


def _item(user: str, session: str, members: list[Process]) -> Item:
    roles = {process_role(each.name, each.argv) for each in members} - {""}
    daemons = [each for each in members if process_role(each.name, each.argv) in _DAEMONS]
    lasting = sorted(roles & {*_DAEMONS, "ray start"}) or sorted(roles)
    # A session is told by its daemons; workers come and go.
    key = sorted(f"{each.pid}:{each.start}" for each in daemons or members)
    verb = "runs" if len(lasting) == 1 else "run"
    name = f"the Ray processes of session {session}" if session else f"the Ray processes of user {user}"
    return Item(
        kind="process",
        name=name,
        identity=(user, session, *key),
        why=f"{', '.join(lasting)} of user {user} {verb} outside any unit of this collection",
        removes=(name,),
        state="head" if "gcs_server" in roles else "worker",
        handle=members,
    )
