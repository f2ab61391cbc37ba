# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The chain and the approvals against every history that hypothesis can think of."""

import json
import tempfile
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from engine.errors import FleetError
from engine.gates import Decision
from engine.ledger import open_ledger
from engine.ledger.chain import GENESIS, Link, canonical, link
from tests.unit.ledger.claims import DIGEST, KEY, Clock, planned

texts = st.text(max_size=8)
links = st.builds(
    Link,
    seq=st.integers(1, 99),
    run_id=st.none() | texts,
    at=texts,
    kind=texts,
    data=st.dictionaries(texts, texts | st.integers() | st.booleans(), max_size=3).map(canonical),
)


@given(links, links, texts, texts)
def test_two_events_have_one_hash_only_if_they_are_the_same(one, other, before, after):
    same = one == other and before == after
    assert (link(KEY, before, one) == link(KEY, after, other)) is same


@given(links)
def test_without_the_key_no_hash_can_be_made(event):
    assert link(KEY, GENESIS, event) != link(b"o" * 32, GENESIS, event)


@given(
    st.dictionaries(
        texts, st.recursive(texts | st.floats(allow_nan=False, allow_infinity=False), lambda x: st.lists(x, max_size=3))
    )
)
def test_canonical_text_survives_a_round_trip(value):
    assert canonical(json.loads(canonical(value))) == canonical(value)


class Gates(RuleBasedStateMachine):
    """People ask, decide, use and turn the clock as they like; a gate opens only on what a second person approved."""

    def __init__(self):
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        self.clock = Clock()
        self.ledger = open_ledger(f"sqlite:///{self.directory.name}/l.db", chain_key=KEY, clock=self.clock)
        self.run_id = planned(self.ledger)
        self.known = []
        self.approved_until = {}
        self.opened = []

    @rule(digest=st.sampled_from([DIGEST, "0" * 64]), again=st.booleans(), ttl=st.sampled_from([60, 3600]))
    def request(self, digest, again, ttl):
        asked = {"checkpoint": "50%", "requester": "anna", "destructive": False, "ttl_seconds": ttl}
        try:
            approval = self.ledger.request_approval(run_id=self.run_id, digest=digest, after_rejection=again, **asked)
        except FleetError:
            return
        self.known.append(approval.id)

    @rule(
        who=st.sampled_from(["anna", "bob"]),
        verdict=st.sampled_from(["approve", "approve", "reject"]),
        digest=st.sampled_from([DIGEST[:12], "0" * 12]),
        which=st.integers(0, 9),
    )
    def decide(self, who, verdict, digest, which):
        if not self.known:
            return
        decision = Decision(approver=who, verdict=verdict, reason="so", digest=digest)
        try:
            approval = self.ledger.decide_approval(self.known[which % len(self.known)], decision)
        except FleetError:
            return
        assert verdict == "reject" or who == "bob"
        assert approval.digest.startswith(digest)
        if verdict == "approve":
            self.approved_until[approval.id] = approval.expires

    @rule(digest=st.sampled_from([DIGEST, "0" * 64]))
    def use(self, digest):
        try:
            used = self.ledger.consume_approval(run_id=self.run_id, checkpoint="50%", digest=digest)
        except FleetError:
            return
        assert used.digest == digest
        assert self.clock.now < self.approved_until[used.id]
        self.opened.append(used.id)

    @rule(minutes=st.sampled_from([1, 30, 120, -1, -30, -120]))
    def turn_the_clock(self, minutes):
        self.clock.now += timedelta(minutes=minutes)

    @invariant()
    def no_approval_is_used_twice(self):
        assert len(self.opened) == len(set(self.opened))

    def teardown(self):
        found = self.ledger.verify()
        assert found.ok, found.problems
        self.ledger.close()
        self.directory.cleanup()


TestGates = Gates.TestCase
TestGates.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
