# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which run holds which devices, on any database: the tests of each database inherit it."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import pytest
from sqlalchemy import event

from engine.errors import DevicesHeld, LedgerError
from engine.ledger import NewCheckpoint, NewTarget, Outcome, open_ledger
from tests.unit.ledger.claims import DIGEST, KEY

FLEET = {f"d{i}": f"192.0.2.{i}:22" for i in range(6)}


def begin(ledger, name="first", devices=FLEET, **definition):
    return ledger.create_run(name=name, kind="rollout", requester="anna", definition=definition, devices=devices).id


def planned(ledger, name="first", devices=FLEET, **definition):
    run_id = begin(ledger, name, devices, **definition)
    targets = [NewTarget("all", device, detail={"before": "f0"}) for device in devices]
    ledger.set_plan(run_id, digest=DIGEST, checkpoints=[NewCheckpoint("all")], targets=targets)
    return run_id


def ended(ledger, state, name="first", **outcomes):
    """A run over the fleet that ended in ``state``; its devices are changed but for those named."""
    run_id = planned(ledger, name)
    ledger.move_run(run_id, "running")
    rows = [Outcome(device, outcomes.get(device, "changed"), {"before": "f0"}) for device in FLEET]
    ledger.record_outcomes(run_id, "all", rows)
    ledger.move_run(run_id, state)
    return run_id


def _race(url, name, start):
    ledger = open_ledger(url, chain_key=KEY)
    try:
        start.wait(60)
        return begin(ledger, name)
    except DevicesHeld as error:
        return str(error)
    finally:
        ledger.close()


