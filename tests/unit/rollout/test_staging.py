# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One stage, seen from the ledger: what is left after an interruption, what counts, and the verdict."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import LedgerError
from engine.ledger.records import Target
from engine.rollout import staging, vault
from engine.rollout.breaker import Breaker
from engine.rollout.recording import Recorder
from engine.sealing.key import FleetKey

STAGE = "10%"
OUTCOMES = ["pending", "unchanged", "changed", "failed", "rejected", "unreachable", "unknown", "held_back"]


def target(name, outcome="pending", *, stage=STAGE, planned=True):
    return Target("r-1", stage, name, outcome, {"change": "c"} if planned else {})


def out(*names):
    return {"event": "dispatched", "names": list(names)}


def ended(name, outcome):
    return {"event": "outcome", "name": name, "outcome": outcome}


class KeptInMemory:
    """Takes the ledger's one call that a recorder makes."""

    def __init__(self):
        self.rows = []

    def record_outcomes(self, _run, _checkpoint, rows):
        self.rows += [(row.name, row.outcome) for row in rows]


def recorder(targets):
    ledger = KeptInMemory()
    return Recorder(ledger, "r-1", STAGE, {each.name: each for each in targets}), ledger


@pytest.mark.parametrize(
    ("why", "events", "resumed", "touched"),
    [
        ("a stage that never began", [], False, set()),
        ("its journal is on a machine that is gone", [], True, {"a", "b"}),
        ("only what was handed out may have been touched", [out("a"), out("c")], True, {"a"}),
        ("the engine died before it handed out anything", [{"event": "phase"}], True, set()),
    ],
)
def test_what_an_earlier_try_may_have_touched_is_read_first(why, events, resumed, touched):
    targets = [
        target("a"),
        target("b", "unknown"),
        target("c", "changed"),
        target("d", "failed"),
        target("e", stage="x"),
    ]
    left = staging.remaining(targets, STAGE, first=True, resumed=resumed, events=events)
    assert (set(left.push), left.touched, left.validate) == ({"a", "b"}, touched, ("c",)), why
    assert set(left.targets) == {"a", "b", "c", "d"}


def test_a_journal_knows_outcomes_that_the_ledger_does_not():
    targets = [target("a"), target("b"), target("c", "changed")]
    written, ledger = recorder(targets)
    events = [out("a", "b", "c"), ended("a", "changed"), ended("b", "unknown"), out("b"), ended("c", "failed")]
    staging.catch_up(written, events, {each.name: each for each in targets})
    # b was handed out again after its outcome, so it is open; c is in the ledger already, and later in time.
    assert ledger.rows == [("a", "changed")]


@given(
    mine=st.lists(st.tuples(st.sampled_from(OUTCOMES), st.booleans()), max_size=20),
    others=st.lists(st.sampled_from(OUTCOMES), max_size=20),
    first=st.booleans(),
)
def test_the_count_for_the_breaker_never_exceeds_the_fleet(mine, others, first):
    targets = [target(f"m{at}", outcome, planned=planned) for at, (outcome, planned) in enumerate(mine)]
    targets += [target(f"o{at}", outcome, stage="50%") for at, outcome in enumerate(others)]
    counted = staging.tally(targets, STAGE, first=first)
    assert counted["fleet"] == len(targets)
    assert counted["failed"] <= counted["started"]
    assert counted["started"] + counted["stage_missing"] <= len(mine)
    assert counted["fleet_failed"] + counted["stage_missing"] + counted["failed"] <= len(targets)
    assert first or counted["stage_missing"] == 0


def test_a_hole_in_the_canary_counts_in_its_rate_and_one_elsewhere_only_for_the_fleet():
    targets = [target("a", "unreachable", planned=False), target("b", "changed")]
    assert staging.tally(targets, STAGE, first=True)["stage_missing"] == 1
    assert staging.tally(targets, STAGE, first=False)["fleet_failed"] == 1


LIMIT = {"max_failure_percentage": 10, "min_sample": 10}


@pytest.mark.parametrize(
    ("checked", "failing", "inconclusive", "tripped", "verdict", "says"),
    [
        (20, 0, 0, None, "passed", ""),
        (20, 2, 0, None, "passed", "2 devices failed the checks: r0: no; r1: no"),
        (20, 3, 0, None, "failed", "3 of 20 devices do not pass their checks after the change: r0: no; r1: no; r2: no"),
        (20, 5, 0, None, "failed", "r2: no; and 2 more"),
        (20, 0, 1, None, "inconclusive", "1 device could not be judged: r0: odd"),
        (20, 3, 9, None, "failed", "3 of 20"),
        (0, 0, 0, "too many", "failed", "too many"),
        (0, 0, 0, None, "passed", ""),
    ],
)
def test_a_verdict_says_why(checked, failing, inconclusive, tripped, verdict, says):
    written, _ledger = recorder([])
    written.failing = {f"r{number}": "no" for number in range(failing)}
    written.inconclusive = {f"r{number}": "odd" for number in range(inconclusive)}
    breaker = Breaker(**LIMIT, fleet=100, started=checked, failed=failing)
    found, reason = staging.judge(written, breaker, tripped, checked)
    assert (found, says in reason) == (verdict, True), reason


def test_failed_pushes_and_failed_checks_count_together():
    written, _ledger = recorder([])
    written.failing = {"r0": "no"}
    breaker = Breaker(**LIMIT, fleet=100, started=10, failed=2)
    assert staging.judge(written, breaker, None, 20)[0] == "failed"


def test_a_change_that_somebody_put_into_the_ledger_is_not_opened():
    key = FleetKey(b"k" * 32)
    sealed = base64.b64decode(vault.seal_change(key, "hostname a\n", ("+hostname a",)))
    right = vault.change_fingerprint(key, "replace", "hostname a\n", ("+hostname a",))
    good = Target("r-1", STAGE, "a", "pending", {"change": right})
    assert staging.open_change(key, good, sealed, "replace") == ("hostname a\n", ["+hostname a"])
    for mode, planned in (("merge", right), ("replace", "0" * len(right))):
        edited = Target("r-1", STAGE, "a", "pending", {"change": planned})
        with pytest.raises(LedgerError, match="a: the change in the ledger is not the one that was planned"):
            staging.open_change(key, edited, sealed, mode)
