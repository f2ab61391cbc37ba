# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The distinct shapes of a fleet's changes: what a person reads instead of ten thousand diffs.

Two diffs have the same shape when they are equal but for words that hold a digit, masked secrets and the device's own
name. What varies inside a shape is counted and shown, so that one odd value among thousands is still seen.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ..wording import counted

MEMBERS_KEPT = 8
VALUES_KEPT = 256
FEW_VALUES = 6
RARE_SHOWN = 3

_OWN = "\x01"
_OWN_SHOWN = "{own name}"
# Possessive, and no start inside a word: without both, text that holds no digit costs quadratic time in its words.
_VARIES = re.compile(
    r"(<masked(?::[0-9a-f]+)?>|(?<![\w.:/\x01])(?:[A-Za-z_.:/][A-Za-z_.:/-]*+)?[0-9\x01][\w.:/\x01-]*)"
)
_NUMBER = re.compile(r"(\d+)")


@dataclass(frozen=True, slots=True)
class Shape:
    """One change that several devices share."""

    devices: int
    example: str
    """The first device that has it."""
    members: tuple[str, ...]
    """The first few devices that have it, in the order they came."""
    identical: bool
    """All of them have it to the byte."""
    lines: tuple[str, ...]
    """The diff; what varies stands in braces with its values."""


def group(diffs: Iterable[tuple[str, Sequence[str]]]) -> list[Shape]:
    """Group masked diffs, given as (device, lines), by shape: most devices first. An empty diff is no change.

    Streams: what is kept grows with the number of shapes, not of devices.
    """
    return classify(diffs)[0]


def classify(diffs: Iterable[tuple[str, Sequence[str]]]) -> tuple[list[Shape], dict[str, int]]:
    """As ``group``, and for each device that would change the number of its shape: 1 is the first of the list."""
    shapes: dict[str, _Members] = {}
    of: dict[str, _Members] = {}
    for device, lines in diffs:
        if not lines:
            continue
        text = "\n".join(lines)
        parts = _VARIES.split(_mark_own(text, device))
        skeleton, values = "\0".join(parts[::2]), parts[1::2]
        members = shapes.get(skeleton)
        if members is None:
            members = shapes[skeleton] = _Members(text, values)
        members.add(device, text, values)
        of[device] = members
    # sorted() is stable: shapes with as many devices stay in the order they came.
    found = sorted(shapes.items(), key=lambda each: -each[1].devices)
    numbers = {id(members): number for number, (_skeleton, members) in enumerate(found, start=1)}
    return (
        [members.shape(skeleton) for skeleton, members in found],
        {device: numbers[id(members)] for device, members in of.items()},
    )


def render(shapes: Sequence[Shape], width: int, *, limit: int = 10, lines_limit: int = 60) -> list[str]:
    """Lines for a terminal ``width`` columns wide. Long lines are wrapped: a cut could hide the odd value."""
    shown: list[str] = []
    for number, shape in enumerate(shapes[:limit], start=1):
        shown.append((f"change {number}: " if len(shapes) > 1 else "") + _header(shape))
        for line in shape.lines[:lines_limit]:
            shown += _wrap(line, width)
        if len(shape.lines) > lines_limit:
            shown.append(f"    ... and {len(shape.lines) - lines_limit} more lines: --diff shows them")
        shown.append("")
    if rest := shapes[limit:]:
        devices = sum(shape.devices for shape in rest)
        shapes_left = "1 more shape" if len(rest) == 1 else f"{len(rest)} more shapes"
        shown.append(f"... and {shapes_left} ({counted(devices, 'device')}): --diff shows them")
    elif shown:
        shown.pop()
    return shown


