# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Docker's daemon.json as data: what we want in it, and what a change of it means. Pure. Private."""

from __future__ import annotations

import json
import re
from typing import Any

DEFAULTS: dict[str, Any] = {"live-restore": True, "log-driver": "local"}
# What the drivers that rotate understand; to others (journald, fluentd, ...) they are an error.
LOG_OPTIONS = {"max-size": "20m", "max-file": "5"}
ROTATING_LOG_DRIVERS = ("local", "json-file")

CDI_SINCE = (25, 0)
CDI_BY_DEFAULT_SINCE = (28, 3)
NVIDIA_RUNTIME = {"nvidia": {"path": "nvidia-container-runtime", "args": []}}

# live-restore does not bring containers back over a change of these (documentation of live-restore).
CONTAINERS_DEPEND_ON = (
    "bip",
    "bridge",
    "containerd",
    "data-root",
    "default-address-pools",
    "exec-root",
    "fixed-cidr",
    "storage-driver",
    "storage-opts",
    "userns-remap",
)

PASSWORD_IN_URL = re.compile(r"(://[^/@\s\"]*:)[^/@\s\"]+(?=@)")


def number(version: str) -> tuple[int, int]:
    """Major and minor of an Engine's version, with or without a Debian epoch; (0, 0) if it has none."""
    match = re.match(r"(?:\d+:)?(\d+)\.(\d+)", version)
    return (int(match.group(1)), int(match.group(2))) if match else (0, 0)


def effective(options: dict[str, Any], *, nvidia: str, version: str) -> dict[str, Any]:
    """Return what daemon.json shall contain: our defaults, what the GPUs need, and the user's options over both.

    An option of V(null) removes a default. C(nvidia) is V(none), V(cdi) or V(legacy); C(version) is the Engine's.
    """
    wanted = dict(DEFAULTS)
    if options.get("log-driver", DEFAULTS["log-driver"]) in ROTATING_LOG_DRIVERS:
        wanted["log-opts"] = dict(LOG_OPTIONS)
    if nvidia == "cdi" and CDI_SINCE <= number(version) < CDI_BY_DEFAULT_SINCE:
        wanted["features"] = {"cdi": True}
    if nvidia == "legacy":
        wanted["runtimes"] = dict(NVIDIA_RUNTIME)
    return _without_none(_merge(wanted, options))


def changes(before: dict[str, Any], after: dict[str, Any], path: str) -> list[str]:
    """One sentence for each key that would change."""
    lines = []
    for key in sorted({*before, *after}):
        if key not in before:
            lines.append(f"set {key} to {shown(after[key])} in {path}")
        elif key not in after:
            lines.append(f"drop {key} from {path} (was {shown(before[key])})")
        elif before[key] != after[key]:
            lines.append(f"change {key} in {path} from {shown(before[key])} to {shown(after[key])}")
    return lines


def restart(before: dict[str, Any], after: dict[str, Any]) -> str:
    """The sentence about a restart of a running daemon, with what it means for containers."""
    risky = [key for key in CONTAINERS_DEPEND_ON if before.get(key) != after.get(key) and key in {*before, *after}]
    if not after.get("live-restore"):
        return "restart the Docker daemon (live-restore is off: running containers stop)"
    if risky:
        return f"restart the Docker daemon (a change of {', '.join(risky)}: running containers may stop)"
    return "restart the Docker daemon (live-restore keeps containers running)"


def shown(value: Any) -> str:
    return PASSWORD_IN_URL.sub(r"\1***", json.dumps(value, sort_keys=True))


def dump(options: dict[str, Any]) -> str:
    return json.dumps(options, indent=2, sort_keys=True) + "\n"


def unit_flags(argv: list[str], environment: dict[str, str]) -> list[str]:
    """The daemon's arguments as systemd passes them: a variable that stands alone is split into words."""
    flags = []
    for word in argv:
        match = re.fullmatch(r"\$(?:\{(\w+)\}|(\w+))", word)
        if match and match.group(2):
            flags += environment.get(match.group(2), "").split()
        elif match:
            flags.append(environment.get(match.group(1), ""))
        else:
            flags.append(word)
    return flags


def _merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merge(merged[key], value) if both else value
    return merged


def _without_none(options: dict[str, Any]) -> dict[str, Any]:
    return {
        key: _without_none(value) if isinstance(value, dict) else value
        for key, value in options.items()
        if value is not None
    }
