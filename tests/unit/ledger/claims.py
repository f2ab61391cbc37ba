# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the ledger promises, on any database: the tests of each database inherit it."""

import multiprocessing
import os
import re
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import create_engine, text

from engine.errors import GateClosed, LedgerError
from engine.gates import Decision
from engine.ledger import LeaseOwner, NewCheckpoint, NewTarget, Outcome, open_ledger, this_process

KEY = b"k" * 32
DIGEST = "3f9c" * 16
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
GOOD = Decision(approver="bob", verdict="approve", reason="looked at it", digest=DIGEST[:16])


class Clock:
    def __init__(self):
        self.now = NOON

    def __call__(self):
        self.now += timedelta(microseconds=1)
        return self.now

    def advance(self, **by):
        self.now += timedelta(**by)


def planned(ledger, *, name="rollout", devices=4):
    run = ledger.create_run(name=name, kind="rollout", requester="anna", definition={"stages": ["50%", "100%"]})
    ledger.set_plan(
        run.id,
        digest=DIGEST,
        checkpoints=[NewCheckpoint("50%", approval=True, detail={"summary": "2 devices"}), NewCheckpoint("100%")],
        targets=[
            NewTarget("50%" if i < devices // 2 else "100%", f"d{i}", detail={"shape": i}, blobs={"wanted": b"%d" % i})
            for i in range(devices)
        ],
    )
    return run.id


def request(ledger, run_id, **other):
    asked = {"checkpoint": "50%", "digest": DIGEST, "requester": "anna", "destructive": False, "ttl_seconds": 3600}
    return ledger.request_approval(run_id=run_id, **{**asked, **other})


def approved(ledger, run_id, **other):
    return ledger.decide_approval(request(ledger, run_id, **other).id, GOOD)


def consume(ledger, run_id, digest=DIGEST):
    return ledger.consume_approval(run_id=run_id, checkpoint="50%", digest=digest)


def edit(url, *statements):
    """Do what somebody with the database's password could do."""
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def _try_to_use(ledger, run_id):
    try:
        return consume(ledger, run_id).state
    except GateClosed as error:
        return type(error).__name__


def _decide_elsewhere(url, approval_id):
    ledger = open_ledger(url, chain_key=KEY, clock=Clock())
    try:
        return ledger.decide_approval(approval_id, GOOD).state
    except GateClosed as error:
        return type(error).__name__
    finally:
        ledger.close()


def _use_elsewhere(url, run_id):
    ledger = open_ledger(url, chain_key=KEY, clock=Clock())
    try:
        return _try_to_use(ledger, run_id)
    finally:
        ledger.close()


_TAIL = "seq = (SELECT max(seq) FROM events)"


class LedgerClaims:
    """One test each; a subclass for a database provides the fixture ``url``."""

    @pytest.fixture
    def clock(self):
        return Clock()

    @pytest.fixture
    def ledger(self, url, clock):
        ledger = open_ledger(url, chain_key=KEY, clock=clock)
        yield ledger
        ledger.close()

    # Runs, checkpoints, targets

    def test_a_run_is_found_again_as_it_was_made(self, ledger, url):
        run_id = planned(ledger)
        again = open_ledger(url, chain_key=KEY)
        run = again.run(run_id)
        assert (run.name, run.state, run.digest, run.definition) == (
            "rollout",
            "planned",
            DIGEST,
            {"stages": ["50%", "100%"]},
        )
        assert [(each.name, each.approval, each.detail) for each in again.checkpoints(run_id)] == [
            ("50%", True, {"summary": "2 devices"}),
            ("100%", False, {}),
        ]
        assert again.open_run("rollout") == run
        assert again.runs() == [run]
        again.close()

    def test_a_name_has_one_unfinished_run(self, ledger):
        first = planned(ledger)
        with pytest.raises(LedgerError, match=f"{first} of rollout is planned"):
            planned(ledger)
        ledger.move_run(first, "abandoned")
        assert ledger.open_run("rollout") is None
        assert planned(ledger) != first

    def test_an_illegal_move_changes_nothing(self, ledger):
        run_id = planned(ledger)
        ledger.move_run(run_id, "running")
        with pytest.raises(LedgerError, match="cannot become planning"):
            ledger.move_run(run_id, "planning")
        with pytest.raises(LedgerError, match="its plan is fixed"):
            ledger.set_plan(run_id, digest=DIGEST, checkpoints=[], targets=[])
        with pytest.raises(LedgerError, match="pending and cannot become passed"):
            ledger.move_checkpoint(run_id, "50%", "passed")
        assert ledger.run(run_id).state == "running"
        assert ledger.verify().ok

    def test_a_checkpoint_and_what_it_means_for_its_run_are_recorded_together_or_not_at_all(self, ledger):
        run_id = planned(ledger)
        ledger.move_run(run_id, "running")
        for name in ("50%", "100%"):
            ledger.move_checkpoint(run_id, name, "running")
        ledger.move_checkpoint(run_id, "50%", "passed")
        with pytest.raises(LedgerError, match="planned"):
            ledger.move_checkpoint(run_id, "100%", "passed", run_state="planned")
        assert [each.state for each in ledger.checkpoints(run_id)] == ["passed", "running"]
        ledger.move_checkpoint(run_id, "100%", "passed", run_state="completed", run_detail={"reason": "done"})
        assert [each.state for each in ledger.checkpoints(run_id)] == ["passed", "passed"]
        assert ledger.run(run_id).state == "completed"
        assert ledger.verify().ok

    def test_outcomes_add_up_to_the_fleet_and_survive_in_plan_order(self, ledger):
        run_id = planned(ledger, devices=2500)
        ledger.record_outcomes(
            run_id,
            "50%",
            [Outcome(f"d{i}", "changed" if i % 5 else "unreachable", blobs={"before": b"x"}) for i in range(1250)],
        )
        assert ledger.counts(run_id) == {"50%": {"changed": 1000, "unreachable": 250}, "100%": {"pending": 1250}}
        assert [target.name for target in ledger.targets(run_id)] == [f"d{i}" for i in range(2500)]
        lost = list(ledger.targets(run_id, checkpoint="50%", outcomes=["unreachable"]))
        assert (len(lost), lost[1].name, lost[1].detail) == (250, "d5", {"shape": 5})
        assert len(list(ledger.blobs(run_id, "wanted"))) == 2500
        assert dict(ledger.blobs(run_id, "before", ["d7", "d2000"])) == {"d7": b"x"}

    @pytest.mark.parametrize(
        ("rows", "says"),
        [
            ([Outcome("d0", "changed"), Outcome("nobody", "changed")], "no target nobody"),
            ([Outcome("d0", "fine")], "no outcome 'fine'"),
            ([Outcome("d0", "changed"), Outcome("d0", "failed")], "two outcomes"),
        ],
    )
    def test_a_batch_with_one_wrong_row_records_nothing(self, ledger, rows, says):
        run_id = planned(ledger)
        with pytest.raises(LedgerError, match=says):
            ledger.record_outcomes(run_id, "50%", rows)
        assert ledger.counts(run_id)["50%"] == {"pending": 2}

    def test_a_plan_made_again_replaces_the_first_and_voids_its_approvals(self, ledger):
        run_id = planned(ledger)
        old = approved(ledger, run_id)
        ledger.set_plan(run_id, digest="0" * 64, checkpoints=[NewCheckpoint("50%")], targets=[NewTarget("50%", "d9")])
        assert [target.name for target in ledger.targets(run_id)] == ["d9"]
        assert list(ledger.blobs(run_id, "wanted")) == []
        assert ledger.approval(old.id).state == "expired"
        assert ledger.verify().ok

    # Approvals

    def test_an_approval_opens_its_gate_once(self, ledger):
        run_id = planned(ledger)
        approval = approved(ledger, run_id)
        used = consume(ledger, run_id)
        assert (used.id, used.state, used.decided_by, used.reason) == (approval.id, "used", "bob", "looked at it")
        with pytest.raises(GateClosed, match="is used"):
            consume(ledger, run_id)

    def test_asking_again_attaches_to_the_request_that_is_open(self, ledger):
        run_id = planned(ledger)
        first = request(ledger, run_id)
        assert request(ledger, run_id) == first
        decided = ledger.decide_approval(first.id, GOOD)
        assert request(ledger, run_id) == decided
        assert request(ledger, run_id, digest="0" * 64).id != first.id

    def test_a_rejection_stands_until_somebody_asks_again_on_purpose(self, ledger):
        run_id = planned(ledger)
        first = request(ledger, run_id)
        ledger.decide_approval(first.id, Decision(approver="bob", verdict="reject", reason="friday", digest=DIGEST))
        for refused in (lambda: consume(ledger, run_id), lambda: request(ledger, run_id)):
            with pytest.raises(GateClosed, match="rejected by bob: friday"):
                refused()
        assert request(ledger, run_id, after_rejection=True).state == "pending"

    def test_a_gate_stays_closed_without_a_decision_or_for_another_digest(self, ledger):
        run_id = planned(ledger)
        with pytest.raises(GateClosed, match="no approval was requested"):
            consume(ledger, run_id)
        request(ledger, run_id)
        with pytest.raises(GateClosed, match="nobody has decided"):
            consume(ledger, run_id)
        approved(ledger, run_id)
        with pytest.raises(GateClosed, match="not what was approved"):
            consume(ledger, run_id, digest="0" * 64)
        assert consume(ledger, run_id).state == "used"

    def test_what_has_expired_stays_expired_when_the_clock_is_set_back(self, ledger, clock):
        run_id = planned(ledger)
        approval = approved(ledger, run_id)
        clock.advance(hours=2)
        assert ledger.approval(approval.id).state == "expired"
        ledger.append_event(run_id, "test.later", {})
        clock.advance(hours=-2)
        assert ledger.approval(approval.id).state == "expired"
        with pytest.raises(LedgerError, match="set the clock right"):
            consume(ledger, run_id)
        clock.advance(hours=3)
        with pytest.raises(GateClosed, match="expired"):
            consume(ledger, run_id)
        assert request(ledger, run_id).id != approval.id
        assert ledger.verify().ok

    def test_a_refused_decision_leaves_the_request_open(self, ledger):
        run_id = planned(ledger)
        approval = request(ledger, run_id)
        with pytest.raises(GateClosed, match="cannot approve it"):
            ledger.decide_approval(
                approval.id, Decision(approver="anna", verdict="approve", reason="mine", digest=DIGEST)
            )
        assert ledger.approval(approval.id) == approval

    def test_nothing_of_a_finished_run_can_be_approved(self, ledger):
        run_id = planned(ledger)
        approval = approved(ledger, run_id)
        ledger.move_run(run_id, "abandoned")
        with pytest.raises(GateClosed, match="abandoned"):
            consume(ledger, run_id)
        with pytest.raises(GateClosed, match="abandoned"):
            ledger.decide_approval(approval.id, GOOD)
        with pytest.raises(LedgerError, match="nothing of it is left"):
            request(ledger, run_id)

    def test_a_checkpoint_cut_off_goes_on_under_its_used_approval_until_it_ends(self, ledger):
        run_id = planned(ledger)
        gate = {"run_id": run_id, "checkpoint": "50%", "digest": DIGEST}
        approved(ledger, run_id)
        assert ledger.open_gate(**gate) is None
        used = consume(ledger, run_id)
        assert ledger.open_gate(**gate) == used
        ledger.move_checkpoint(run_id, "50%", "running")
        assert ledger.open_gate(**gate) == used
        assert ledger.open_gate(**{**gate, "digest": "0" * 64}) is None
        ledger.move_checkpoint(run_id, "50%", "failed")
        ledger.move_checkpoint(run_id, "50%", "pending")
        assert ledger.open_gate(**gate) is None

    def test_of_many_threads_one_uses_the_approval(self, ledger):
        run_id = planned(ledger)
        approved(ledger, run_id)
        with ThreadPoolExecutor(8) as pool:
            results = list(pool.map(lambda _: _try_to_use(ledger, run_id), range(8)))
        assert sorted(results) == ["GateClosed"] * 7 + ["used"]
        assert ledger.verify().ok

    def test_of_many_processes_one_decides_and_one_uses(self, ledger, url):
        run_id = planned(ledger)
        approval = request(ledger, run_id)
        with ProcessPoolExecutor(3, mp_context=multiprocessing.get_context("spawn")) as pool:
            decided = list(pool.map(_decide_elsewhere, [url] * 6, [approval.id] * 6))
            used = list(pool.map(_use_elsewhere, [url] * 6, [run_id] * 6))
        assert sorted(decided) == ["GateClosed"] * 5 + ["approved"]
        assert sorted(used) == ["GateClosed"] * 5 + ["used"]
        assert ledger.verify().ok

    # The chain

    @pytest.mark.parametrize(
        ("statement", "broken_at", "says"),
        [
            (
                "UPDATE events SET data = replace(data, 'anna', 'eve') WHERE seq = 1",
                1,
                "Event 1 .run.created.* was altered",
            ),
            ("UPDATE events SET kind = 'run.noted' WHERE seq = 2", 2, "Event 2 .* was altered"),
            ("UPDATE events SET data = 'no json' WHERE seq = 2", 2, "Event 2 cannot be read"),
            ("DELETE FROM events WHERE seq = 3", 3, "Event 3 is missing"),
            (f"DELETE FROM events WHERE {_TAIL}", 5, "Event 5 is missing at the end"),
            ("UPDATE chain_head SET seq = seq - 1", 5, "chain head was altered"),
            ("DELETE FROM chain_head", 6, "chain head is missing"),
            ("UPDATE runs SET state = 'completed'", None, "Run r-.*: state says 'completed', the events say 'planned'"),
            ("UPDATE runs SET digest = 'other'", None, "Run r-.*: digest says 'other'"),
            ("UPDATE runs SET definition = '{}'", None, "Run r-.*: definition is not what"),
            ("UPDATE checkpoints SET state = 'passed' WHERE name = '50%'", None, "Checkpoint r-.* 50%: state"),
            ("DELETE FROM checkpoints WHERE name = '100%'", None, "Checkpoint r-.* 100% is missing"),
            ("UPDATE approvals SET decided_by = 'eve'", None, "Approval a-.*: decided_by says 'eve', .* 'bob'"),
            ("UPDATE approvals SET state = 'approved', used = NULL", None, "Approval a-.*: state says 'approved'"),
            ("UPDATE approvals SET expires = '2036-01-01T00:00:00.000000Z'", None, "Approval a-.*: expires"),
            ("DELETE FROM approvals", None, "Approval a-.* is missing"),
            (
                "UPDATE targets SET outcome = 'changed' WHERE name = 'd0'",
                None,
                "Target d0 .* says 'changed'.* 'pending'",
            ),
            ("DELETE FROM targets WHERE name = 'd1'", None, "Target d1 .* is missing"),
        ],
    )
    def test_what_somebody_edits_is_found_and_named(self, ledger, url, statement, broken_at, says):
        run_id = planned(ledger)
        approved(ledger, run_id)
        consume(ledger, run_id)
        assert ledger.verify().ok
        edit(url, statement)
        found = ledger.verify()
        assert (found.ok, found.broken_at) == (False, broken_at)
        assert any(re.search(says, problem) for problem in found.problems), found.problems

    def test_nobody_approves_by_editing_the_table(self, ledger, url):
        run_id = planned(ledger)
        request(ledger, run_id)
        edit(url, "UPDATE approvals SET state = 'approved', decided_by = 'bob', reason = 'ok'")
        with pytest.raises(LedgerError, match="somebody edited the record"):
            consume(ledger, run_id)

    def test_a_ledger_with_another_key_is_read_but_not_written(self, ledger, url):
        run_id = planned(ledger)
        with pytest.raises(LedgerError, match="another fleet key"):
            open_ledger(url, chain_key=b"o" * 32)
        other = open_ledger(url, chain_key=b"o" * 32, read_only=True)
        assert other.run(run_id).state == "planned"
        with pytest.raises(LedgerError, match="another fleet key"):
            other.move_run(run_id, "running")
        assert not other.verify().ok
        other.close()

    def test_callers_cannot_write_events_that_stand_for_rows(self, ledger):
        run_id = planned(ledger)
        with pytest.raises(LedgerError, match="written by the ledger only"):
            ledger.append_event(run_id, "approval.approved", {})
        seq = ledger.append_event(run_id, "rollout.started", {"pid": 7})
        assert [(event.seq, event.kind, event.data) for event in ledger.events(run_id, after=seq - 1)] == [
            (seq, "rollout.started", {"pid": 7})
        ]

    # Leases

    def test_a_lease_is_taken_over_only_from_the_dead(self, ledger, clock):
        run_id = planned(ledger)
        here = this_process()
        lease = ledger.acquire_lease(run_id, owner=here, ttl=30)
        with pytest.raises(LedgerError, match=f"in the hands of process {os.getpid()} on"):
            ledger.acquire_lease(run_id, owner=here, ttl=30)
        elsewhere = LeaseOwner("elsewhere", 1, "x")
        clock.advance(seconds=20)
        ledger.heartbeat(lease)
        clock.advance(seconds=20)
        with pytest.raises(LedgerError, match="in the hands of"):
            ledger.acquire_lease(run_id, owner=elsewhere, ttl=30)
        clock.advance(seconds=20)
        taken = ledger.acquire_lease(run_id, owner=elsewhere, ttl=30)
        with pytest.raises(LedgerError, match="another process took over"):
            ledger.heartbeat(lease)
        with pytest.raises(LedgerError, match="another process took over"):
            ledger.release(lease)
        ledger.release(taken)
        assert ledger.verify().ok

    def test_a_lease_of_a_process_whose_number_was_given_on_is_free(self, ledger):
        run_id = planned(ledger)
        here = this_process()
        ledger.acquire_lease(run_id, owner=LeaseOwner(here.host, here.pid, "an earlier start"), ttl=3600)
        ledger.acquire_lease(run_id, owner=here, ttl=30)

    def test_a_lease_tells_its_owner_and_names_it_to_others(self, ledger, clock):
        run_id = planned(ledger)
        here = this_process()
        assert ledger.lease_of(run_id, owner=here) is None
        lease = ledger.acquire_lease(run_id, owner=here, ttl=30)
        clock.advance(seconds=20)
        ledger.heartbeat(lease)
        assert ledger.lease_of(run_id, owner=here) == lease
        elsewhere = LeaseOwner("elsewhere", 1, "x")
        with pytest.raises(LedgerError, match=r"of rollout is in the hands .* since 2026-11-21 12:00:00 UTC,"):
            ledger.lease_of(run_id, owner=elsewhere)
        clock.advance(seconds=31)
        assert ledger.lease_of(run_id, owner=elsewhere) is None
