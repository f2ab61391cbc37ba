#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The second person of a deployment under test: second_person.py LEDGER WHILE_THIS_FILE_EXISTS

Approves, through the playbook that people use, whatever the ledger (a SQLite file) has waiting, and says so on stdout.
"""

import shlex
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

LONGEST = 1800  # seconds, for a run that was killed before it took its file away


def waiting(ledger: Path) -> list[tuple[str, str, bool]]:
    if not ledger.exists():
        return []
    with sqlite3.connect(f"file:{ledger}?mode=ro", uri=True, timeout=30) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'approvals'").fetchall():
            return []
        return connection.execute("SELECT id, digest, destructive FROM approvals WHERE state = 'pending'").fetchall()


def approve(approval: str, digest: str, *, destructive: bool) -> None:
    given = {"approval": approval, "digest": digest, "approver": "second-person", "reason": "'I have read it'"}
    if destructive:
        given["risk_acknowledged"] = "true"
    command = ["ansible-playbook", "raywright.fleet.approve"]
    command += [word for key, value in given.items() for word in ("-e", f"{key}={value}")]
    print(shlex.join(command), flush=True)
    subprocess.run(command, check=True)


def main(ledger: Path, alive: Path) -> None:
    deadline = time.monotonic() + LONGEST
    while alive.exists() and time.monotonic() < deadline:
        for approval, digest, destructive in waiting(ledger):
            approve(approval, digest, destructive=bool(destructive))
        time.sleep(0.5)


main(Path(sys.argv[1]), Path(sys.argv[2]))
