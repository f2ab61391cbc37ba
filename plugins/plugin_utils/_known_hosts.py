# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Private to this collection: the known_hosts lines that matter for one device.

A fleet's known_hosts has a line per device; handing the whole file to each device's session would be quadratic.
"""

from __future__ import annotations

import shlex
from collections import defaultdict
from functools import cache
from pathlib import Path

_DEFAULT_FILES = ("~/.ssh/known_hosts", "~/.ssh/known_hosts2", "/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2")


class KnownHosts:
    """The lines of some known_hosts files, found by host name in one look-up."""

    def __init__(self, files: tuple[str, ...]) -> None:
        self.files = files
        self._by_name: dict[str, list[str]] = defaultdict(list)
        self._any: list[str] = []
        for name in files:
            path = Path(name).expanduser()
            if path.is_file():
                for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
                    self._add(line.strip())

    def _add(self, line: str) -> None:
        fields = line.split()
        if len(fields) < 3 or line.startswith("#"):  # noqa: PLR2004 - names, key type, key
            return
        names = fields[1] if fields[0].startswith("@") else fields[0]
        # Hashed names and patterns can only be tried, host by host.
        if any(mark in names for mark in "|*?!"):
            self._any.append(line)
            return
        for name in names.split(","):
            self._by_name[name.lower()].append(line)

    def lines(self, host: str, port: int) -> str:
        """The lines that may speak of a host, as known_hosts text; empty when none does."""
        name = host.lower() if port == 22 else f"[{host.lower()}]:{port}"  # noqa: PLR2004 - the port that known_hosts leaves out
        return "\n".join([*self._by_name.get(name, ()), *self._any])


@cache
def known_hosts(files: tuple[str, ...]) -> KnownHosts:
    return KnownHosts(files)


def options_of(arguments: str) -> dict[str, str]:
    """The ``-o Name=value`` options of an ssh command line, names in lower case."""
    try:
        words = shlex.split(arguments)
    except ValueError:
        return {}
    found: dict[str, str] = {}
    for position, word in enumerate(words):
        option = words[position + 1] if word == "-o" and position + 1 < len(words) else word[2:]
        if word.startswith("-o") and "=" in option:
            name, _equals, value = option.partition("=")
            found.setdefault(name.strip().lower(), value.strip().strip('"'))
    return found


def files_of(options: dict[str, str], own: str | None) -> tuple[str, ...]:
    """Which known_hosts files count for a host: its own, else those of its ssh arguments, else OpenSSH's defaults."""
    if own:
        return (own,)
    if named := options.get("userknownhostsfile"):
        return (*named.split(), *_DEFAULT_FILES[2:])
    return _DEFAULT_FILES
