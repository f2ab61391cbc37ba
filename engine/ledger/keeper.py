# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m engine.ledger.keeper``: keeps the lease of a run alive for as long as its owner lives.

An owner such as ansible-playbook is busy for minutes and has no moment of its own in which to send a heartbeat. The
keeper ends with it: by itself where the lease was given back or taken over, otherwise by giving it back, so that the
next process need not wait until it expires. Its order comes on the standard input, for it holds the ledger's key.
"""

import base64
import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any, Final

from ..errors import LeaseLost, LedgerAway
from ..processes import Process
from .ledger import Ledger, open_ledger
from .records import Lease, LeaseOwner

_POLL_SECONDS: Final = 0.5
_BEATS: Final = 6
"""Heartbeats within the life of a lease: so many may be lost in an outage before others take it for dead."""


def keep(lease: Lease, *, url: str, chain_key: bytes, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start the keeper of a lease whose owner is a process of this machine; nobody needs to wait for it."""
    order = {
        "url": url,
        "chain_key": base64.b64encode(chain_key).decode(),
        "lease": {"run_id": lease.run_id, "token": lease.token, "ttl": lease.ttl},
        "owner": {"host": lease.owner.host, "pid": lease.owner.pid, "started": lease.owner.started},
    }
    keeper = subprocess.Popen(
        [sys.executable, "-m", "engine.ledger.keeper"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=dict(environment),
        # Ctrl-C is for the owner alone; the keeper ends after it.
        start_new_session=True,
    )
    if keeper.stdin is not None:
        with contextlib.suppress(BrokenPipeError), keeper.stdin as stdin:
            stdin.write(json.dumps(order).encode())
    return keeper


def main(order: Mapping[str, Any]) -> None:
    lease = Lease(**order["lease"], owner=LeaseOwner(**order["owner"]))
    ledger = open_ledger(order["url"], chain_key=base64.b64decode(order["chain_key"]), read_only=True)
    try:
        _keep(ledger, lease)
    except LeaseLost:
        pass  # given back in order, or taken over: either way it is none of ours any more
    except LedgerAway:
        pass  # it could not be given back, and will expire
    finally:
        ledger.close()


def _keep(ledger: Ledger, lease: Lease) -> None:
    owner = Process(lease.owner.pid, lease.owner.started)
    beaten = time.monotonic()
    while owner.alive:
        time.sleep(_POLL_SECONDS)
        if time.monotonic() - beaten < lease.ttl / _BEATS:
            continue
        beaten = time.monotonic()
        try:
            ledger.heartbeat(lease)
        except LedgerAway:
            continue  # the next one may come through
    ledger.release(lease)


if __name__ == "__main__":
    main(json.load(sys.stdin))
