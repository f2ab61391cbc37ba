# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold whatever breaks, as assertions. Each test of this folder injects one fault and then asks these."""

import itertools
import json
from collections import Counter
from pathlib import Path

from engine.ledger import open_ledger
from engine.rollout.breaker import FAILURES
from engine.sealing.key import FleetKey

OUTCOMES = {"pending", "unchanged", "changed", "rolled_back", *FAILURES}
LONG = 12
"""Letters from which on a secret is looked for: shorter ones are found in any text by chance."""


def never_blind(fleet):
    """No device's configuration was replaced by a session that had not read it since it was last replaced."""
    for name, acts in fleet.acts().items():
        read = set()
        for session, act in acts:
            if act == "read":
                read.add(session)
                continue
            assert session in read, f"{name} was configured without being read before: {acts}"
            read = set()


def one_outcome_each(project, names):
    """Every device of the newest run has exactly one outcome, and the ledger's counts and chain agree with it."""
    newest = "SELECT id FROM runs ORDER BY number DESC LIMIT 1"
    rows = project.query(f"SELECT name, outcome FROM targets WHERE run_id = ({newest})")
    outcomes = dict(rows)
    assert sorted(name for name, _outcome in rows) == sorted(names)
    assert set(outcomes.values()) <= OUTCOMES
    whole(project)
    return outcomes


def whole(project):
    """The record is whole: no event is missing, and every row is what its events say."""
    environment = project.environment
    own = Path(environment["HOME"]) / ".config" / "raywright" / "fleet.key"
    key = FleetKey.load(env=environment, default_path=own)
    ledger = open_ledger(environment["RAYWRIGHT_LEDGER_URL"], chain_key=key.derive("ledger chain"), read_only=True)
    try:
        found = ledger.verify()
        [newest, *_older] = ledger.runs(limit=1)
        counts = Counter()
        for each in ledger.counts(newest.id).values():
            counts.update(each)
        assert counts.total() == len(list(ledger.targets(newest.id)))
    finally:
        ledger.close()
    assert found.ok, found.problems


def no_secret_leaked(project, *outputs):
    """Neither what was shown nor any file that was written holds a secret of the fleet in clear."""
    secrets = {secret for secret in [*project.fleet.secrets.values(), project.fleet.password] if len(secret) >= LONG}
    assert secrets
    for secret in secrets:
        assert all(secret not in output for output in outputs)
    for path in project.path.rglob("*"):
        inside = project.fleet.directory in path.parents
        if path.is_file() and not path.is_symlink() and not inside:
            content = path.read_bytes()
            assert not [secret for secret in secrets if secret.encode() in content], path


def says_what_to_do(reason, *words):
    """An error names what happened and what to do next."""
    assert any(hint in reason for hint in words), reason


def journals(project):
    """All events of all journals of the project, in order."""
    files = sorted(project.path.glob(".raywright/runs/*/*.jsonl"))
    lines = itertools.chain.from_iterable(path.read_text().splitlines() for path in files)
    return [json.loads(line) for line in lines]
