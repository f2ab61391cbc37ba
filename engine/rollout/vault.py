# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a worker needs to keep secrets secret: masks what is shown, seals what must travel or rest whole."""

import base64
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from ..devices.base import Device, Driver, Snapshot
from ..sealing.key import FleetKey
from ..sealing.masking import GENERIC_SECRETS, Masker

CHANGE = "change"
BEFORE = "before"
JOB = "job"
PLAYBOOK = "playbook"


def seal_json(key: FleetKey, value: Any, purpose: str) -> str:
    return base64.b64encode(key.seal(json.dumps(value), purpose=purpose)).decode()


def unseal(key: FleetKey, blob: bytes, purpose: str) -> Any:
    """Open a sealed JSON value. Raises ``SealError``."""
    return json.loads(key.unseal(blob, purpose=purpose))


def seal_change(key: FleetKey, wanted: str, diff: Sequence[str]) -> str:
    return seal_json(key, {"wanted": wanted, "diff": list(diff)}, CHANGE)


def seal_snapshot(key: FleetKey, snapshot: Snapshot) -> str:
    return seal_json(key, asdict(snapshot), BEFORE)


def masker(key: FleetKey, driver: Driver, device: Device, secrets: Sequence[str]) -> Masker:
    """Mask by value (the device's credentials and its secret variables) and by the platform's patterns."""
    own = (device.password, device.become_password, device.private_key_passphrase)
    return Masker(
        values=[*secrets, *(value for value in own if value)],
        patterns=(*driver.secrets, *GENERIC_SECRETS),
        fingerprint=key.fingerprint,
    )


def change_fingerprint(key: FleetKey, mode: str, wanted: str, diff: Sequence[str]) -> str:
    """What the digest covers of one device's change: mode, wanted configuration and diff, in true bytes."""
    return key.fingerprint("\n".join((mode, wanted, *diff)))
