# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What of the prerequisites only shows between hosts, as rows of the table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..module_utils._prerequisites import row

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SHOWN = 8


def prerequisites_rows(
    host: Mapping[str, Any],
    reach: Mapping[str, Any] | None = None,
    peers: Sequence[Mapping[str, Any]] = (),
    reference: Mapping[str, Any] | None = None,
    reference_name: str = "",
    clock_offset: float = 2.0,
) -> list[dict[str, Any]]:
    rows = list(host["rows"])
    rows.append(_clock("Clock against the controller", host["offset"], clock_offset, "the controller's"))
    if reference:
        low, high = host["offset"]
        other_low, other_high = reference["offset"]
        bounds = [low - other_high, high - other_low]
        rows.append(_clock(f"Clock against {reference_name}", bounds, clock_offset, f"{reference_name}'s"))
        rows += _agreement(host["facts"], reference["facts"], reference_name)
    if reach and reach.get("tried"):
        rows.append(_reachability(reach, peers))
    return rows


def _clock(check: str, bounds: Sequence[float], allowed: float, whose: str) -> dict[str, Any]:
    low, high = bounds
    middle, margin = (low + high) / 2, (high - low) / 2
    surely_off = low > allowed or high < -allowed
    direction = "ahead of" if middle > 0 else "behind"
    return row(
        check,
        ok=not surely_off,
        found=f"{abs(middle):.1f} s {direction} {whose}, give or take {margin:.1f} s" if surely_off else "agrees",
        wanted=f"{allowed:g} s at most",
        fix="timedatectl set-ntp true; chronyc makestep",
    )


def _agreement(facts: Mapping[str, str], others: Mapping[str, str], name: str) -> list[dict[str, Any]]:
    python, other = ".".join(facts["python"].split(".")[:2]), ".".join(others["python"].split(".")[:2])
    rows = [
        row(
            "Python agrees between nodes",
            ok=not python or not other or python == other,
            found=f"{python or 'none yet'}, and {other or 'none yet'} on {name}",
            wanted="the same minor version everywhere",
            fix=f"Name a Python {other} in ray_node_python for this host, or say ray_node_mode: container for all.",
        )
    ]
    for key, label, severity in (("architecture", "Architecture", "error"), ("kernel", "Kernel", "warning")):
        rows.append(
            row(
                f"{label} agrees between nodes",
                ok=facts[key] == others[key],
                severity=severity,
                found=f"{facts[key]}, and {others[key]} on {name}",
                wanted="the same everywhere",
                fix="apt full-upgrade && reboot"
                if key == "kernel"
                else "Use machines of one architecture in a cluster.",
            )
        )
    return rows


def _reachability(reach: Mapping[str, Any], peers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    listening = {(peer["name"], int(port)) for peer in peers for port in peer["listening"]}
    # Where nobody of ours listens, a refusal has come all the way from there, so the way is open.
    failed = [
        each
        for each in reach["outcomes"]
        if each["outcome"] != "refused" or (each["peer"], int(each["port"])) in listening
    ]
    groups: dict[tuple[str, str, str], list[int]] = {}
    for each in failed:
        groups.setdefault((each["peer"], each["address"], each["outcome"]), []).append(int(each["port"]))
    told = [f"{peer} ({address}) {_ports(ports)}: {outcome}" for (peer, address, outcome), ports in groups.items()]
    more = f"; and {len(told) - _SHOWN} more" if len(told) > _SHOWN else ""
    return row(
        "Ports of the other nodes are reachable",
        ok=not failed,
        found="; ".join(told[:_SHOWN]) + more if failed else f"{reach['tried']} connections to {len(peers)} nodes",
        wanted="every port of the cluster, from every node",
        fix=_fix(groups),
    )


def _fix(groups: Mapping[tuple[str, str, str], Sequence[int]]) -> str:
    if not groups:
        return ""
    (peer, address, outcome), ports = next(iter(groups.items()))
    allow = f"on {peer}, and on what is between, nft list ruleset; allow TCP {_ports(ports)}"
    advice = {
        "timed out": f"A firewall drops it: {allow}",
        "refused": f"A firewall rejects it: {allow}",
        "no route": f"ip route get {address}; correct the address or the route of {peer}",
        "another machine answers": f"{address} is not {peer}: correct it, or look for a second machine that has it",
    }
    return advice.get(outcome, f"ip route get {address}") + f"; then try: nc -vz {address} {ports[0]}"


def _ports(ports: Sequence[int]) -> str:
    return ", ".join(map(str, sorted(ports)))
