# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Private to this collection: a plan as a person reads it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from ansible_collections.raywright.fleet.engine.plan.shapes import render
from ansible_collections.raywright.fleet.engine.wording import counted, listed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.raywright.fleet.engine.plan.policy import Policy
    from ansible_collections.raywright.fleet.engine.rollout.planning import Plan

_SHAPES = 5
_LINES = 40
_NAMED = 8
_CANARY_NAMED = 20
_PROOF = {"proved": "proved", "not_proved": "NOT proved", "unprovable": "cannot be proved beforehand"}


def view(title: str, plan: Plan, *, whole: bool) -> str:
    """Return the plan as text. ``whole``: every shape of change in full, else the most frequent ones."""
    lines = [title, f"  {plan.summary()}", *_stages(plan), *_canary(plan), *_order(plan), *_breaker(plan)]
    for check, names in plan.failing_already.items():
        who = listed(list(names), most=_NAMED)
        lines.append(f"  not passed before the change: {check}, by {counted(len(names), 'device')}: {who}")
    lines += _rollback(plan.rollback)
    troubles = [result.reason for result in plan.results.values() if result.outcome not in {"pending", "unchanged"}]
    if troubles:
        lines += ["  left out:", *(f"    {reason}" for reason in troubles[:_NAMED])]
        lines += [f"    and {len(troubles) - _NAMED} more: see the report"] if len(troubles) > _NAMED else []
    if shapes := plan.shapes:
        width = max(60, shutil.get_terminal_size((110, 24)).columns - 2)
        bounds = {"limit": len(shapes), "lines_limit": 1 << 30} if whole else {"limit": _SHAPES, "lines_limit": _LINES}
        lines += ["", *(f"  {line}".rstrip() for line in render(shapes, width, **bounds))]
    return "\n".join(lines)


def _stages(plan: Plan) -> list[str]:
    if not plan.stages:
        return []
    reach = 0
    shown = []
    for position, (name, names) in enumerate(plan.stages.items()):
        reach += len(names)
        waves = 1 + max(plan.waves[each] for each in names)
        how = f", in {waves} waves" if waves > 1 else ""
        which = f"  {listed(list(names), most=_CANARY_NAMED)}" if position == 0 else ""
        shown.append(f"    {name:<12} {len(names):>6} devices, {reach:>6} in all{how}{which}")
    return ["  stages:", *shown]


def _canary(plan: Plan) -> list[str]:
    """Say what nobody in the first stage stands for."""
    found = plan.coverage
    if not plan.stages or not found.combinations:
        return []
    said = [
        f"    {each.stratum}: {counted(each.devices, 'device')}, such as {each.example}"
        for each in found.uncovered[:_NAMED]
    ]
    if more := found.uncovered[_NAMED:]:
        said.append(f"    and {len(more)} more, the largest with {counted(more[0].devices, 'device')}: see the report")
    covered = found.strata - len(found.uncovered)
    head = f"  the canary, {next(iter(plan.stages))}, covers {covered} of {found.strata} strata"
    if not said:
        combinations, devices = counted(found.combinations, "combination"), counted(found.combined, "device")
        return [f"{head}, but not {combinations} of them, with {devices}"]
    return [f"{head}; not in it:", *said]


def _order(plan: Plan) -> list[str]:
    """Say who comes last, and who is kept apart."""
    lines = []
    groups = {group for name in plan.waves for group in plan.fleet[name].groups}
    if groups:
        how_many = counted(len(groups), "redundancy group")
        lines.append(f"  never together: the members of {how_many}; the next waits for the last")
    if last := plan.last:
        lines.append("  last, one at a time:")
        lines += [f"    {name}: {why}" for name, why in list(last.items())[:_NAMED]]
        lines += [f"    and {len(last) - _NAMED} more"] if len(last) > _NAMED else []
    return [*lines, *(f"  note: {note}" for note in plan.notes)]


def _rollback(found: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Say of how many devices the way back is proved; of the others why not, with the first of them as an example."""
    shown = []
    for verdict, words in _PROOF.items():
        if devices := found.get(verdict):
            name, reason = next(iter(devices.items()))
            example = f", {name}: {reason}" if reason else ""
            shown.append(f"  rollback {words} for {counted(len(devices), 'device')}{example}")
    return shown


def _breaker(plan: Plan) -> list[str]:
    if not plan.stages:
        return []
    policy = plan.policy
    checks = ", ".join(check.name for check in policy.validate) or "none"
    most = counted(plan.in_flight, "more device")
    return [
        (
            f"  stops at more than {policy.max_failure_percentage:g}% failures, of a stage or of the fleet, or "
            f"{policy.stratum_limit:g}% of a stratum; after that at most {most} can be touched"
        ),
        f"  checks after each stage: {checks}; on failure: {policy.on_failure.replace('_', ' ')}",
        *_trial(policy),
    ]


def _trial(policy: Policy) -> list[str]:
    seconds = policy.confirm_timeout
    if not seconds:
        return []
    without = ", where its platform can," if policy.on_unconfirmable == "without" else ""
    return [f"  each device reverts by itself{without} unless confirmed within {seconds:g} s; it is saved only then"]
