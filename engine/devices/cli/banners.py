# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Banners, each as one line: the only text in a configuration that no rule of its own holds.

hier_config's own reading takes a banner that begins and ends on one line for the beginning of a longer one, and with it
all that follows up to the next ``!``. So banners are folded before it reads, and unfolded before anything is sent.
"""

import re
from collections.abc import Iterator

_START = re.compile(r"banner (?P<kind>\S+)(?: (?P<rest>.*))?")
# Printable, so that neither a split nor a strip takes them for white space, and in nobody's configuration.
_NEWLINE, _SPACE = "\u2424", "\u2420"


def fold(config: str) -> str:
    """Make one line of every banner, its spaces and line ends kept."""
    return "".join(f"{line}\n" for line in _folded(config.splitlines()))


def unfold(line: str) -> str:
    return line.replace(_NEWLINE, "\n").replace(_SPACE, " ")


def _folded(lines: list[str]) -> Iterator[str]:
    position = 0
    while position < len(lines):
        start = _START.fullmatch(lines[position])
        last = position if start is None else _last(lines, position, start["rest"] or "")
        if start is None:
            yield lines[position]
        else:
            head = f"banner {start['kind']}"
            text = "\n".join(lines[position : last + 1])[len(head) :]
            yield head + text[:1] + text[1:].replace("\n", _NEWLINE).replace(" ", _SPACE)
        position = last + 1


def _last(lines: list[str], first: int, rest: str) -> int:
    """The number of the line that ends the banner; the first, where nothing does."""
    mark = "^C" if rest.startswith("^C") else rest[:1]
    if not mark:
        ends = (number for number, line in enumerate(lines[first + 1 :], start=first + 1) if line.strip() == "EOF")
    elif mark.isalnum() or mark in rest[len(mark) :]:
        return first
    else:
        ends = (number for number, line in enumerate(lines[first + 1 :], start=first + 1) if mark in line)
    return next(ends, first)
