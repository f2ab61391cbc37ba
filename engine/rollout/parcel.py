# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What travels between the controller and a job on a Ray cluster.

There: one package, the engine's own files and the job, sealed with the fleet key, because a cluster keeps packages
where everybody who may use it can read them. Back: events on the job's log, each behind a record separator (RFC 7464),
because Ray and libraries write there too.
"""

import contextlib
import io
import os
import secrets
import struct
import zipfile
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import IO

from ..errors import FleetError, InvalidInput, SealError
from ..sealing.key import DEFAULT_PATH, KEY_FILE_VARIABLE, KEY_VARIABLE, FleetKey
from . import vault

JOB_FILE = "job.sealed"
SEPARATOR = "\x1e"
GIVE_THE_KEY = (
    f"copy the controller's key file to {DEFAULT_PATH} (mode 0600) of the user that Ray runs as, on every node, "
    f"or set {KEY_FILE_VARIABLE} where Ray is started"
)

_ENGINE = Path(__file__).resolve().parents[1]
_BATCH = 200
"""Devices in one sealed piece: neither side ever holds all configurations in one text."""
_LABEL_BYTES = 16
_LENGTH = struct.Struct(">I")


class Separated(io.TextIOWrapper):
    """A stream of events on a log that is not theirs alone: one ``write`` an event."""

    def write(self, line: str) -> int:
        return super().write(SEPARATOR + line)


def node_key() -> FleetKey:
    """Take the fleet key of a Ray node, where none is ever made: it would be another one than the controller's."""
    with contextlib.suppress(OSError):
        if os.environ.get(KEY_VARIABLE) or os.environ.get(KEY_FILE_VARIABLE) or DEFAULT_PATH.expanduser().exists():
            return FleetKey.from_environment()
    raise InvalidInput(f"there is no fleet key on this Ray node ({os.uname().nodename}): {GIVE_THE_KEY}")


def pack(key: FleetKey, lines: Iterable[str], package: IO[bytes]) -> None:
    """Write the package of one job, given as its lines."""
    with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(_ENGINE.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                archive.write(path, Path("engine") / path.relative_to(_ENGINE))
        label = secrets.token_bytes(_LABEL_BYTES)
        job = zipfile.ZipInfo(JOB_FILE)
        job.external_attr = 0o600 << 16
        with archive.open(job, "w", force_zip64=True) as file:
            file.write(label)
            for number, piece in enumerate(_batches(lines)):
                sealed = key.seal("\n".join(line.rstrip("\n") for line in piece), purpose=_purpose(label, number))
                file.write(_LENGTH.pack(len(sealed)) + sealed)


def _batches(lines: Iterable[str]) -> Iterator[list[str]]:
    rest = iter(lines)
    while batch := list(islice(rest, _BATCH)):
        yield batch


def unpack(key: FleetKey, path: Path) -> Iterator[str]:
    """Read a job's lines back. Raises ``FleetError`` where it cannot be opened with this node's key."""
    with path.open("rb") as file:
        label = file.read(_LABEL_BYTES)
        number = 0
        while head := file.read(_LENGTH.size):
            sealed = file.read(_LENGTH.unpack(head)[0])
            try:
                yield from key.unseal(sealed, purpose=_purpose(label, number)).split("\n")
            except SealError as exc:
                raise FleetError(
                    f"the Ray node that runs the job ({os.uname().nodename}) has another fleet key than the "
                    f"controller: {GIVE_THE_KEY}"
                ) from exc
            number += 1


def _purpose(label: bytes, number: int) -> str:
    # Bound to its job and its place in it: pieces can be neither exchanged nor left out in the middle.
    return f"{vault.JOB}/{label.hex()}/{number}"
