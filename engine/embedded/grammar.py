# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Matching of one configuration line against a table of patterns.

A pattern is words: literals, alternatives ``(ro|rw)``, typed values ``<ip>``, one optional part ``[prefer]``, and at
most one ``=``, which ends the words that identify the line: ``mtu = <mtu>`` replaces an earlier ``mtu``, while two
different ``ntp server <ip>`` stand beside each other.
"""

import functools
import ipaddress
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias


class ConfigError(Exception):
    """What the router says about a line or a configuration that it does not take."""


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a pattern. ``label`` stands for it in messages, which never repeat a value: it may be a secret."""

    label: str
    accepts: Callable[[str], bool]
    literal: bool = False
    rest: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """One kind of line; ``block`` is the table of the lines below it, where it opens a block."""

    group: int
    rank: int
    variants: tuple[tuple[Word, ...], ...]
    identity: int
    values: tuple[int, ...]
    block: "Table | None" = None

    def sort_key(self, words: Sequence[str]) -> tuple[object, ...]:
        return (self.group, tuple(_natural(words[i]) for i in self.values), self.rank, words)


@dataclass(slots=True, eq=False)
class Table:
    """The lines that are valid at one level, by their first word."""

    rules: dict[str, list[Rule]] = field(default_factory=dict)

    # Most lines of a fleet are in many configurations, and each configuration is read several times.
    @functools.lru_cache(maxsize=16384)  # noqa: B019 - the tables are as old as the program
    def match(self, words: tuple[str, ...]) -> Rule:
        """Find the rule of a whole line. Raises ``ConfigError`` naming the first word that does not fit."""
        candidates = self.rules.get(words[0])
        if not candidates:
            raise ConfigError("unknown command")
        best: tuple[int, list[str], str] = (0, [], "")
        for rule in candidates:
            for variant in rule.variants:
                fits = _fits(variant, words)
                if fits == len(variant) and (len(words) == fits or variant[-1].rest):
                    return rule
                best = _further(best, fits, variant)
        raise ConfigError(f"{best[2]} ^ expected {' or '.join(best[1])}")

    def known_prefix(self, words: Sequence[str]) -> bool:
        """Tell whether some rule's line may begin with these words; what ``no`` may name."""
        return any(
            _fits(variant, words) >= min(len(words), len(variant))
            for rule in self.rules.get(words[0], ())
            for variant in rule.variants
        )


Entry: TypeAlias = str | tuple[str, Sequence[Sequence["Entry"]]]


def table(groups: Sequence[Sequence[Entry]]) -> Table:
    """Compile groups of patterns; a pair is a pattern and the groups of its block.

    Groups come out in this order; within a group, lines sort by the values that identify them and then by pattern.
    """
    result = Table()
    for number, group in enumerate(groups):
        for rank, entry in enumerate(group):
            pattern, below = (entry, None) if isinstance(entry, str) else entry
            rule = _rule(pattern, number, rank, table(below) if below is not None else None)
            result.rules.setdefault(rule.variants[0][0].label, []).append(rule)
    return result


def _rule(pattern: str, group: int, rank: int, block: Table | None) -> Rule:
    required, _separator, optional = pattern.partition(" [")
    words = required.split()
    identity = words.index("=") if "=" in words else 0
    base = tuple(_word(word) for word in words if word != "=")
    named = base[:identity] if identity else base
    variants = [base]
    for part in optional.rstrip("]").split("] [") if optional else ():
        more = tuple(_word(word) for word in part.split())
        variants += [(*variant, *more) for variant in variants]
    return Rule(
        group=group,
        rank=rank,
        variants=tuple(variants),
        identity=identity,
        values=tuple(i for i, word in enumerate(named) if not word.literal),
        block=block,
    )


def _fits(variant: Sequence[Word], words: Sequence[str]) -> int:
    for position, word in enumerate(variant):
        if position >= len(words) or not word.accepts(words[position]):
            return position
    return len(variant)


def _further(best: tuple[int, list[str], str], fits: int, variant: Sequence[Word]) -> tuple[int, list[str], str]:
    expected = variant[fits].label if fits < len(variant) else "end of line"
    if fits > best[0]:
        return fits, [expected], " ".join(word.label for word in variant[:fits])
    if fits == best[0] and expected not in best[1]:
        best[1].append(expected)
    return best


@functools.lru_cache(maxsize=16384)
def _natural(word: str) -> tuple[tuple[int, int | str], ...]:
    """Order ``Ethernet2`` before ``Ethernet10``, and addresses by their numbers."""
    return tuple((0, int(part)) if part.isdigit() else (1, part) for part in re.split(r"(\d+)", word) if part)


def _word(text: str) -> Word:
    if text.startswith("<"):
        return _TYPES[text]
    if text.startswith("("):
        choices = frozenset(text[1:-1].split("|"))
        return Word(text, choices.__contains__)
    return Word(text, text.__eq__, literal=True)


def _address(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True


def _prefix(text: str) -> bool:
    try:
        return "/" in text and bool(ipaddress.IPv4Network(text))
    except ValueError:
        return False


def _interface_address(text: str) -> bool:
    try:
        return "/" in text and bool(ipaddress.IPv4Interface(text))
    except ValueError:
        return False


def _number(low: int, high: int) -> Callable[[str], bool]:
    return lambda text: text.isascii() and text.isdigit() and low <= int(text) <= high


def _pattern(expression: str) -> Callable[[str], bool]:
    compiled = re.compile(expression)
    return lambda text: compiled.fullmatch(text) is not None


def _types() -> Iterator[Word]:
    yield Word("<ip>", _address)
    yield Word("<prefix>", _prefix)
    yield Word("<ip/len>", _interface_address)
    yield Word("<next-hop>", lambda text: text == "Null0" or _address(text))
    yield Word("<interface>", _pattern(r"(Ethernet|Loopback|Management)[0-9]+(/[0-9]+)?"))
    yield Word("<name>", _pattern(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}"))
    yield Word("<word>", bool)
    yield Word("<community>", _pattern(r"[0-9]{1,10}:[0-9]{1,10}"))
    yield Word("<text>", bool, rest=True)
    for label, low, high in (
        ("asn", 1, 4294967295),
        ("mtu", 68, 9216),
        ("seq", 1, 65535),
        ("length", 0, 32),
        ("number", 0, 4294967295),
        ("seconds", 1, 65535),
        ("paths", 1, 128),
    ):
        yield Word(f"<{label} {low}-{high}>", _number(low, high))


_TYPES = {f"{word.label.split(' ')[0].rstrip('>')}>": word for word in _types()}
