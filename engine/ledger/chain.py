# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hash chain: each event carries an HMAC over the event before it and itself. Pure functions."""

import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Final, NamedTuple

from ..errors import LedgerError

GENESIS: Final = "0" * 64
"""What the first event follows."""


class Link(NamedTuple):
    """One event as it is stored: the hash covers the stored text, not what a reader makes of it."""

    seq: int
    run_id: str | None
    at: str
    kind: str
    data: str


def canonical(value: object) -> str:
    """Return the one JSON text for ``value``: equal values give equal text."""
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise LedgerError(f"The ledger keeps plain JSON values only: {error}.") from None


def fingerprint(value: object) -> str:
    """Return the SHA-256 of the canonical text, in hex."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def link(key: bytes, previous: str, event: Link) -> str:
    """Return the hash of an event, in hex."""
    return _mac(key, canonical(["event", previous, *event]))


def seal_head(key: bytes, seq: int, newest: str, at: str) -> str:
    """Return what proves the chain head: without the key nobody can shorten the chain and point the head there."""
    return _mac(key, canonical(["head", seq, newest, at]))


def stamp(moment: datetime) -> str:
    """Return the stored form of a time: of fixed width, so that text order is time order."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def moment(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)


def _mac(key: bytes, text: str) -> str:
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
