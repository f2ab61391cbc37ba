# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks of a rollout and what lies beside them, as one thing: hashed for the digest, sealed to travel."""

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ..errors import InvalidInput
from ..sealing.key import FleetKey
from . import vault

_BESIDE = ("roles", "tasks", "handlers", "vars", "defaults", "files", "templates", "library", "module_utils")
_PLUGINS = ("action_plugins", "filter_plugins", "lookup_plugins", "test_plugins", "connection_plugins")
_MOST_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Bundle:
    """What is run for a device, by file name inside the bundle. ``files`` are in base64."""

    change: str
    rollback: str = ""
    validate: str = ""
    idempotent: bool = False
    """Whether running the change again, on a device where it got half way, is safe."""
    files: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def digest(self) -> str:
        """SHA-256 over every name and byte: what was approved is what runs."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()

    def seal(self, key: FleetKey) -> str:
        return vault.seal_json(key, asdict(self), vault.PLAYBOOK)

    @classmethod
    def unseal(cls, key: FleetKey, sealed: str) -> "Bundle":
        return cls(**vault.unseal(key, base64.b64decode(sealed), vault.PLAYBOOK))

    def unpack(self, folder: Path) -> None:
        for name, content in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(base64.b64decode(content))


def collect(change: Path, *, rollback: Path | None = None, validate: Path | None = None, idempotent: bool) -> Bundle:
    """Read playbooks, which must lie in one folder, and the folders beside them that Ansible looks in. Raises
    ``InvalidInput`` for one that is not there or is too much to send along.
    """
    named = {"playbook": change, "rollback_playbook": rollback, "validate_playbook": validate}
    for option, path in named.items():
        if path is not None and not path.is_file():
            raise InvalidInput(f"network_rollout_{option}: there is no file {path}")
        if path is not None and path.parent != change.parent:
            raise InvalidInput(
                f"network_rollout_{option}: {path.name} must lie beside {change.name}, in {change.parent}"
            )
    files: dict[str, str] = {}
    size = 0
    for path in [*filter(None, named.values()), *_beside(change.parent)]:
        content = path.read_bytes()
        size += len(content)
        if size > _MOST_BYTES:
            raise InvalidInput(
                f"network_rollout_playbook: what lies beside {change} is more than {_MOST_BYTES >> 20} MiB, and all of "
                "it travels to every worker; put the playbook in a folder of its own"
            )
        files[str(path.relative_to(change.parent))] = base64.b64encode(content).decode()
    return Bundle(
        change=change.name,
        rollback=rollback.name if rollback else "",
        validate=validate.name if validate else "",
        idempotent=idempotent,
        files=dict(sorted(files.items())),
    )


def _beside(folder: Path) -> Iterator[Path]:
    for name in (*_BESIDE, *_PLUGINS):
        for path in sorted((folder / name).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path
