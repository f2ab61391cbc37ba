# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a cluster's HTTP API is, and the token that it asks for."""

import os
from dataclasses import dataclass
from pathlib import Path

from ..errors import InvalidInput

_DEFAULT_TOKEN = Path("~/.ray/auth_token")


def is_cluster(address: str) -> bool:
    """Whether an address is that of a cluster's HTTP API."""
    return address.startswith(("http://", "https://"))


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a cluster's API is, and what the settings are called that say so, for errors."""

    address: str
    setting: str = "RAYWRIGHT_RAY_ADDRESS"
    token_file: Path | None = None
    """Default is what Ray's own tools take: RAY_AUTH_TOKEN, RAY_AUTH_TOKEN_PATH, ~/.ray/auth_token."""
    token_option: str = ""

    def __post_init__(self) -> None:
        if not is_cluster(self.address):
            raise InvalidInput(
                f"{self.setting} is {self.address!r}; give the address of a Ray cluster's dashboard, "
                "http://HEAD:8265 or https://..."
            )

    @property
    def token_hint(self) -> str:
        named = f"give the file with its token as {self.token_option}, or " if self.token_option else ""
        return f"{named}set RAY_AUTH_TOKEN_PATH to the file with its token, or RAY_AUTH_TOKEN"

    def token(self) -> str:
        """Return the cluster's token, or nothing where there is none."""
        if self.token_file is not None:
            return _read(self.token_file, self.token_option or "token file")
        if token := os.environ.get("RAY_AUTH_TOKEN", "").strip():
            return token
        if named := os.environ.get("RAY_AUTH_TOKEN_PATH", "").strip():
            return _read(Path(named), "RAY_AUTH_TOKEN_PATH")
        try:
            return _DEFAULT_TOKEN.expanduser().read_text(encoding="ascii").strip()
        except (OSError, ValueError):
            return ""


def _read(path: Path, setting: str) -> str:
    try:
        return path.expanduser().read_text(encoding="ascii").strip()
    except (OSError, ValueError) as exc:
        reason = getattr(exc, "strerror", None) or "it holds no token"
        raise InvalidInput(f"the token file {path} ({setting}) cannot be read: {reason}") from exc
