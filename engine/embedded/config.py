# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A configuration as a tree: read, merged, compared, checked and written in one canonical order."""

import functools
from collections.abc import Iterator
from typing import TypeAlias

from .grammar import ConfigError, Rule, Table
from .syntax import SYNTAX


class Line:
    """One line and the lines below it. Never changed once it is shared; ``Config.copy`` comes first."""

    __slots__ = ("block", "rule", "words")

    def __init__(self, words: tuple[str, ...], rule: Rule, block: "Config | None") -> None:
        self.words = words
        self.rule = rule
        self.block = block


Key: TypeAlias = tuple[str, ...]


class Config:
    """The lines of one level, by what identifies them."""

    __slots__ = ("lines", "table")

    def __init__(self, table: Table = SYNTAX) -> None:
        self.table = table
        self.lines: dict[Key, Line] = {}

    def copy(self) -> "Config":
        twin = Config(self.table)
        twin.lines = {
            key: Line(line.words, line.rule, line.block.copy() if line.block else None)
            for key, line in self.lines.items()
        }
        return twin

    def add(self, words: tuple[str, ...]) -> Line:
        rule = self.table.match(words)
        key = words[: rule.identity] if rule.identity else words
        present = self.lines.get(key)
        block = present.block if present else Config(rule.block) if rule.block else None
        line = self.lines[key] = Line(words, rule, block)
        return line

    def remove(self, words: tuple[str, ...]) -> None:
        if not words or not self.table.known_prefix(words):
            raise ConfigError("'no' of an unknown command")
        for key in [key for key, line in self.lines.items() if line.words[: len(words)] == words]:
            del self.lines[key]

    def ordered(self) -> list[Line]:
        return sorted(self.lines.values(), key=_order)

    def select(self, *words: str) -> Iterator[Line]:
        """Every line that begins with these words."""
        return (line for line in self.lines.values() if line.words[: len(words)] == words)

    def value(self, *words: str) -> str | None:
        """What follows these words on the first line that has them."""
        return next((" ".join(line.words[len(words) :]) for line in self.select(*words)), None)


def _order(line: Line) -> tuple[object, ...]:
    return line.rule.sort_key(line.words)


def load(text: str, base: Config | None = None) -> Config:
    """Read a configuration, over a copy of ``base`` (merge) or from nothing (replace).

    Raises ``ConfigError`` with the line's number; indentation makes the hierarchy, one space or more a level.
    """
    reader = _Reader(base.copy() if base else Config())
    for number, raw in enumerate(text.splitlines(), start=1):
        stripped = raw.strip()
        if not stripped or stripped.startswith("!") or stripped == "end":
            continue
        try:
            reader.read(len(raw) - len(raw.lstrip(" ")), tuple(stripped.split()))
        except ConfigError as exc:
            raise ConfigError(f"Invalid input at line {number}: {exc}") from None
    return reader.root


class _Reader:
    """Puts lines where their indentation says."""

    def __init__(self, root: Config) -> None:
        self.root = root
        self._levels = [(0, root)]
        self._opened: Config | None = None

    def read(self, indent: int, words: tuple[str, ...]) -> None:
        while indent < self._levels[-1][0]:
            self._levels.pop()
        depth, level = self._levels[-1]
        if indent > depth:
            if self._opened is None:
                raise ConfigError("indented, but the line above opens no block")
            level = self._opened
            self._levels.append((indent, level))
        self._opened = None
        if words[0] == "no":
            level.remove(words[1:])
        else:
            self._opened = level.add(words).block


@functools.lru_cache(maxsize=256)
def parsed(text: str) -> Config:
    """Read a stored configuration; shared, so it must be copied before it is changed."""
    return load(text)


def render(config: Config) -> str:
    """Write a configuration: the same lines always give the same text."""
    lines: list[str] = []
    group = -1
    for line in config.ordered():
        if line.block is not None or line.rule.group != group:
            lines.append("!")
        group = line.rule.group
        lines.extend(_text(line, 0))
    return "\n".join([*lines, "!", "end", ""])


def _text(line: Line, depth: int) -> Iterator[str]:
    yield " " * depth + " ".join(line.words)
    if line.block is not None:
        for below in line.block.ordered():
            yield from _text(below, depth + 1)


def diff(before: Config, after: Config, depth: int = 0) -> Iterator[str]:
    """Give the change as lines that begin with ``+``, ``-``, or a space for the block that they stand in."""
    for key in sorted(before.lines | after.lines, key=lambda key: _order(after.lines.get(key) or before.lines[key])):
        old, new = before.lines.get(key), after.lines.get(key)
        if old and new and old.words == new.words:
            below = list(diff(old.block, new.block, depth + 1)) if old.block and new.block else []
            if below:
                yield " " + " " * depth + " ".join(new.words)
            yield from below
            continue
        if old:
            yield from ("-" + text for text in _text(old, depth))
        if new:
            yield from ("+" + text for text in _text(new, depth))


def check(config: Config) -> None:
    """Refuse what is well written but cannot work. Raises ``ConfigError``."""
    lists = {line.words[2] for line in config.select("ip", "prefix-list")}
    maps = {line.words[1] for line in config.select("route-map")}
    for line in config.select("route-map"):
        name = line.block.value("match", "ip", "address", "prefix-list") if line.block else None
        if name is not None and name not in lists:
            raise ConfigError(f"route-map {line.words[1]}: prefix-list {name} is not defined")
    instances = list(config.select("router", "bgp"))
    if len(instances) > 1:
        raise ConfigError(f"BGP runs in AS {instances[0].words[2]}; remove it before another AS is configured")
    for line in instances:
        if line.block is not None:
            _check_bgp(line.block, maps)
    _check_addresses(config)


def _check_bgp(bgp: Config, maps: set[str]) -> None:
    known = {line.words[1] for line in bgp.select("neighbor") if line.words[2] == "remote-as"}
    for line in bgp.select("neighbor"):
        address, option, *rest = line.words[1:]
        if address not in known:
            raise ConfigError(f"neighbor {address}: remote-as is missing")
        if option == "route-map" and rest[1] not in maps:
            raise ConfigError(f"neighbor {address}: route-map {rest[1]} is not defined")


def _check_addresses(config: Config) -> None:
    used: dict[str, str] = {}
    for line in config.select("interface"):
        address = line.block.value("ip", "address") if line.block else None
        if address is None:
            continue
        other = used.setdefault(address.partition("/")[0], line.words[1])
        if other != line.words[1]:
            raise ConfigError(f"interface {line.words[1]}: its address is already on {other}")
