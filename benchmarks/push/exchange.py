# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The exchange that every client makes: read the running configuration, push lines, read back, verify.

Standard library only: the peers have environments of their own.
"""

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path

LINES = 20
KEX = "curve25519-sha256"
"""OpenSSH and asyncssh prefer a post-quantum exchange, which costs many times as much: all use this one instead."""
READ = "show running-config"


@dataclass(frozen=True, slots=True)
class Router:
    """How one router is reached."""

    name: str
    host: str
    port: int
    user: str
    key_file: str
    known_hosts: str


@dataclass(slots=True)
class Work:
    """What one client has to do."""

    routers: list[Router]
    lines: list[str]
    in_flight: int
    platform: str = "frr"
    """Or ``ios``: as ``ansible_network_os``."""
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def key_file(self) -> str:
        """The one login key of all routers; empty where there are none."""
        return self.routers[0].key_file if self.routers else ""

    @property
    def known_hosts(self) -> str:
        return self.routers[0].known_hosts if self.routers else ""

    @classmethod
    def read(cls, path: str) -> "Work":
        raw = json.loads(Path(path).read_text(encoding="utf-8"))
        return cls(**{**raw, "routers": [Router(**each) for each in raw["routers"]]})

    def write(self, path: Path) -> None:
        routers = [{name: getattr(each, name) for name in Router.__slots__} for each in self.routers]
        work = {"lines": self.lines, "in_flight": self.in_flight, "platform": self.platform}
        path.write_text(json.dumps({"routers": routers, **work}))

    def missing(self, config: str) -> list[str]:
        """Verify: the lines that a configuration read back does not have."""
        there = {line.strip() for line in config.splitlines()}
        return [line for line in self.lines if line not in there]

    def verify(self, name: str, config: str) -> None:
        if missing := self.missing(config):
            self.failed[name] = f"{len(missing)} lines are missing, as {missing[0]}"

    def end(self) -> None:
        """Say how it went, as the last line of the output."""
        sys.stdout.write("\n" + json.dumps({"failed": self.failed}) + "\n")


def lines(number: int) -> list[str]:
    """Twenty lines that no router has yet: ``number`` must not have been used before.

    The sequence numbers are the same each time, so a configuration does not grow from run to run.
    """
    return [
        f"ip prefix-list BENCH seq {5 * k} permit 10.{number >> 8 & 255}.{number & 255}.{k}/32"
        for k in range(1, LINES + 1)
    ]


def failures(log: Path) -> dict[str, str]:
    """What the client said in the last line of its log. Raises ``ValueError`` where it said nothing."""
    last = log.read_text(encoding="utf-8", errors="replace").rstrip().rpartition("\n")[2]
    found: dict[str, str] = json.loads(last)["failed"]
    return found
