# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks made after each stage: what a user writes, checked before anything is touched."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..errors import InvalidInput
from .stages import seconds

_KEYS = ("name", "command", "shell", "match", "not_match", "expression", "show", "variables", "retries", "delay")


@dataclass(frozen=True, slots=True)
class Check:
    """A command, and what its output must match (a regular expression) or fulfil (a Jinja2 expression)."""

    name: str
    command: str
    shell: bool = False
    match: str | None = None
    not_match: str | None = None
    expression: str | None = None
    show: str | None = None
    """A Jinja2 expression like that: what of the output to show where the check fails, instead of its beginning."""
    variables: tuple[str, ...] = ()
    """Inventory variables of the device that command, patterns and expression may use."""
    retries: int = 5
    delay: float = 2.0

    def as_dict(self) -> dict[str, Any]:
        given = asdict(self) | {"variables": list(self.variables)}
        return given if self.show else {key: value for key, value in given.items() if key != "show"}


def parse(raw: Any) -> tuple[Check, ...]:
    """Check a list of checks. Raises ``InvalidInput`` that names the entry and what was expected."""
    if isinstance(raw, str | Mapping) or not isinstance(raw, Sequence):
        raise InvalidInput("validate: expected a list of checks")
    checks = tuple(_check(entry, position) for position, entry in enumerate(raw, start=1))
    names = [check.name for check in checks]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InvalidInput(f"validate: the name {twice[0]!r} stands twice; give each check its own name")
    return checks


def _check(entry: Any, position: int) -> Check:
    where = f"validate: entry {position}"
    if not isinstance(entry, Mapping):
        raise InvalidInput(f"{where}: expected a mapping with at least a command, not {entry!r}")
    if unknown := sorted(set(map(str, entry)) - set(_KEYS)):
        raise InvalidInput(f"{where}: unknown key {unknown[0]!r}; known are {', '.join(_KEYS)}")
    if ("command" in entry) == ("shell" in entry):
        raise InvalidInput(f'{where}: give either "command" (the device\'s CLI) or "shell" (its shell)')
    if not any(entry.get(key) for key in ("match", "not_match", "expression")):
        raise InvalidInput(f'{where}: say what must hold: "match", "not_match" or "expression"')
    for key in ("match", "not_match"):
        if pattern := entry.get(key):
            _compile(str(pattern), f"{where}: {key}")
    retries = entry.get("retries", 5)
    if isinstance(retries, bool) or not str(retries).isdigit():
        raise InvalidInput(f"{where}: retries must be a count, not {retries!r}")
    variables = entry.get("variables", ())
    if isinstance(variables, str) or not isinstance(variables, Sequence):
        raise InvalidInput(f"{where}: variables must be a list of names")
    command = str(entry.get("command", entry.get("shell")))
    return Check(
        name=str(entry.get("name", command)),
        command=command,
        shell="shell" in entry,
        match=_text(entry.get("match")),
        not_match=_text(entry.get("not_match")),
        expression=_text(entry.get("expression")),
        show=_text(entry.get("show")),
        variables=tuple(map(str, variables)),
        retries=int(retries),
        delay=seconds(entry.get("delay", 2), f"{where}: delay"),
    )


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _compile(pattern: str, where: str) -> None:
    try:
        re.compile(pattern)
    except re.error as exc:
        raise InvalidInput(f"{where}: {pattern!r} is no regular expression: {exc}") from exc
