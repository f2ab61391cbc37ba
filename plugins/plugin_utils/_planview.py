# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Private to this collection: a plan as a person reads it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from ansible_collections.raywright.fleet.engine.plan.digest import listed
from ansible_collections.raywright.fleet.engine.plan.shapes import group, render

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_SHAPES = 5
_LINES = 40
_NAMED = 8
_CANARY_NAMED = 20


def view(
    title: str,
    summary: str,
    stages: Mapping[str, Sequence[str]],
    policy: Mapping[str, Any],
    diffs: Iterable[tuple[str, Sequence[str]]],
    *,
    in_flight: int,
    troubles: Mapping[str, str],
    failing: Mapping[str, Sequence[str]],
    rollback: Mapping[str, Mapping[str, str]],
    whole: bool,
) -> str:
    """Return the plan as text. ``whole``: every shape of change in full, else the most frequent ones."""
    lines = [title, f"  {summary}", *_stages(stages), *_breaker(policy, in_flight, stages)]
    lines += [
        f"  not passed before the change: {check}, by {len(names)} devices: {listed(list(names), most=_NAMED)}"
        for check, names in failing.items()
    ]
    lines += _rollback(rollback)
    if troubles:
        lines += ["  left out:", *(f"    {reason}" for reason in list(troubles.values())[:_NAMED])]
        lines += [f"    and {len(troubles) - _NAMED} more: see the report"] if len(troubles) > _NAMED else []
    shapes = group(diffs)
    if shapes:
        width = max(60, shutil.get_terminal_size((110, 24)).columns - 2)
        bounds = {"limit": len(shapes), "lines_limit": 1 << 30} if whole else {"limit": _SHAPES, "lines_limit": _LINES}
        lines += ["", *(f"  {line}".rstrip() for line in render(shapes, width, **bounds))]
    return "\n".join(lines)


def _stages(stages: Mapping[str, Sequence[str]]) -> list[str]:
    if not stages:
        return []
    reach = 0
    shown = []
    for position, (name, names) in enumerate(stages.items()):
        reach += len(names)
        which = f"  {listed(list(names), most=_CANARY_NAMED)}" if position == 0 else ""
        shown.append(f"    {name:<12} {len(names):>6} devices, {reach:>6} in all{which}")
    return ["  stages:", *shown]


def _rollback(found: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Say of how many devices the way back is proved; of the others why not, with the first of them as an example."""
    shown = []
    for verdict, words in (("proved", "proved"), ("not_proved", "NOT proved"), ("unprovable", "cannot be proved")):
        if devices := found.get(verdict):
            name, reason = next(iter(devices.items()))
            shown.append(f"  rollback {words} for {len(devices)} devices" + (f", {name}: {reason}" if reason else ""))
    return shown


def _breaker(policy: Mapping[str, Any], in_flight: int, stages: Mapping[str, Sequence[str]]) -> list[str]:
    if not stages:
        return []
    checks = ", ".join(check["name"] for check in policy["validate"]) or "none"
    return [
        (
            f"  stops at more than {policy['max_failure_percentage']:g}% failures, of a stage or of the fleet; after "
            f"that at most {in_flight} more devices can be touched"
        ),
        f"  checks after each stage: {checks}; on failure: {policy['on_failure'].replace('_', ' ')}",
        *_trial(policy),
    ]


def _trial(policy: Mapping[str, Any]) -> list[str]:
    seconds = policy["confirm_timeout"]
    if not seconds:
        return []
    without = ", where its platform can" if policy["on_unconfirmable"] == "without" else ""
    return [f"  each device reverts by itself{without} unless confirmed within {seconds:g} s; it is saved only then"]
