# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names and counts as a sentence has them."""


def listed(names: list[str], *, most: int = 5, between: str = ", ") -> str:
    """Join names for a sentence: the first few, and how many more."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return between.join(names[:most]) + more


def counted(count: int, noun: str) -> str:
    """A number of things, of which one is one."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def about(name: str, reason: str) -> str:
    """A reason with the name in front, where it does not begin with it already."""
    return reason if reason.startswith(name) else f"{name}: {reason}".removesuffix(": ")
