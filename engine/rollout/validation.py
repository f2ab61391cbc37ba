# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks after a change: what a command's output must match or fulfil."""

import asyncio
import contextlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from jinja2 import TemplateError, TemplateSyntaxError, Undefined
from jinja2.sandbox import SandboxedEnvironment

from ..devices.base import Session
from ..errors import CommandFailed, InvalidInput
from ..plan.checks import Check

if TYPE_CHECKING:
    from .procedures import Attempt

Verdict = tuple[str, str]

_ENVIRONMENT = SandboxedEnvironment(autoescape=False)
# Ansible's own tests on texts, which people will expect in an expression.
_ENVIRONMENT.tests.update(
    {
        "match": lambda value, pattern: bool(re.match(pattern, str(value))),
        "search": lambda value, pattern: bool(re.search(pattern, str(value))),
    }
)
_EXCERPT = 160


def require_readable(checks: Sequence[Check]) -> None:
    """Parse every expression and template. Raises ``InvalidInput`` that names the check and what of it is wrong.

    For whoever makes a plan, before anything is touched; ``plan`` itself knows no Jinja2.
    """
    for check in checks:
        where = f"validate: {check.name!r}"
        for key, expression in (("expression", check.expression), ("show", check.show)):
            if expression:
                _require(_ENVIRONMENT.compile_expression, expression, f"{where}: {key}")
        command = "shell" if check.shell else "command"
        for key, text in ((command, check.command), ("match", check.match), ("not_match", check.not_match)):
            if text and "{{" in text:
                _require(_ENVIRONMENT.from_string, text, f"{where}: {key}")


def _require(parse: Callable[[str], object], text: str, where: str) -> None:
    try:
        parse(text)
    except TemplateSyntaxError as exc:
        kind = "expression" if parse == _ENVIRONMENT.compile_expression else "template"
        raise InvalidInput(f"{where}: {text!r} is no Jinja2 {kind}: {exc.message}") from exc


async def failing(attempt: "Attempt", session: Session, *, once: bool = False) -> dict[str, Verdict]:
    """Run all checks and return verdict and reason of each that did not pass. ``once``: without its retries."""
    found: dict[str, Verdict] = {}
    for raw in attempt.settings.checks:
        check = Check(**{**raw, "variables": tuple(raw["variables"]), **({"retries": 0} if once else {})})
        verdict = await _until_passed(check, attempt, session)
        if verdict:
            found[check.name] = verdict
    return found


def regressed(verdicts: Mapping[str, Verdict], before: Mapping[str, str]) -> dict[str, Verdict]:
    """Judge again what could not be judged: where it could be before the change, that it no longer can is a failure."""
    return {
        name: ("failed", f"it could be judged before the change and now cannot: {reason}")
        if verdict == "inconclusive" and before.get(name) != "inconclusive"
        else (verdict, reason)
        for name, (verdict, reason) in verdicts.items()
    }


async def _until_passed(check: Check, attempt: "Attempt", session: Session) -> Verdict | None:
    facts = {**attempt.task.variables, "device": attempt.task.name}
    verdict: Verdict | None = None
    for tried in range(check.retries + 1):
        if tried:
            await asyncio.sleep(check.delay)
        verdict = await _once(check, facts, session)
        if verdict is None:
            return None
    return verdict


async def _once(check: Check, facts: Mapping[str, Any], session: Session) -> Verdict | None:
    try:
        output = await session.command(_fill(check.command, facts), shell=check.shell)
        return judge(check, output, facts)
    except CommandFailed as exc:
        return "failed", str(exc)
    except (TemplateError, re.error, TypeError, ValueError, LookupError, ArithmeticError) as exc:
        # What a pattern or an expression makes of an unforeseen output says nothing about the device.
        return "inconclusive", f"the check itself cannot be evaluated: {exc}"


def judge(check: Check, output: str, facts: Mapping[str, Any]) -> Verdict | None:
    """Hold one output against one check; ``None`` where it passes. Pure."""
    if check.match and not re.search(_fill(check.match, facts), output, re.MULTILINE):
        return "failed", f"output does not match {check.match!r}: {_shown(check, output, facts)}"
    if check.not_match and (bad := re.search(_fill(check.not_match, facts), output, re.MULTILINE)):
        begin = output.rfind("\n", 0, bad.start()) + 1
        return "failed", f"output matches {check.not_match!r}: {_shown(check, output, facts, begin)}"
    if not check.expression:
        return None
    value = _value(check.expression, output, facts)
    if isinstance(value, Undefined):
        return "inconclusive", f"{check.expression!r} is undefined for: {_shown(check, output, facts)}"
    if value is True:
        return None
    return "failed", f"{check.expression!r} is {value!r} for: {_shown(check, output, facts)}"


def _value(expression: str, output: str, facts: Mapping[str, Any]) -> object:
    try:
        parsed = json.loads(output)
    except ValueError:
        parsed = None
    evaluate = _ENVIRONMENT.compile_expression(expression, undefined_to_none=False)
    return evaluate(**facts, output=output, json=parsed)


def _shown(check: Check, output: str, facts: Mapping[str, Any], begin: int = 0) -> str:
    """What of an output a message quotes: what the check says, or as much of it as fits from where it went wrong."""
    if check.show:
        with contextlib.suppress(TemplateError, TypeError, ValueError, LookupError, ArithmeticError):
            value = _value(check.show, output, facts)
            if not isinstance(value, Undefined):
                return excerpt(value if isinstance(value, str) else json.dumps(value, default=str))
    return excerpt(output[begin:])


def excerpt(output: str) -> str:
    """The beginning of a text on one line, for a message."""
    flat = " ".join(output.split())
    return flat if len(flat) <= _EXCERPT else flat[: _EXCERPT - 1] + "…"


def _fill(text: str, facts: Mapping[str, Any]) -> str:
    return _ENVIRONMENT.from_string(text).render(**facts) if "{{" in text else text
