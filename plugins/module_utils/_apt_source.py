# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An apt repository as a deb822 file, and its key. Private."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

SOURCES = Path("/etc/apt/sources.list.d")
KEYRINGS = Path("/etc/apt/keyrings")
ARMOR = "-----BEGIN PGP PUBLIC KEY BLOCK-----"

REPOSITORY_OPTIONS: dict[str, Any] = {
    "uris": {"type": "list", "elements": "str", "required": True},
    "suites": {"type": "list", "elements": "str", "required": True},
    "components": {"type": "list", "elements": "str"},
    "architectures": {"type": "list", "elements": "str"},
    "signed_by": {"type": "str"},
    "trusted": {"type": "bool"},
}


class AptSource:
    """The file that describes the repository, and where its key is."""

    def __init__(self, name: str, repository: dict[str, Any]) -> None:
        if not re.fullmatch(r"[a-z0-9][a-z0-9.-]*", name):
            raise ValueError(f"name must be lower-case letters, digits, dots and dashes, not {name!r}.")
        self._repository = repository
        self._signed_by = (repository.get("signed_by") or "").strip()
        self.path = SOURCES / f"{name}.sources"
        self.key_url = self._signed_by if "://" in self._signed_by else ""
        self.key_text = f"{self._signed_by}\n" if self._signed_by.startswith(ARMOR) else ""
        self.key_path: Path | None = None
        if self.key_url or self.key_text:
            self.key_path = KEYRINGS / f"{name}.asc"
        elif self._signed_by:
            self.key_path = Path(self._signed_by)
            if not self.key_path.is_absolute():
                raise ValueError(
                    f"signed_by of the apt repository {name} must be a URL, an absolute path on the host, or an"
                    f" ASCII-armored public key, not {self._signed_by!r}."
                )
        if not self._signed_by and not repository.get("trusted"):
            raise ValueError(
                f"The apt repository {name} has neither signed_by nor trusted: give signed_by, the key that its"
                " packages are checked with, or say trusted: true for a mirror without signatures."
            )

    @property
    def text(self) -> str:
        """The file's content. The key's URL is part of it, so that a new URL makes for a new file and a new key."""
        repository = self._repository
        fields = [
            ("Types", "deb"),
            ("URIs", " ".join(repository["uris"])),
            ("Suites", " ".join(repository["suites"])),
            ("Components", " ".join(repository.get("components") or [])),
            ("Architectures", " ".join(repository.get("architectures") or [])),
            ("Signed-By", str(self.key_path) if self.key_path else ""),
            ("Trusted", "yes" if repository.get("trusted") else ""),
        ]
        head = "# Managed by raywright.fleet.\n" + (f"# The key is from {self.key_url}\n" if self.key_url else "")
        return head + "".join(f"{name}: {value}\n" for name, value in fields if value)

    @property
    def written(self) -> str:
        """What the file contains now."""
        return self.path.read_text(encoding="utf-8", errors="replace") if self.path.is_file() else ""

    def elsewhere(self) -> Path | None:
        """The file of somebody else that describes the same repository, if there is one.

        A second description of it with another key makes apt refuse to do anything at all.
        """
        uris = [uri.replace("$(ARCH)", "").rstrip("/") for uri in self._repository["uris"]]
        files = [SOURCES.parent / "sources.list", *sorted(SOURCES.glob("*.list")), *sorted(SOURCES.glob("*.sources"))]
        for path in files:
            if path == self.path or not path.is_file():
                continue
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
            words = " ".join(line for line in lines if not line.lstrip().startswith("#")).split()
            if any(re.match(rf"{re.escape(uri)}(/|$)", word) for uri in uris for word in words):
                return path
        return None

    def needed(self, *, installing: bool) -> bool:
        """Whether to write it: what is installed already needs no repository, and nobody's own is doubled."""
        return self.differs() and (bool(self.written) or (installing and self.elsewhere() is None))

    def differs(self) -> bool:
        if self.written != self.text:
            return True
        if self.key_text:
            return not self.key_path.is_file() or self.key_path.read_text(encoding="utf-8") != self.key_text
        return bool(self.key_url) and not self.key_path.is_file()

    def __str__(self) -> str:
        return f"{' '.join(self._repository['uris'])} {' '.join(self._repository['suites'])}"
