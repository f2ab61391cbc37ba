# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directory that the embedded fleet lives in: its secrets, its keys and every router's configurations.

Files are replaced whole, so a server that is killed leaves each of them old or new. They are not flushed to the disk
one by one: what must survive is the server's death, not the machine's.
"""

import contextlib
import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import asyncssh

from ..errors import InvalidInput
from .fabric import Node
from .initial import Secrets

USER = "admin"
_ALPHABET = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"


def _secret(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _position in range(length))


def write(path: Path, text: str) -> None:
    """Replace a file whole; only the owner can read it."""
    partial = path.with_name(path.name + ".partial")
    with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as stream:  # noqa: PTH123 - the mode must be there before the first byte
        stream.write(text)
    partial.replace(path)


class State:
    """One fleet's directory. Only one server may hold it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        directory.chmod(0o700)

    @property
    def faults(self) -> Path:
        return self.directory / "faults.json"

    @property
    def known_hosts(self) -> Path:
        return self.directory / "known_hosts"

    @property
    def user_key(self) -> Path:
        return self.directory / "user_key"

    @property
    def server(self) -> Path:
        return self.directory / "server.json"

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """Keep the directory for this process. Raises ``InvalidInput`` while another server has it."""
        lock = os.open(self.directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError:
            raise InvalidInput(
                f"{self.directory}: another embedded fleet runs there; stop it or choose another directory",
            ) from None
        finally:
            os.close(lock)

    def adopt(self, devices: int) -> None:
        """Make the directory this fleet's. Configurations belong to a cabling, and the size decides the cabling."""
        path = self.directory / "fleet.json"
        if path.exists():
            there = json.loads(path.read_text(encoding="utf-8"))["devices"]
            if there != devices:
                raise InvalidInput(
                    f"{self.directory} holds a fleet of {there} devices, not {devices}; choose another directory, or "
                    "reset it, which discards the configurations of its devices",
                )
        (self.directory / "devices").mkdir(exist_ok=True)
        write(path, json.dumps({"devices": devices}) + "\n")

    def reset(self) -> None:
        """Discard every configuration; keys and password stay."""
        shutil.rmtree(self.directory / "devices", ignore_errors=True)
        for path in (self.directory / "fleet.json", self.faults):
            path.unlink(missing_ok=True)

    def secrets(self) -> Secrets:
        path = self.directory / "secrets.json"
        if not path.exists():
            write(path, json.dumps(asdict(Secrets(_secret(12), _secret(12), _secret(16), _secret(16)))) + "\n")
        return Secrets(**json.loads(path.read_text(encoding="utf-8")))

    def password(self) -> str:
        path = self.directory / "password"
        if not path.exists():
            write(path, _secret(20) + "\n")
        return path.read_text(encoding="utf-8").strip()

    def key(self, name: str) -> asyncssh.SSHKey:
        """One key for all hosts and one for the user: a key for each device would cost time and prove nothing."""
        path = self.directory / name
        if not path.exists():
            key = asyncssh.generate_private_key("ssh-ed25519", comment=f"embedded fleet {name}")
            write(path, key.export_private_key().decode())
        return asyncssh.read_private_key(path)

    def config(self, name: str, kind: str) -> str | None:
        try:
            return (self.directory / "devices" / f"{name}.{kind}").read_text(encoding="utf-8")
        except FileNotFoundError:
            return None

    def store(self, name: str, kind: str, text: str) -> None:
        write(self.directory / "devices" / f"{name}.{kind}", text)

    def forget(self, name: str, kind: str) -> None:
        (self.directory / "devices" / f"{name}.{kind}").unlink(missing_ok=True)

    def interrupted(self) -> list[str]:
        """Name the devices whose confirmed commit was pending when the last server ended."""
        return [path.stem for path in (self.directory / "devices").glob("*.unconfirmed")]

    def write_known_hosts(self, nodes: dict[str, Node], port: int) -> None:
        public = self.key("host_key").export_public_key().decode().split()[:2]
        lines = (f"[{node.host}]:{port} {' '.join(public)}\n" for node in nodes.values())
        write(self.known_hosts, "".join(lines))

    def write_inventory(self, data: dict[str, Any]) -> Path:
        """Write an executable inventory: Ansible reads a script's JSON faster than a file's."""
        write(self.directory / "inventory.data", json.dumps(data) + "\n")
        script = self.directory / "inventory"
        write(script, '#!/bin/sh\nexec cat "$(dirname "$0")/inventory.data"\n')
        script.chmod(0o700)
        return script
