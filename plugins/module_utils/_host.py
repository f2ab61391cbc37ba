# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the plans of the roles ask of a host: its distribution, packages, units and GPUs. Private; reads only."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Run = Callable[..., tuple[int, str, str]]

PCI_DEVICES = Path("/sys/bus/pci/devices")
NVIDIA_VENDOR = "0x10de"
# PCI class 03 is a display controller: the GPU itself, not its sound device and not an NVSwitch.
DISPLAY_CLASS = "0x03"

MANAGERS = {"debian": "apt", "ubuntu": "apt", "rhel": "dnf", "fedora": "dnf"}


class HostError(Exception):
    """Something about the host or the wanted state that makes it impossible to go on; the message is for the user."""


class Distribution:
    """What /etc/os-release says, as far as the roles care."""

    def __init__(self, os_release: str) -> None:
        values = {
            key: " ".join(shlex.split(value))
            for key, found, value in (line.partition("=") for line in os_release.splitlines())
            if found and not key.startswith("#")
        }
        self.id = values.get("ID", "linux")
        self.codename = values.get("VERSION_CODENAME", "")
        self.version = values.get("VERSION_ID", "")
        self.major = int(match.group()) if (match := re.match(r"\d+", self.version)) else 0
        names = [self.id, *values.get("ID_LIKE", "").split()]
        self.manager = next((MANAGERS[name] for name in names if name in MANAGERS), "")
        if not self.manager:
            raise HostError(
                f"This role installs packages with apt or dnf, on Debian, Ubuntu and the RHEL family, not on {self.id}."
            )

    @classmethod
    def here(cls) -> Distribution:
        return cls(Path("/etc/os-release").read_text(encoding="utf-8"))


def output(run: Run, *command: str) -> str:
    """What a program says, whether it succeeds or not."""
    return run(list(command))[1]


def installed(run: Run, manager: str, names: Iterable[str]) -> dict[str, str]:
    """The full versions (with epoch) of those of the packages that are installed."""
    wanted = sorted(set(names))
    if not wanted:
        return {}
    if manager == "apt":
        form = "${db:Status-Status}\t${Package}\t${Version}\n"
        rows = [line.split("\t") for line in output(run, "dpkg-query", "-W", f"-f={form}", *wanted).splitlines()]
        return {row[1]: row[2] for row in rows if row[0] == "installed"}
    form = "%{NAME}\t%|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE}\n"
    lines = output(run, "rpm", "--query", f"--queryformat={form}", *wanted).splitlines()
    return dict(line.split("\t", 1) for line in lines if "\t" in line)


def unit(run: Run, name: str, *properties: str) -> dict[str, str]:
    """Properties of a systemd unit; a unit that does not exist has LoadState=not-found."""
    lines = output(run, "systemctl", "show", name, f"--property={','.join(('LoadState', *properties))}").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def nvidia_gpus(devices: Path = PCI_DEVICES) -> list[str]:
    """PCI addresses of the NVIDIA GPUs."""
    return sorted(
        path.name
        for path in (devices.iterdir() if devices.is_dir() else ())
        if _read(path / "vendor") == NVIDIA_VENDOR and _read(path / "class").startswith(DISPLAY_CLASS)
    )


def has_gpu(wanted: str, devices: Path = PCI_DEVICES) -> bool:
    """Whether to treat the host as a GPU node: C(true), C(false), or C(auto) by looking."""
    return bool(nvidia_gpus(devices)) if wanted == "auto" else wanted == "true"


def row(name: str, *, ok: bool, found: str, wanted: str, fix: str, severity: str = "error") -> dict[str, Any]:
    """One line of the report of a checkpoint."""
    return {
        "checkpoint": "docker-installation",
        "check": name,
        "ok": ok,
        "severity": severity,
        "found": found,
        "wanted": wanted,
        "fix": "" if ok else fix,
    }


def impossible(what: str, error: Exception) -> dict[str, Any]:
    """The row of a host for which no plan can be made."""
    return row(what, ok=False, found=str(error), wanted="a host that it can be installed on", fix="see what was found")


def given(options: Mapping[str, Any]) -> dict[str, Any]:
    """The suboptions that the user gave."""
    return {key: value for key, value in options.items() if value is not None}


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return ""
