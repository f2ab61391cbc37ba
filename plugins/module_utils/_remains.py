# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What earlier deployments of Ray left on a host, as items that can be shown, approved and removed. Private."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Callable

if TYPE_CHECKING:
    from collections.abc import Sequence

KINDS = ("unit", "cron", "container", "process", "package", "data")  # in the order of their removal
_VERBS = {"process": "stop", "cron": "remove the line", "package": "uninstall"}

Run = Callable[["Sequence[str]"], "tuple[int, str, str]"]


class RemovalError(Exception):
    """An item could not be removed; the message says which and why."""


@dataclass(frozen=True)
class Item:
    """One thing that can be removed; ``identity`` makes it this very one, so that an approval cannot reach another."""

    kind: str
    name: str
    identity: tuple[str, ...]
    why: str
    removes: tuple[str, ...]
    state: str = ""
    keeps: str = ""
    handle: Any = field(default=None, compare=False)  # what the finder needs to remove it

    @property
    def id(self) -> str:
        digest = hashlib.sha256("\0".join((self.kind, *self.identity)).encode()).hexdigest()
        return f"{self.kind}-{digest[:12]}"

    @property
    def text(self) -> str:
        """The sentence that is shown and approved; it holds nothing that changes by itself."""
        verb = _VERBS.get(self.kind, "remove")
        noun = "" if self.kind in ("cron", "package", "process", "data") else f"{self.kind} "
        state = f" ({self.state})" if self.state else ""
        paths = [path for path in self.removes if path != self.name and self.kind != "cron"]
        what = f", that is {', '.join(paths)}" if paths else ""
        keeps = f"; {self.keeps}" if self.keeps else ""
        return f"{verb} {noun}{self.name}{state}{what}, since {self.why}{keeps} [{self.id}]"

    def shown(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "kind": self.kind,
            "name": self.name,
            "state": self.state,
            "removes": list(self.removes),
            "keeps": self.keeps,
            "why": self.why,
            "text": self.text,
        }
