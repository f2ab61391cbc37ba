# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways in which one secret value shows up in text: as it is, and as the common quotings write it."""

import html
import json
import re
import shlex
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

SHORTEST = 4
"""Shorter values are not masked: they would take ordinary words apart and hide nothing."""

_SHORTEST_LINE = 8


def forms(value: str) -> set[str]:
    """Return every spelling of ``value`` that is masked; empty where it is too short to be masked."""
    found: set[str] = set()
    for text in _parts(value):
        if len(text.strip()) >= SHORTEST:
            found.update(_spellings(text))
    return found


def any_of(words: Iterable[str]) -> re.Pattern[str]:
    """Compile a pattern that finds the longest of ``words`` at each place; all have at least ``SHORTEST`` characters.

    The first characters are shared as in a trie: ``re`` tries the branches of an alternation one by one, which for
    the passwords of a whole fleet would be thousands at every character of the text.
    """
    return re.compile(_branches(sorted(words, key=len, reverse=True), SHORTEST))


def _branches(words: list[str], shared: int) -> str:
    if shared == 0 or len(words) == 1:
        return "|".join(map(re.escape, words))
    by_first: dict[str, list[str]] = {}
    for word in words:
        by_first.setdefault(word[0], []).append(word[1:])
    return "|".join(f"{re.escape(first)}(?:{_branches(rest, shared - 1)})" for first, rest in by_first.items())


def _parts(value: str) -> set[str]:
    """Return the value, without blank ends, and its long lines: a key's lines are shown one by one in a diff."""
    lines = (line.strip() for line in value.splitlines())
    return {value, value.strip(), *(line for line in lines if len(line) >= _SHORTEST_LINE)}


def _spellings(text: str) -> set[str]:
    as_json = json.dumps(text)[1:-1]
    return {
        text,
        as_json,
        json.dumps(text, ensure_ascii=False)[1:-1],
        json.dumps(as_json)[1:-1],  # JSON inside JSON, as in the arguments of a logged call
        repr(text)[1:-1],
        shlex.quote(text),
        text.replace("'", "'\"'\"'"),  # inside a longer single-quoted shell word
        text.replace("'", "'\\''"),
        text.replace("'", "''"),  # YAML
        re.sub(r'([\\"$`])', r"\\\1", text),  # inside a double-quoted shell word
        re.sub(r"([^\w@%+=:,./-])", r"\\\1", text),  # as printf %q writes it
        html.escape(text, quote=False),  # NETCONF
        html.escape(text),
        quote(text, safe="", errors="replace"),
        quote(text, errors="replace"),
        quote_plus(text, errors="replace"),
    }
