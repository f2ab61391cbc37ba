# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configurations whose hierarchy is their indentation, read without knowing any platform's rules."""

from collections.abc import Iterator
from typing import TypeAlias

Path: TypeAlias = tuple[str, ...]


def raw_paths(text: str) -> Iterator[Path]:
    """Every line with the lines that it stands below, by indentation alone."""
    above: list[tuple[int, str]] = []
    for raw in text.splitlines():
        line = " ".join(raw.split())
        if not line:
            continue
        indent = len(raw) - len(raw.lstrip(" "))
        while above and above[-1][0] >= indent:
            above.pop()
        above.append((indent, line))
        yield tuple(name for _indent, name in above)
