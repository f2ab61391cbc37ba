# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be made to go wrong with an embedded router, for tests and rehearsals.

``faults.json`` in the state directory maps device names, or patterns such as ``leaf-00*``, to faults. It is read again
when it changes::

    {"leaf-001": {"unreachable": true},
     "leaf-002": {"hang": "commit"},
     "leaf-003": {"cut": "after-commit", "times": 1},
     "leaf-004": {"reject": "no space left on flash"},
     "spine-*": {"by_hand": ["ntp server 192.0.2.9"], "after_reads": 1}}
"""

import fnmatch
import json
import sys
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal


@dataclass(slots=True)
class Fault:
    """One device's faults. An absent one does not happen."""

    unreachable: bool = False
    """The connection is reset as soon as it is made."""
    wrong_password: bool = False
    """No credential is accepted."""
    slow_login: float = 0.0
    """Seconds until the login is answered."""
    hang: str = ""
    """The command line, or its beginning, that is never answered."""
    garbage: str = ""
    """The command line, or its beginning, that is answered with noise and without effect."""
    flood: str = ""
    """The command line, or its beginning, that is answered with 100 MB, without effect."""
    cut: Literal["", "before-commit", "during-commit", "after-commit", "before-confirm", "after-confirm"] = ""
    """The session ends at the commit or at its confirmation, before or after it has taken effect; during it: a commit
    takes effect only later, when nobody is there any more, and until then nobody else can configure."""
    commit_seconds: float = 1.0
    """How much later."""
    reject: str = ""
    """The commit is refused for this reason."""
    revert: bool = False
    """The commit is acknowledged, and undone at once."""
    by_hand: tuple[str, ...] = ()
    """Lines that somebody else merges into the running configuration, once."""
    after_reads: int = 0
    """How often the running configuration is read before ``by_hand`` happens."""
    times: int = -1
    """How many sessions or commands the fault strikes; -1: all."""
    dies: bool = False
    """Once another fault has struck, every connection is reset."""

    def strike(self) -> bool:
        """Use one of the ``times``; tells whether the fault still happens."""
        self.unreachable = self.unreachable or self.dies
        if self.times > 0:
            self.times -= 1
            return True
        return self.times < 0


NONE = Fault()


class Faults:
    """The faults of the fleet, as the file says now."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int, int] | None = None
        self._table: dict[str, dict[str, Any]] = {}
        self._live: dict[str, Fault] = {}

    def of(self, name: str) -> Fault:
        self._refresh()
        if not self._table:
            return NONE
        if name not in self._live:
            entry = self._table.get(name) or next(
                (entry for pattern, entry in self._table.items() if fnmatch.fnmatchcase(name, pattern)), {}
            )
            self._live[name] = Fault(**entry)
        return self._live[name]

    def _refresh(self) -> None:
        try:
            status = self._path.stat()
        except FileNotFoundError:
            self._stamp, self._table, self._live = None, {}, {}
            return
        stamp = (status.st_mtime_ns, status.st_ino, status.st_size)
        if stamp != self._stamp:
            self._stamp, self._live = stamp, {}
            try:
                self._table = _valid(json.loads(self._path.read_text(encoding="utf-8")))
            except (ValueError, TypeError) as exc:
                # A file that is being written by hand is no reason to end two hundred routers.
                sys.stderr.write(f"{self._path}: not used: {exc}\n")
                self._table = {}


def _valid(table: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    known = sorted(field.name for field in fields(Fault))
    for name, entry in table.items():
        unknown = sorted(set(entry).difference(known))
        if unknown:
            raise ValueError(f"{name}: unknown fault {', '.join(unknown)}; known are {', '.join(known)}")
        entry["by_hand"] = tuple(entry.get("by_hand", ()))
    return table
