# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Masking: what is shown or stored has no secret in it, and still shows that one has changed.

By value (what vaulted and ``no_log`` variables hold, in the common quotings) and by pattern (where a platform's
configurations keep secrets). The places of all secrets are found first, in the text as it came, and replaced once:
so neither can hide a part of a secret from the other.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain

from ..errors import InvalidInput
from .forms import any_of, forms
from .patterns import GENERIC_SECRETS
from .prefilter import required_words

__all__ = ["GENERIC_SECRETS", "Masker"]

Span = tuple[int, int]

_GROUP = "secret"
_MASKED = re.compile(r"(?:\\*[\"'])?(?:<masked(?::[0-9a-f]{4})?>)(?:\\*[\"'])?[;,]?")


class Masker:
    """Replaces secrets by ``<masked>``, or with ``fingerprint`` by ``<masked:ab12>``: equal secrets look equal and a
    changed one changes its line. Masking twice changes nothing.

    ``patterns`` are applied line by line (with and without a diff's first character), those compiled with
    ``re.DOTALL`` to the whole text; what their group ``secret`` matches is masked. Values of fewer than four
    characters are not masked.
    """

    __slots__ = ("_blocks", "_fingerprint", "_given", "_known", "_rules")

    def __init__(
        self,
        *,
        values: Iterable[str] = (),
        patterns: Sequence[re.Pattern[str]] = (),
        fingerprint: Callable[[str], str] | None = None,
    ) -> None:
        self._given = tuple(values)
        self._known: tuple[dict[str, str], re.Pattern[str] | None] | None = None
        self._rules, self._blocks = _rules(tuple(patterns))
        self._fingerprint = fingerprint

    @property
    def _spelled(self) -> tuple[dict[str, str], re.Pattern[str] | None]:
        """Every spelling of the values with the value that it spells, and a pattern for all of them.

        Made when first something is masked: every device has a masker, and most of a push have nothing to show.
        """
        if self._known is None:
            origins = {form: value for value in self._given for form in forms(value)}
            self._known = (origins, any_of(origins) if origins else None)
        return self._known

    def mask(self, text: str) -> str:
        """Return ``text`` with a mask in place of every secret."""
        if not text:
            return text
        lowered = text.lower()
        spans = chain(self._value_spans(text), self._block_spans(text, lowered), self._line_spans(text, lowered))
        pieces: list[str] = []
        end = 0
        for start, stop in _merged(spans):
            pieces += (text[end:start], self._mask_for(text[start:stop]))
            end = stop
        return "".join(pieces) + text[end:] if pieces else text

    def __repr__(self) -> str:
        return f"Masker({len(self._spelled[0])} spellings, {len(self._rules) + len(self._blocks)} patterns)"

    def _mask_for(self, secret: str) -> str:
        if self._fingerprint is None:
            return "<masked>"
        origins, _pattern = self._spelled
        return f"<masked:{self._fingerprint(origins.get(secret, secret))[:4]}>"

    def _value_spans(self, text: str) -> Iterator[Span]:
        _origins, values = self._spelled
        if values is None:
            return
        position = 0
        while found := values.search(text, position):
            yield found.span()
            position = found.start() + 1  # not its end: the next value may begin inside this one

    def _block_spans(self, text: str, lowered: str) -> Iterator[Span]:
        for rule in self._blocks:
            if rule.may_match(text, lowered):
                yield from rule.spans(text)

    def _line_spans(self, text: str, lowered: str) -> Iterator[Span]:
        rules = [rule for rule in self._rules if rule.may_match(text, lowered)]
        for start, line, low in _candidates(text, lowered, rules) if rules else ():
            for rule in rules:
                if rule.may_match(line, low):
                    yield from ((start + first, start + last) for first, last in rule.spans_in_line(line))


class _Rule:
    """One pattern and the words without which it needs not be tried."""

    __slots__ = ("looks_left", "pattern", "words")

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self.pattern = pattern
        self.words = _words(pattern)
        self.looks_left = any(sign in pattern.pattern for sign in ("^", "\\A", "\\b", "\\B", "(?<"))

    def may_match(self, text: str, lowered: str) -> bool:
        # Outside ASCII, ``re`` takes more characters for equal than ``lower`` does (the Kelvin sign for a k).
        return self.words is None or any(word in lowered for word in self.words) or not text.isascii()

    def spans(self, text: str) -> Iterator[Span]:
        for found in self.pattern.finditer(text):
            start, stop = found.span(_GROUP)
            if start < stop and not _MASKED.fullmatch(text, start, stop):
                yield start, stop

    def spans_in_line(self, line: str) -> Iterator[Span]:
        body = line.rstrip("\r")
        yield from self.spans(body)
        if self.looks_left and body[:1] in ("+", "-", " "):
            yield from ((start + 1, stop + 1) for start, stop in self.spans(body[1:]))


@lru_cache(maxsize=64)
def _rules(patterns: tuple[re.Pattern[str], ...]) -> tuple[tuple[_Rule, ...], tuple[_Rule, ...]]:
    """The rules for single lines and those for whole texts. Devices of a platform share their patterns."""
    for pattern in patterns:
        if _GROUP not in pattern.groupindex:
            raise InvalidInput(f"The masking pattern {pattern.pattern!r} has no group named {_GROUP!r}")
    rules = [(_Rule(pattern), bool(pattern.flags & re.DOTALL)) for pattern in patterns]
    return tuple(rule for rule, block in rules if not block), tuple(rule for rule, block in rules if block)


def _candidates(text: str, lowered: str, rules: Iterable[_Rule]) -> Iterator[tuple[int, str, str]]:
    """Yield ``(start, line, lower-case line)`` of the lines that some rule may match, and perhaps others."""
    words = {word for rule in rules for word in rule.words or ("",)}
    if "" in words or not text.isascii():
        start = 0
        for line, low in zip(text.split("\n"), lowered.split("\n"), strict=True):
            yield start, line, low
            start += len(line) + 1
        return
    lines: dict[int, int] = {}
    for word in words:
        place = lowered.find(word)
        while place >= 0:
            end = lowered.find("\n", place)
            end = len(text) if end < 0 else end
            lines[lowered.rfind("\n", 0, place) + 1] = end
            place = lowered.find(word, end)
    for start, end in lines.items():
        yield start, text[start:end], lowered[start:end]


@lru_cache(maxsize=256)
def _words(pattern: re.Pattern[str]) -> tuple[str, ...] | None:
    words = required_words(pattern)
    return None if words is None else tuple(words)


def _merged(spans: Iterable[Span]) -> Iterator[Span]:
    """Join spans that overlap; those that only touch stay two secrets."""
    ordered = sorted(spans)
    if not ordered:
        return
    start, stop = ordered[0]
    for first, last in ordered[1:]:
        if first < stop or first == start:
            stop = max(stop, last)
        else:
            yield start, stop
            start, stop = first, last
    yield start, stop
