# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The identity of a plan, and what tells one definition from another."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..wording import listed


@dataclass(frozen=True, slots=True)
class PlannedDevice:
    """One device's line of a plan. ``before`` and ``change`` are fingerprints of true, unmasked bytes."""

    name: str
    stage: str
    before: str
    change: str
    wave: int = 0
    """Its turn within the stage, see ``waves``."""
    groups: tuple[str, ...] = ()
    """Its redundancy groups."""
    strata: tuple[str, ...] = ()
    """What it is counted as by the breaker, beside fleet and stage."""


def digest(devices: Iterable[PlannedDevice], policy: Mapping[str, Any]) -> str:
    """SHA-256, hexadecimal, over the policy and every device's place, change and starting configuration."""
    hashed = hashlib.sha256(canonical(policy))
    for device in sorted(devices, key=lambda device: device.name):
        place = [device.stage, device.wave, list(device.groups), list(device.strata)]
        hashed.update(canonical([device.name, *place, device.before, device.change]))
    return hashed.hexdigest()


def canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode() + b"\n"


def changed_values(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """Say of every value in two JSON documents that differs what it was and is, with its path.

    Entries of lists that have a name are told apart by it, not by their place.
    """
    old, new = _named(before), _named(after)
    if not isinstance(old, dict) or not isinstance(new, dict):
        if before != after:
            yield f"{path}: {_short(before)} -> {_short(after)}"
        return
    for key in sorted({*old, *new}, key=str):
        inner = f"{path}.{key}" if path else str(key)
        if key not in new:
            yield f"{inner}: {_short(old[key])} is gone"
        elif key not in old:
            yield f"{inner}: {_short(new[key])} is new"
        else:
            yield from changed_values(old[key], new[key], inner)


def _named(value: Any) -> Any:
    """A list whose entries all have a name, as a mapping; anything else as it is."""
    if isinstance(value, list) and value and all(isinstance(entry, dict) and "name" in entry for entry in value):
        return {entry["name"]: entry for entry in value}
    return value


def differences(before: Mapping[str, Any], after: Mapping[str, Any], *, most: int = 5) -> list[str]:
    """Say what changed between two definitions ``{"policy": {...}, "devices": {name: {...}}}``, a sentence each."""
    said = list(changed_values(before["policy"], after["policy"]))
    old, new = before["devices"], after["devices"]
    groups = (
        ("new devices", [name for name in new if name not in old]),
        ("devices gone", [name for name in old if name not in new]),
        (
            "another configuration for",
            [n for n in new if n in old and old[n].get("wanted") != new[n].get("wanted")],
        ),
        (
            "another address for",
            [n for n in new if n in old and old[n].get("address") != new[n].get("address")],
        ),
        (
            "another ansible_network_os for",
            [n for n in new if n in old and old[n].get("network_os") != new[n].get("network_os")],
        ),
        (
            "another redundancy group (never_together) for",
            [n for n in new if n in old and old[n].get("groups", []) != new[n].get("groups", [])],
        ),
        ("another stage for", [n for n in new if n in old and old[n].get("stages") != new[n].get("stages")]),
    )
    said.extend(f"{what}: {listed(names, most=most)}" for what, names in groups if names)
    return said


def _short(value: Any, most: int = 80) -> str:
    text = json.dumps(value)
    return text if len(text) <= most else text[: most - 1] + "…"