class HoldingClaims:
    """One test each; a subclass for a database provides the fixture ``url``."""

    @pytest.fixture
    def ledger(self, url):
        ledger = open_ledger(url, chain_key=KEY)
        yield ledger
        ledger.close()

    def test_the_second_is_refused_and_told_who_holds_what_and_what_to_do(self, ledger):
        first = planned(ledger)
        ledger.move_run(first, "running")
        with pytest.raises(DevicesHeld) as caught:
            begin(ledger, "second", {"d1": FLEET["d1"], "d5": FLEET["d5"], "other": "192.0.2.77:22"})
        began = ledger.run(first).created
        assert str(caught.value) == (
            f"2 of the 3 devices are held by another run, nothing was touched: d1, d5 by run {first} of first "
            f"(running; begun by anna {began:%Y-%m-%d %H:%M:%S} UTC). Wait for it to end; or run its command again, "
            "which goes on with it; or give it up: ansible localhost -m raywright.fleet.run "
            f"-a 'state=abandon run={first} reason=...'. Or leave those devices out (--limit)"
        )
        assert [run.name for run in ledger.runs()] == ["first"]

    def test_the_same_device_is_found_under_another_name_and_the_same_name_at_another_address(self, ledger):
        planned(ledger, devices={"edge": "ROUTER.example.net:22"})
        for devices in ({"core": "router.example.net:22"}, {"edge": "192.0.2.9:22"}):
            with pytest.raises(DevicesHeld, match=f"1 of the 1 devices.*: {next(iter(devices))} by run"):
                begin(ledger, "second", devices)
        begin(ledger, "third", {"core": "router.example.net:830"})

    def test_runs_on_different_devices_go_side_by_side_and_many_holders_are_all_named(self, ledger):
        half = {name: FLEET[name] for name in ("d0", "d1", "d2")}
        rest = {name: FLEET[name] for name in FLEET if name not in half}
        one, two = planned(ledger, "one", half), planned(ledger, "two", rest)
        with pytest.raises(DevicesHeld, match=f"d0, d1, d2 by run {one} of one .*; d3, d4, d5 by run {two} of two"):
            begin(ledger, "three")

    @pytest.mark.parametrize("way", [("planned",), ("running",), ("waiting",), ("parked",), ("running", "paused")])
    def test_every_open_state_holds_all_devices(self, ledger, way):
        run_id = planned(ledger)
        for state in way:
            ledger.move_run(run_id, state)
        assert ledger.held(run_id) == dict.fromkeys(FLEET, "open")

    def test_a_plan_in_the_making_holds_its_devices_and_one_that_failed_does_not(self, ledger):
        run_id = begin(ledger)
        with pytest.raises(DevicesHeld, match=r"\(planning; begun by anna"):
            begin(ledger, "second")
        ledger.move_run(run_id, "failed")
        assert ledger.held(run_id) == {}
        begin(ledger, "second")

    @pytest.mark.parametrize("state", ["completed", "stopped", "failed"])
    def test_a_run_that_ended_holds_only_what_is_in_doubt(self, ledger, state):
        run_id = ended(ledger, state, d2="unknown", d3="failed", d4="unreachable", d5="held_back")
        assert ledger.held(run_id) == {"d2": "doubt"}
        begin(ledger, "second", {name: FLEET[name] for name in FLEET if name != "d2"})
        with pytest.raises(DevicesHeld, match=f"d2 by run {run_id} of first .{state}, in doubt; .*run first again"):
            begin(ledger, "third", {"d2": FLEET["d2"]})

    def test_a_change_on_trial_is_in_doubt_until_it_is_confirmed(self, ledger):
        run_id = planned(ledger)
        ledger.move_run(run_id, "running")
        trial = {"before": "f0", "diff": ['+ "unconfirmed":true']}
        rows = [Outcome("d0", "changed", {**trial, "unconfirmed": True}), Outcome("d1", "changed", trial)]
        ledger.record_outcomes(run_id, "all", rows)
        ledger.move_run(run_id, "stopped")
        assert ledger.held(run_id) == {"d0": "doubt"}

    @pytest.mark.parametrize("state", ["rolled_back", "abandoned"])
    def test_a_run_that_was_rolled_back_or_given_up_holds_nothing(self, ledger, state):
        run_id = ended(ledger, state, d2="unknown")
        assert ledger.held(run_id) == {}

    def test_the_next_run_of_the_name_may_have_what_is_in_doubt_and_settles_what_it_has_read(self, ledger):
        first = ended(ledger, "stopped", d2="unknown", d3="unknown")
        second = planned(ledger)
        assert ledger.held(first) == {"d2": "doubt", "d3": "doubt"}
        ledger.move_run(second, "running")
        read, unread = (
            Outcome("d2", "unchanged", {"before": "f0"}),
            Outcome("d3", "unreachable", {"reason": "no route"}),
        )
        ledger.record_outcomes(second, "all", [read, unread])
        ledger.move_run(second, "stopped")
        assert (ledger.held(first), ledger.held(second)) == ({"d3": "doubt"}, {})

    def test_a_run_that_follows_another_may_have_what_that_one_left_in_doubt(self, ledger):
        first = ended(ledger, "completed", d2="unknown")
        only = {"d2": FLEET["d2"]}
        with pytest.raises(DevicesHeld):
            planned(ledger, "other", only)
        second = planned(ledger, "failures", only, follows=first)
        ledger.move_run(second, "abandoned")
        assert (ledger.held(first), ledger.held(second)) == ({}, {})

    def test_a_person_who_looked_lets_go_and_that_is_on_record(self, ledger):
        run_id = ended(ledger, "completed", d2="unknown")
        assert ledger.release_devices(run_id, by="bob", reason="read it on the console") == ["d2"]
        assert ledger.release_devices(run_id, by="bob", reason="again") == []
        [released] = [each.data for each in ledger.events(run_id) if each.kind == "claims.released"]
        assert released == {"by": "bob", "reason": "read it on the console", "devices": ["d2"]}
        begin(ledger, "second")
        assert ledger.verify().ok

    @pytest.mark.parametrize("unknown", ["open", "r-nosuch"])
    def test_a_run_that_is_open_or_is_not_there_lets_go_of_nothing(self, ledger, unknown):
        run_id = planned(ledger) if unknown == "open" else unknown
        with pytest.raises(LedgerError, match="only a run that has ended lets go"):
            ledger.release_devices(run_id, by="bob", reason="impatience")

    def test_a_rollback_takes_devices_again_unless_somebody_else_has_them_by_now(self, ledger):
        first = ended(ledger, "completed")
        some = {name: FLEET[name] for name in ("d0", "d1")}
        ledger.claim_for_rollback(first, some)
        with pytest.raises(
            DevicesHeld, match=f"d1 by run {first} of first .completed, being rolled back; .*run={first}"
        ):
            begin(ledger, "second", {"d1": FLEET["d1"]})
        ledger.settle_devices(first)
        second = begin(ledger, "second", {"d1": FLEET["d1"]})
        with pytest.raises(DevicesHeld, match=f"d1 by run {second} of second"):
            ledger.claim_for_rollback(first, some)
        assert ledger.held(first) == {}

    def test_of_two_processes_at_the_same_instant_exactly_one_begins(self, ledger, url):
        context = multiprocessing.get_context("spawn")
        with context.Manager() as manager, ProcessPoolExecutor(2, mp_context=context) as pool:
            for attempt in range(5):
                start = manager.Barrier(2)
                names = [f"left {attempt}", f"right {attempt}"]
                ends = [pool.submit(_race, url, name, start) for name in names]
                won, lost = sorted((each.result(120) for each in ends), key=len)
                assert ledger.run(won).name in names
                assert f"by run {won} of {ledger.run(won).name}" in lost
                assert set(ledger.held(won)) == set(FLEET)
                ledger.move_run(won, "abandoned")
        assert len(ledger.runs(limit=100)) == 5

    def test_a_large_fleet_costs_one_question_not_one_a_device(self, ledger):
        fleet = {f"r{i:05d}": f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}:22" for i in range(10_000)}
        begin(ledger, "first", fleet)
        asked = []

        @event.listens_for(ledger._engine, "before_cursor_execute")
        def _note(_connection, _cursor, statement, *_rest):
            asked.append(statement)

        with pytest.raises(
            DevicesHeld, match=r"10000 of the 10000 devices.*r00000, r00001, r00002 and 9997 more by run"
        ):
            begin(ledger, "second", fleet)
        assert sum("claims" in statement for statement in asked) == 1
        [found] = ledger.holders(fleet, name="third")
        assert len(found.devices) == 10_000
