# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A yum repository file. Private."""

from __future__ import annotations

from pathlib import Path
from typing import Any

REPOSITORIES = Path("/etc/yum.repos.d")

REPOSITORY_OPTIONS: dict[str, Any] = {
    "baseurl": {"type": "str", "required": True},
    "gpgkey": {"type": "str", "no_log": False},  # a public key's address
    "gpgcheck": {"type": "bool", "default": True},
}


class YumSource:
    def __init__(self, name: str, title: str, repository: dict[str, Any]) -> None:
        check = repository.get("gpgcheck", True)
        if check and not repository.get("gpgkey"):
            raise ValueError(
                f"The yum repository {name} has no gpgkey: give the URL of the key that its packages are checked with,"
                " or say gpgcheck: false for a mirror without signatures."
            )
        lines = [
            "# Managed by raywright.fleet.",
            f"[{name}]",
            f"name={title}",
            f"baseurl={repository['baseurl']}",
            "enabled=1",
            f"gpgcheck={int(check)}",
            *([f"gpgkey={repository['gpgkey']}"] if repository.get("gpgkey") else []),
        ]
        self.path = REPOSITORIES / f"{name}.repo"
        self.text = "\n".join(lines) + "\n"
        self._baseurl = repository["baseurl"]

    def needed(self, *, installing: bool) -> bool:
        return self.differs() and (self.path.is_file() or installing)

    def differs(self) -> bool:
        return not self.path.is_file() or self.path.read_text(encoding="utf-8", errors="replace") != self.text

    def __str__(self) -> str:
        return self._baseurl
