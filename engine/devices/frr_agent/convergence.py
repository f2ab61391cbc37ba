# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Getting from the running configuration to the wanted one, refusals included."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING

from .router import ERROR, Trouble, call, clean, plain, running_config, said

if TYPE_CHECKING:
    from .workspace import Workspace

RELOAD = (
    "/usr/lib/frr/frr-reload.py",
    "/usr/libexec/frr/frr-reload.py",
    "/usr/lib64/frr/frr-reload.py",
    "/usr/local/lib/frr/frr-reload.py",
    "/usr/sbin/frr-reload.py",
)

Stack = list[str]
"""One command with the contexts it stands in, outermost first, as ``frr-reload.py --test`` prints it."""

ENTRY = re.compile(r"(?:no )?(\S.*? seq \d+) ")
"""A numbered entry of a list; group 1 is the list and the number."""


def delta(work: Workspace, wanted: str) -> tuple[list[Stack], list[Stack]]:
    """Return what frr-reload.py would delete (as ``no`` commands) and add to get from running to wanted."""
    program = next((path for path in RELOAD if os.path.isfile(path)), None)  # noqa: PTH113 - a string is needed
    if program is None:
        raise Trouble("frr-reload.py is not on the device; install the package frr-pythontools")
    done = call(sys.executable, program, "--test", "--log-level", "error", work.file("wanted.conf", clean(wanted)))
    if done.returncode:
        raise Trouble("frr-reload.py could not compare the configurations: " + said(done))
    deletes: list[Stack] = []
    adds: list[Stack] = []
    part = deletes
    for line in done.stdout.splitlines():
        if line.startswith("Lines To "):
            part = deletes if line.endswith("Delete") else adds
        elif line.startswith("===") or not line.strip():
            continue
        elif line.startswith(" ") and part:
            part[-1].append(line.strip())
        else:
            part.append([line.strip()])
    return deletes, removals_first([stack for stack in adds if not idle(stack, adds)])


def removals_first(adds: list[Stack]) -> list[Stack]:
    """Put the removal of a list's entry before the entry that takes its number.

    frr-reload.py puts it last, and FRR removes by number: the new entry would go, not the old one.
    """
    taken = {entry(stack) for stack in adds if not stack[0].startswith("no ")} - {""}
    first = [stack for stack in adds if stack[0].startswith("no ") and entry(stack) in taken]
    return first + [stack for stack in adds if stack not in first] if first else adds


def entry(stack: Stack) -> str:
    match = ENTRY.match(stack[0])
    return match.group(1) if match and len(stack) == 1 else ""


def idle(stack: Stack, adds: list[Stack]) -> bool:
    """Say whether an added command does nothing by itself: FRR never shows it, so it would be added for ever."""
    if stack[0].startswith(("frr version ", "service integrated-vtysh-config")):
        return True
    entering = stack[-1].startswith(("interface ", "address-family ", "line vty")) or stack[-1] == "exit-vrf"
    return entering and not any(len(other) > len(stack) and other[: len(stack)] == stack for other in adds)


def execute(work: Workspace, stacks: list[Stack]) -> dict[int, str]:
    """Run commands from a file; return the index and reason of each one refused."""
    lines: list[str] = []
    owner: list[int] = []
    for index, stack in enumerate(stacks):
        text = [" " * depth + line for depth, line in enumerate(stack)]
        if stack[0].startswith("vrf ") and len(stack) > 1:
            # A static route after it would land in the VRF.
            text.append("exit-vrf")
        lines += text
        owner += [index] * len(text)
    if not lines:
        return {}
    done = call("vtysh", "-f", work.file("commands.conf", "\n".join(lines) + "\n"))
    failed = [int(match.group(1)) for match in map(ERROR.match, done.stderr.splitlines()) if match]
    if done.returncode and not failed and "XFRR" not in done.stdout:
        raise Trouble("vtysh could not run the change: " + said(done))
    reasons = [line for line in done.stdout.splitlines() if line.strip() and "XFRR_" not in line]
    reason = " / ".join(dict.fromkeys(line.strip() for line in reasons)) or "unknown command"
    return {owner[number - 1]: reason for number in failed if 0 < number <= len(owner)}


def insist(work: Workspace, stacks: list[Stack], *, shorten: bool = False) -> list[tuple[Stack, str]]:
    """Run commands, refused ones again one by one: the order may have been the reason. Return what stays refused."""
    refused: list[tuple[Stack, str]] = []
    for index in sorted(execute(work, stacks)):
        stack = list(stacks[index])
        reason = execute(work, [stack]).get(0)
        first = reason
        # Some commands cannot be negated whole ("no ip ospf authentication message-digest X"), only by their start.
        while shorten and reason and stack[-1].startswith("no ") and len(stack[-1].split()) > 2:  # noqa: PLR2004 - "no" and a word
            stack[-1] = stack[-1].rsplit(" ", 1)[0]
            reason = execute(work, [stack]).get(0)
        if reason:
            refused.append((stacks[index], first or reason))
    return refused


def converge(work: Workspace, wanted: str) -> list[tuple[Stack, str]]:
    """Bring running to wanted; return what the device refused and what is therefore still different."""
    deletes, adds = delta(work, wanted)
    refused_deletes = insist(work, deletes, shorten=True)
    refused_adds = insist(work, adds)
    first = plain(running_config())
    if first == plain(wanted):
        return []
    left_deletes, again = delta(work, wanted)
    if again:
        # Deleting a line can take others with it (a neighbour's remote-as takes all of the neighbour): add those
        # again. Nothing is deleted in this pass, for FRR adds lines of its own that are not in the file. The first
        # adds follow once more, so that they win where the file sets one thing twice. It is also the proof that what
        # is still missing then has no effect (a default, which FRR does not show) and was not lost on the way.
        kept_adds = [stack for stack in adds if stack not in again and not stack[0].startswith("no ")]
        refused_adds = insist(work, again + kept_adds)
        if plain(running_config()) != first:
            left_deletes, again = delta(work, wanted)
    # frr-reload asks for some things twice, or in an order that FRR refuses although it comes out right ("no key 1"
    # after "no key chain K"): only what was refused and is still different counts.
    kept = [(stack, reason) for stack, reason in refused_deletes if stack in left_deletes]
    return kept + [(stack, reason) for stack, reason in refused_adds if stack in again]
