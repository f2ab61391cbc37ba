# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Private to this collection: what differs between two definitions of a run, in words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_SHOWN = 8
_WIDTH = 60


def differences(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Return one phrase for each value that differs, ``stages.0: "1%" -> "10%"``, and how many more there are."""
    found = list(_walk("", old, new))
    more = [f"and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
    return found[:_SHOWN] + more


def _walk(path: str, old: Any, new: Any) -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            inner = f"{path}.{key}" if path else str(key)
            if key not in new:
                yield f"{inner}: {_short(old[key])} is gone"
            elif key not in old:
                yield f"{inner}: {_short(new[key])} is new"
            else:
                yield from _walk(inner, old[key], new[key])
    elif old != new:
        yield f"{path}: {_short(old)} -> {_short(new)}"


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= _WIDTH else text[: _WIDTH - 3] + "..."
