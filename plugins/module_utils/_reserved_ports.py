# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ports that the kernel gives to nobody who asks for any port, as ranges and as files of sysctl.d(5). Private."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

KEY = "net.ipv4.ip_local_reserved_ports"
KERNEL = Path("/proc/sys/net/ipv4/ip_local_reserved_ports")
# In the order of sysctl.d(5): a file in an earlier directory hides one of the same name in a later one.
FOLDERS = ("etc/sysctl.d", "run/sysctl.d", "usr/local/lib/sysctl.d", "usr/lib/sysctl.d", "lib/sysctl.d")
_OWN = "# Of this cluster: "
_LAST = 65535


def parse(text: str) -> set[int]:
    """Read ``22,8000-8010``. Raises ``ValueError`` that quotes what is no port and no range."""
    ports: set[int] = set()
    for part in filter(None, re.split(r"[,\s]+", text.strip())):
        found = re.fullmatch(r"(\d+)(?:-(\d+))?", part)
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (0, -1)
        if not 0 < first <= last <= _LAST:
            raise ValueError(f"{part!r} is no port and no range of ports")
        ports.update(range(first, last + 1))
    return ports


def render(ports: Iterable[int]) -> str:
    """Write ports as the kernel shows them: sorted, neighbours as ranges."""
    ranges: list[list[int]] = []
    for port in sorted(ports):
        if ranges and port == ranges[-1][1] + 1:
            ranges[-1][1] = port
        else:
            ranges.append([port, port])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)


def content(own: set[int], others: set[int]) -> str:
    """Return the file: a later assignment replaces an earlier one as a whole, so it repeats what others reserve."""
    return f"# Managed by raywright.fleet.\n{_OWN}{render(own)}\n{KEY} = {render(own | others)}\n"


def own_ports(text: str) -> set[int]:
    """Return what an earlier version of our file reserved for itself."""
    lines = [line[len(_OWN) :] for line in text.splitlines() if line.startswith(_OWN)]
    return parse(lines[0]) if lines else set()


def assigned(path: Path, root: Path) -> set[int]:
    """Return what the machine's files reserve at boot, apart from the one at ``path``: the last assignment counts."""
    files: dict[str, Path] = {}
    for folder in FOLDERS:
        for file in sorted((root / folder).glob("*.conf")):
            files.setdefault(file.name, file)
    ordered = [files[name] for name in sorted(files) if files[name] != path]
    # systemd reads it as 99-sysctl.conf where the distribution links it so; sysctl --system reads it last.
    main = root / "etc/sysctl.conf"
    found = ""
    for file in [*ordered, *([main] if main.is_file() else [])]:
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
            name, equals, value = line.partition("=")
            if equals and name.strip().lstrip("-").replace("/", ".") == KEY:
                found = value
    return parse(found)
