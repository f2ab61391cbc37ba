# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""FRR configurations as text: what they mean, and how a change to one reads. Pure functions."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

Path = tuple[str, ...]
Stack = Sequence[str]

_NOISE = {"Building configuration...", "Current configuration:", "end", ""}

# What opens a block below what; FRR goes by the words, not by the indentation. The same table as frr-reload.py's.
_Nodes: TypeAlias = Mapping[str, "_Nodes"]
_NODES: _Nodes = {
    "router bgp ": {
        "address-family ": {"vni ": {}},
        "vnc defaults": {},
        "vnc nve-group ": {},
        "vnc l2-group ": {},
        "vrf-policy ": {},
        "bmp targets ": {},
        "segment-routing srv6": {},
    },
    "router ": {"address-family ": {}},
    "mpls ldp": {"address-family ": {"interface ": {}}},
    "l2vpn ": {"member pseudowire ": {}},
    "key chain ": {"key ": {}},
    "vrf ": {},
    "interface ": {"link-params": {}},
    "pseudowire ": {},
    "segment-routing": {
        "traffic-eng": {
            "segment-list ": {},
            "policy ": {"candidate-path ": {}},
            "pcep": {"pcc": {}, "pce ": {}, "pce-config ": {}},
        },
        "srv6": {"locators": {"locator ": {}}},
    },
    "nexthop-group ": {},
    "route-map ": {},
    "pbr-map ": {},
    "rpki": {},
    "bfd": {"peer ": {}, "profile ": {}},
    "line vty": {},
}

# Features that FRR has on unless told otherwise: only for these does a "no" line change something that the running
# configuration does not show.
_ON_BY_DEFAULT = re.compile(
    r"(bgp |neighbor \S+ (activate|send-community|capability)|ip forwarding|ipv6 forwarding|ipv6 nd |link-detect"
    r"|ip split-horizon|ip nht |ipv6 nht |auto-summary|log )",
)


def normalise(config: str) -> str:
    """Drop the command's own lines, separators and the version that FRR stamps on every file it writes."""
    lines = (line.rstrip() for line in config.splitlines())
    kept = [line for line in lines if line not in _NOISE and not line.lstrip().startswith("!")]
    kept = [line for line in kept if not line.startswith("frr version ")]
    # Up to FRR 7 every configuration ended with this; a template made from one still does.
    while kept and kept[-1] in ("line vty", "exit"):
        if kept[-1] == "exit" and (len(kept) < 2 or kept[-2] != "line vty"):  # noqa: PLR2004 - there is a line before it
            break
        kept.pop()
    return "".join(line + "\n" for line in kept)


def contexts(config: str) -> dict[Path, list[str]]:
    """Map each block, by the path of the lines that open it, to the lines in it; top-level lines are at ``()``."""
    found: dict[Path, list[str]] = {(): []}
    path: list[str] = []
    nodes: list[_Nodes] = [_NODES]
    indented = False
    for raw in normalise(config).splitlines():
        line = " ".join(raw.split())
        # Up to FRR 7 no "exit" closes a block: its end is the next line that is not indented.
        if indented and not raw.startswith(" "):
            path, nodes = [], [_NODES]
        indented = raw.startswith(" ")
        if line.startswith("exit"):
            if path:
                path.pop()
                nodes.pop()
            continue
        while path and _below(line, nodes[-1]) is None and any(_below(line, outer) is not None for outer in nodes):
            path.pop()
            nodes.pop()
        below = _below(line, nodes[-1])
        if below is None:
            found[tuple(path)].append(line)
        else:
            path.append(line)
            nodes.append(below)
            found.setdefault(tuple(path), [])
    return found


def missing(running: str, fragment: str) -> tuple[list[list[str]], list[list[str]]]:
    """Return what a fragment would delete from and add to a running configuration, one stack of lines a command.

    ``no X`` deletes where X, or a line that begins with it, is there now.
    """
    now, deletes, adds = contexts(running), [], []
    for path, lines in contexts(fragment).items():
        here = now.get(path, [])
        if path and path not in now:
            adds.append(list(path))
        for line in lines:
            positive = line.removeprefix("no ")
            if line in here:
                continue
            if positive == line:
                adds.append([*path, line])
            elif _names(positive, [*here, *(p[-1] for p in now if p and p[:-1] == path)]):
                deletes.append([*path, line])
            elif _ON_BY_DEFAULT.match(positive):
                adds.append([*path, line])
    return deletes, adds


def diff(running: str, deletes: Iterable[Stack], adds: Iterable[Stack]) -> tuple[str, ...]:
    """Write a change as lines that begin with ``+``, ``-`` or a space, each below the lines that open its block.

    ``deletes`` and ``adds`` are commands with their contexts; a deletion's last line is negated, as FRR takes it.
    """
    now = contexts(running)
    root = _Node(" ")
    for stack in deletes:
        _delete(root, now, tuple(stack[:-1]), stack[-1])
    for stack in adds:
        path, line = tuple(stack[:-1]), stack[-1]
        if line.startswith("no ") and _names(line.removeprefix("no "), now.get(path, [])):
            _delete(root, now, path, line)
        else:
            root.at(path).child(line, "+")
    return tuple(root.lines())


@dataclass(slots=True)
class _Node:
    """A line of the diff and what is below it. A line that goes and one that comes are different children."""

    mark: str
    children: "dict[tuple[bool, str], _Node]" = field(default_factory=dict)

    def child(self, line: str, mark: str) -> "_Node":
        node = self.children.setdefault((mark == "-", line), _Node(mark))
        if mark != " ":
            node.mark = mark
        return node

    def at(self, path: Path, mark: str = " ") -> "_Node":
        node = self
        for line in path:
            node = node.child(line, mark)
        return node

    def lines(self, depth: int = 0) -> Iterator[str]:
        for (_mark, text), node in self.children.items():
            yield f"{node.mark}{' ' * depth}{text}"
            yield from node.lines(depth + 1)


def _delete(root: _Node, now: Mapping[Path, list[str]], path: Path, line: str) -> None:
    gone = line.removeprefix("no ") if line.startswith("no ") else f"no {line}"
    parent = root.at(path)
    # The command may name only the block, or the start of a line; whoever approves the change should see what goes.
    shown = [text for text in now.get(path, []) if _names(gone, [text])]
    for text in shown:
        parent.child(text, "-")
    for inner, lines in now.items():
        if inner[: len(path)] == path and len(inner) > len(path) and _names(gone, [inner[len(path)]]):
            below = parent.at(inner[len(path) :], "-")
            for text in lines:
                below.child(text, "-")
            shown.append(gone)
    if not shown:
        parent.child(gone, "-")


def _names(positive: str, lines: Iterable[str]) -> bool:
    return any(line == positive or line.startswith(f"{positive} ") for line in lines)


def _below(line: str, nodes: _Nodes) -> _Nodes | None:
    for opening, below in nodes.items():
        if line.startswith(opening) and not (opening == "candidate-path " and "explicit" in line):
            return below
    return None