@dataclass(slots=True)
class _Values:
    """The values that one varying word takes, counted."""

    counts: dict[str, int] = field(default_factory=dict)
    beyond: int = 0
    """Devices whose value came when ``VALUES_KEPT`` distinct ones were kept already."""

    def add(self, value: str, devices: int = 1) -> None:
        counts = self.counts
        if value in counts:
            counts[value] += devices
        elif len(counts) < VALUES_KEPT:
            counts[value] = devices
        else:
            self.beyond += devices

    def shown(self) -> str:
        ordered = sorted(self.counts, key=_natural)
        if self.beyond:
            return f"{{{self._common(ordered[0])} … more than {VALUES_KEPT} values}}"
        if len(ordered) == 1:
            return ordered[0]
        if len(ordered) <= FEW_VALUES:
            most_first = sorted(ordered, key=lambda value: -self.counts[value])
            return "{" + ", ".join(self._counted(value) for value in most_first) + "}"
        if (common := self._common(ordered[0])) != ordered[0]:
            # Where one value rules, the rare ones are what a person looks for.
            rare = sorted(ordered, key=lambda value: self.counts[value])[:RARE_SHOWN]
            left = len(ordered) - 1 - len(rare)
            return "{" + ", ".join([common, *(self._counted(value) for value in rare)]) + f" … {left} more values}}"
        return f"{{{ordered[0]} … {ordered[-1]}, {len(ordered)} values}}"

    def _common(self, otherwise: str) -> str:
        most = max(self.counts, key=self.counts.__getitem__)
        ruled = 2 * self.counts[most] > sum(self.counts.values()) + self.beyond
        return self._counted(most) if ruled else otherwise

    def _counted(self, value: str) -> str:
        return f"{value} ×{self.counts[value]}"


@dataclass(slots=True)
class _Members:
    """The devices of one shape, while they come in."""

    first: str
    first_values: list[str]
    slots: list[_Values] = field(init=False)
    devices: int = 0
    identical: int = 0
    repeats: int = 0
    """Devices that are the first one over again: the usual case in a uniform fleet, counted once, at the end."""
    names: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.slots = [_Values() for _value in self.first_values]

    def add(self, device: str, text: str, values: list[str]) -> None:
        self.devices += 1
        if len(self.names) < MEMBERS_KEPT:
            self.names.append(device)
        same_text = text == self.first
        self.identical += same_text
        # The same text can still be another value: the first device's own name, written by another device.
        if self.devices > 1 and same_text and values == self.first_values:
            self.repeats += 1
            return
        for slot, value in zip(self.slots, values, strict=True):
            slot.add(value)

    def shape(self, skeleton: str) -> Shape:
        for slot, value in zip(self.slots, self.first_values, strict=True):
            slot.add(value, self.repeats)
        literals = skeleton.split("\0")
        words = [slot.shown().replace(_OWN, _OWN_SHOWN) for slot in self.slots] + [""]
        text = "".join(literal + word for literal, word in zip(literals, words, strict=True))
        return Shape(
            devices=self.devices,
            example=self.names[0],
            members=tuple(self.names),
            identical=self.identical == self.devices,
            lines=tuple(text.split("\n")),
        )


def _mark_own(text: str, device: str) -> str:
    """Put a mark where the device names itself, by its inventory name or the first label of it."""
    for name in dict.fromkeys((device, device.partition(".")[0])):
        if name and not name.isdigit() and name in text:
            text = _replace_word(text, name)
    return text


def _replace_word(text: str, word: str) -> str:
    """``str.replace`` for whole words. A pattern per device would be compiled per device, which costs far more."""
    kept: list[str] = []
    start = 0
    at = text.find(word)
    while at >= 0:
        end = at + len(word)
        inside = (at > 0 and _in_word(text[at - 1])) or (end < len(text) and _in_word(text[end]))
        kept += (text[start:end],) if inside else (text[start:at], _OWN)
        start = end
        at = text.find(word, end)
    return "".join(kept) + text[start:]


def _in_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def _natural(value: str) -> list[tuple[int, int, str]]:
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in _NUMBER.split(value) if part]


def _header(shape: Shape) -> str:
    if shape.devices == 1:
        return f"1 device ({shape.example}):"
    named = len(shape.members) == shape.devices
    who = ", ".join(shape.members) if named else f"from {shape.example}"
    if shape.identical:
        return f"{counted(shape.devices, 'device')}, the same change{f' ({who})' if named else ''}:"
    return f"{counted(shape.devices, 'device')}, alike but for values ({who}):"


def _wrap(line: str, width: int) -> list[str]:
    room = max(width - 8, 20)
    pieces = ["    " + line[:room]]
    pieces += ["        " + line[at : at + room] for at in range(room, len(line), room)]
    return pieces
