# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Byte for byte: what FRR shows in the order in which it was entered."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .convergence import execute
from .router import plain, running_config

if TYPE_CHECKING:
    from .convergence import Stack
    from .workspace import Workspace

# Lists that FRR shows in the order in which their names were first configured; group 1 is the name.
NAMED = (
    re.compile(r"ip prefix-list (\S+)"),
    re.compile(r"ipv6 prefix-list (\S+)"),
    re.compile(r"access-list (\S+)"),
    re.compile(r"ipv6 access-list (\S+)"),
    re.compile(r"mac access-list (\S+)"),
    re.compile(r"route-map (\S+)"),
    re.compile(r"bgp as-path access-list (\S+)"),
    re.compile(r"bgp community-list \S+ (\S+)"),
    re.compile(r"bgp large-community-list \S+ (\S+)"),
    re.compile(r"bgp extcommunity-list \S+ (\S+)"),
    re.compile(r"key chain (\S+)"),
)
ADDRESSES = ("ip address ", "ipv6 address ")


def blocks(config: str) -> list[list[str]]:
    """Split a configuration into top-level lines, each with what is indented below it."""
    found: list[list[str]] = []
    for line in plain(config):
        if line.startswith(" ") or line in ("exit", "exit-vrf"):
            if found:
                found[-1].append(line)
        else:
            found.append([line])
    return found


def reorder(work: Workspace, wanted: str) -> None:
    """Put lists and addresses in the wanted order: FRR shows some in the order of entry, and addresses mean it.

    What cannot be kept in place is taken out and entered again: in two files, for FRR commits a file as a whole and
    sees no difference in one. bgpd waits some seconds before it acts on a changed policy, so it sees only the end.
    """
    target, now = blocks(wanted), blocks(running_config())
    out: list[Stack] = []
    back: list[Stack] = []
    for kind in NAMED:
        late = out_of_place(kind, target, now)
        out += [["no " + block[0]] for block in now if named(kind, block) in late]
        back += [stack for block in target if named(kind, block) in late for stack in nested(block)]
    present = {block[0]: block for block in now}
    for block in target:
        if block[0].startswith("interface ") and block[0] in present:
            for prefix in ADDRESSES:
                goal = [line.strip() for line in block if line.strip().startswith(prefix)]
                have = [line.strip() for line in present[block[0]] if line.strip().startswith(prefix)]
                late_lines = goal[keep(goal, have) :]
                out += [[block[0], "no " + line] for line in late_lines if line in have]
                back += [[block[0], line] for line in late_lines]
    execute(work, out)
    execute(work, back)


def named(kind: re.Pattern[str], block: list[str]) -> str:
    match = kind.match(block[0])
    return match.group(1) if match else ""


def out_of_place(kind: re.Pattern[str], target: list[list[str]], now: list[list[str]]) -> set[str]:
    """Return the names of the lists of one kind that must be entered again."""
    goal, have = (list(dict.fromkeys(filter(None, (named(kind, b) for b in config)))) for config in (target, now))
    return set(goal[keep(goal, have) :])


def nested(block: list[str]) -> list[Stack]:
    """Write a block as one command a line, each with its contexts."""
    stacks: list[Stack] = []
    path: list[str] = []
    for line in block:
        depth = len(line) - len(line.lstrip())
        path = [*path[:depth], line.strip()]
        if not path[-1].startswith("exit"):
            stacks.append(list(path))
    return stacks


def keep(goal: list[str], have: list[str]) -> int:
    """Return how many of goal's first items may stay: what is entered again comes last, so the rest must follow."""
    if goal == have:
        return len(goal)
    kept = 0
    for item in have:
        if kept < len(goal) and item == goal[kept]:
            kept += 1
    return kept
