# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configurations as hier_config's trees: what to send, what it leads to, and whether the way back leads back.

hier_config works out the commands, and it has been wrong before. So nothing is taken for granted: its own prediction of
what the commands lead to is compared with what was wanted, the way back with what was there, and every line that it
dropped or rewrote while reading is looked for where the change touches it.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

from hier_config import HConfig, HConfigChild, get_hconfig_fast_load
from hier_config.exceptions import DuplicateChildError
from hier_config.platforms.driver_base import HConfigDriverBase

from ..base import Mode, Proof
from .banners import fold, unfold
from .indented import Path, raw_paths

Rules: TypeAlias = Callable[[], HConfigDriverBase]

_IGNORED = ("!", "#", "exit", "end", "version ")
"""How lines begin that say nothing: comments, ends of sections, and what the device writes of itself."""


class Unreadable(Exception):
    """A configuration that hier_config cannot read; the message names no value of it."""


@dataclass(frozen=True, slots=True)
class Remedy:
    """How a device gets from one configuration to another."""

    commands: tuple[str, ...]
    """One configuration command each, in order, ends of sections included."""
    diff: tuple[str, ...]
    proof: Proof


_NOTHING = Remedy((), (), Proof("proved"))


def remedy(rules: Rules, running: str, wanted: str, mode: Mode) -> Remedy:
    """Work out the commands from ``running`` to ``wanted``, all of it or added to what runs, and what they lead to.

    Raises ``Unreadable``.
    """
    if mode == "merge" and _has(running, wanted):
        return _NOTHING
    running, wanted = fold(running), fold(wanted)
    now, goal, remediation = _remediation(rules, running, wanted, mode)
    commands = tuple(_commands(remediation))
    if not commands:
        return _NOTHING
    after = now.future(remediation)
    return Remedy(commands, tuple(_diff(now, after)), _proof(now, goal, after, remediation, (running, wanted)))


def commands(rules: Rules, running: str, wanted: str, mode: Mode) -> tuple[str, ...]:
    """The commands alone, at a third of the price: where they are sent, what they lead to is read and not predicted."""
    return tuple(_commands(_remediation(rules, fold(running), fold(wanted), mode)[2]))


def _remediation(rules: Rules, running: str, wanted: str, mode: Mode) -> tuple[HConfig, HConfig, HConfig]:
    """What runs, what it is to become, and the commands from the one to the other."""
    driver = _driver(rules)
    now, goal = _read(driver, running, "running"), _read(driver, wanted, "wanted")
    if mode == "merge":
        goal = now.future(goal)
    else:
        _forget_what_is_so(goal, now)
    return now, goal, now.config_to_get_to(goal).set_order_weight()


@cache
def _driver(rules: Rules) -> HConfigDriverBase:
    return rules()


def _has(running: str, wanted: str) -> bool:
    """Whether every line of ``wanted`` stands in ``running`` as it is: then there is nothing to work out."""
    return set(raw_paths(fold(wanted))) <= set(raw_paths(fold(running)))


def _read(driver: HConfigDriverBase, text: str, which: str) -> HConfig:
    # What hier_config says of a text that it cannot read repeats lines of it, secrets and all.
    try:
        return get_hconfig_fast_load(driver, text)
    except DuplicateChildError:
        paths = (path for path in raw_paths(text) if not path[-1].startswith(_IGNORED))
        twice = next((path[-1] for path, times in Counter(paths).items() if times > 1), "")
        words = " ".join(twice.split()[:2])
        raise Unreadable(f"the {which} configuration has a line twice in one section ('{words} ...')") from None
    except (ValueError, TypeError, LookupError):
        raise Unreadable(
            f"hier_config cannot read the {which} configuration; is it whole, and this platform's?"
        ) from None


def _forget_what_is_so(goal: HConfig | HConfigChild, now: HConfig | HConfigChild | None) -> None:
    """Drop negations of what is not there: a device that is so by default does not show them."""
    negation = goal.driver.negation_prefix
    for child in tuple(goal.children):
        same = now.get_child(equals=child.text) if now is not None else None
        if same is None and child.text.startswith(negation):
            positive = child.text_without_negation
            there = [] if now is None else [c for c in now.children if f"{c.text} ".startswith(f"{positive} ")]
            if not there:
                child.delete()
                continue
        _forget_what_is_so(child, same)


def _commands(remediation: HConfig) -> Iterator[str]:
    for line in remediation.lines(sectional_exiting=True):
        yield unfold(line.lstrip(" "))


def _diff(now: HConfig | HConfigChild, after: HConfig | HConfigChild, depth: int = 0) -> Iterator[str]:
    """Give the change as lines that begin with ``+``, ``-``, or a space for the block that they stand in."""
    for old in now.children:
        new = after.get_child(equals=old.text)
        if new is None:
            yield from _whole(old, "-", depth)
        elif below := list(_diff(old, new, depth + 1)):
            yield from _shown(old.text, " ", depth)
            yield from below
    for new in after.children:
        if now.get_child(equals=new.text) is None:
            yield from _whole(new, "+", depth)


def _whole(line: HConfigChild, sign: str, depth: int) -> Iterator[str]:
    yield from _shown(line.text, sign, depth)
    for below in line.children:
        yield from _whole(below, sign, depth + 1)


def _shown(text: str, sign: str, depth: int) -> Iterator[str]:
    return (f"{sign}{' ' * depth}{part}" for part in unfold(text).split("\n"))


def _proof(now: HConfig, goal: HConfig, after: HConfig, remediation: HConfig, texts: tuple[str, str]) -> Proof:
    if strange := _differences(after, goal):
        return Proof("not_proved", f"the commands would not lead to what is wanted: {strange}")
    back = after.future(after.config_to_get_to(now).set_order_weight())
    if strange := _differences(back, now):
        return Proof("not_proved", f"change and rollback would leave a difference: {strange}")
    touched = {path[0].removeprefix(now.driver.negation_prefix) for path in _paths(remediation)}
    for text, read in zip(texts, (now, goal), strict=True):
        if lost := _lost(text, read, touched):
            return Proof(
                "not_proved", f"{len(lost)} lines where it changes something are not understood, first '{lost[0]}'"
            )
    return Proof("proved")


def _differences(found: HConfig, expected: HConfig) -> str:
    """Say how many lines one has and the other has not, in any order; name the first by its first word."""
    mine, theirs = Counter(_paths(found)), Counter(_paths(expected))
    extra, missing = list((mine - theirs).elements()), list((theirs - mine).elements())
    if not extra and not missing:
        return ""
    parts = [f"{len(paths)} lines {word}" for paths, word in ((extra, "too many"), (missing, "missing")) if paths]
    return f"{' and '.join(parts)}, first '{' / '.join((extra or missing)[0])}'"


def _paths(node: HConfig | HConfigChild, above: Path = ()) -> Iterator[Path]:
    for child in node.children:
        path = (*above, child.text)
        yield path
        yield from _paths(child, path)


def _lost(text: str, read: HConfig, touched: set[str]) -> list[str]:
    """Lines of the text, inside sections that are touched, that the tree does not have as they are written."""
    kept = Counter(_paths(read))
    lost = []
    for path in raw_paths(text):
        if kept[path] > 0:
            kept[path] -= 1
        elif path[0] in touched and not path[-1].startswith(_IGNORED):
            lost.append(" / ".join(path))
    return lost
