# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words without which a pattern cannot match, so that most lines need no regular expression at all.

Looking for a fixed word in a text is some hundred times cheaper than running a pattern over it. What cannot be told
for sure counts as "may match": this may cost time, never a secret.
"""

import re
from collections.abc import Iterable
from typing import Any

try:
    # Private to ``re``, but the only reader of patterns there is; without it every pattern runs on every line.
    from re import _constants, _parser  # type: ignore[attr-defined]  # not in the typeshed
except ImportError:  # pragma: no cover
    _parser = None

_MOST_WORDS = 64


def required_words(pattern: re.Pattern[str]) -> frozenset[str] | None:
    """Return lower-case words of which every match holds at least one, in any case; ``None`` where there are none."""
    if _parser is None:
        return None
    return _of_sequence(_parser.parse(pattern.pattern, pattern.flags & ~re.DEBUG))


def _of_sequence(items: Iterable[Any]) -> frozenset[str] | None:
    """Return the most telling words of a sequence: all of its items must match, so each one's words would do."""
    best: frozenset[str] | None = None
    run = ""
    for operation, argument in items:
        if operation is _constants.LITERAL and argument < 128:  # noqa: PLR2004 - ASCII
            run += chr(argument).lower()
            continue
        best, run = _better(_better(best, _of_run(run)), _of_item(operation, argument)), ""
    return _better(best, _of_run(run))


def _of_run(run: str) -> frozenset[str] | None:
    return frozenset({run}) if run else None


def _of_item(operation: Any, argument: Any) -> frozenset[str] | None:
    if operation is _constants.SUBPATTERN:
        return _of_sequence(argument[-1])
    if operation is _constants.ATOMIC_GROUP:
        return _of_sequence(argument)
    if operation in (_constants.MAX_REPEAT, _constants.MIN_REPEAT, _constants.POSSESSIVE_REPEAT) and argument[0] > 0:
        return _of_sequence(argument[-1])
    if operation is _constants.BRANCH:
        branches = [_of_sequence(branch) for branch in argument[1]]
        words = [branch for branch in branches if branch is not None]
        if len(words) == len(branches):
            return frozenset().union(*words)
    return None


def _better(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    if one is None or other is None:
        return one if other is None else other
    return max(one, other, key=lambda words: (len(words) <= _MOST_WORDS, min(map(len, words)), -len(words)))
