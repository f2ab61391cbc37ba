# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Telling a line without effect from a missing one."""

import contextlib
import hashlib
import os
import re
from pathlib import Path

from .router import plain


def fingerprint(running: str, key: str = "") -> str:
    """SHA-256, hexadecimal, of a configuration without what the command adds, and of what it is a key to."""
    return hashlib.sha256((key + "\n".join(plain(running))).encode("utf-8", "surrogateescape")).hexdigest()


class Memory:
    """Which wanted configurations this router is known to have already, though it shows them differently.

    FRR does not show defaults ("neighbor X activate") and rewrites some lines; only applying tells a line without
    effect from a missing one. What was applied without complaint and left ``running`` is remembered by its hash.
    """

    def __init__(self, mode: str, wanted: str) -> None:
        state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")  # noqa: PTH111 - Path.expanduser raises where there is no home
        self.folder = Path(state) / "raywright-fleet"
        self.key = f"{mode}\n{wanted}\n"

    def file(self, running: str) -> Path:
        """One file a router: several may share a home directory, and a host name too."""
        found = re.search(r"^hostname (\S+)", running, re.MULTILINE)
        name = f"{os.uname().nodename}-{found.group(1) if found else ''}"
        return self.folder / re.sub(r"[^\w.-]", "_", name)

    def entry(self, running: str) -> str:
        return fingerprint(running, self.key)

    def knows(self, running: str) -> bool:
        with contextlib.suppress(OSError):
            return self.entry(running) in self.file(running).read_text().split()
        return False

    def learn(self, running: str) -> None:
        # A convenience: without a home to write to, such a configuration is only reported as a change again.
        with contextlib.suppress(OSError):
            file, entry = self.file(running), self.entry(running)
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            known = file.read_text().split() if file.exists() else []
            fresh = file.with_name(f"{file.name}.{os.getpid()}")
            fresh.write_text("\n".join([*[line for line in known if line != entry][-7:], entry]) + "\n")
            fresh.replace(file)
