# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Private to this collection: tables for a terminal, and reports in files."""

from __future__ import annotations

import json
import os
import shutil
import textwrap
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.raywright.fleet.plugins.plugin_utils._text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_NARROWEST = 10
_GAP = "  "


def table(header: Sequence[str], rows: Sequence[Sequence[object]], *, indent: int = 2) -> list[str]:
    """Return the lines of a table that is as wide as the terminal at most; long cells go on in the next line."""
    cells = [header, *([clean(cell) for cell in row] for row in rows)]
    room = max(78, shutil.get_terminal_size((118, 24)).columns - 2) - indent - len(_GAP) * (len(header) - 1)
    widths = _widths([max(map(len, column)) for column in zip(*cells, strict=True)], room)
    return [" " * indent + line for row in cells for line in _lines(row, widths)]


def _widths(wanted: list[int], room: int) -> list[int]:
    """Take from the widest column first, so that short columns stay whole."""
    widths = list(wanted)
    while sum(widths) > room and max(widths) > _NARROWEST:
        widest = widths.index(max(widths))
        second = max([width for position, width in enumerate(widths) if position != widest], default=_NARROWEST)
        widths[widest] = max(_NARROWEST, min(widths[widest] - 1, max(second, widths[widest] - (sum(widths) - room))))
    return widths


def _lines(row: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    wrapped = [textwrap.wrap(cell, width) or [""] for cell, width in zip(row, widths, strict=True)]
    for parts in zip_longest(*wrapped, fillvalue=""):
        yield _GAP.join(f"{part:<{width}}" for part, width in zip(parts, widths, strict=True)).rstrip()


def write_json(path: str, content: Mapping[str, Any]) -> None:
    """Write whole or not at all: whoever reads a report reads a finished one."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    draft.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    draft.replace(target)
