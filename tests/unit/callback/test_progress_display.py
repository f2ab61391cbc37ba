# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.telemetry import paint
from engine.telemetry.reporter import Reporter
from engine.telemetry.tracker import OUTCOMES, Pace, Tally, Tracker, View

STAGE = {
    "event": "phase",
    "run": "r-abcdefgh23",
    "phase": "stage",
    "name": "10%",
    "total": 90,
    "fleet": {"total": 1000, "done": 10, "outcomes": {"changed": 10}},
}


def progress(done, *, fleet=10, **outcomes):
    return {"event": "progress", "done": done, "outcomes": outcomes, "fleet": {"total": 1000, "done": fleet}}


def said_by(*events, interval=30.0):
    """Feed ``(seconds, event)`` to a reporter without a terminal; return it and what it says from then on."""
    said = []
    reporter = Reporter(say=said.append, interval=interval)
    for now, event in events:
        reporter.handle(event, now)
    return reporter, said


def test_the_rate_is_not_known_before_it_means_something():
    pace = Pace()
    pace.add(0.0, 0)
    pace.add(0.1, 50)
    assert pace.rate(0.1) is None
    pace.add(3.0, 50)
    assert pace.rate(4.0) == 12.5


def test_the_rate_is_that_of_the_last_thirty_seconds():
    pace = Pace()
    for second in range(100):
        pace.add(float(second), second * 2 if second < 60 else 120 + (second - 60) * 10)
    assert pace.rate(99.0) == pytest.approx(10.0, rel=0.05)


def test_the_rate_sinks_while_nothing_happens_and_is_then_unknown():
    pace = Pace()
    for second in range(11):
        pace.add(float(second), second * 10)
    assert pace.rate(10.0) == 10.0
    assert pace.rate(20.0) == 5.0
    assert pace.rate(60.0) is None


@given(st.lists(st.tuples(st.floats(0, 20), st.integers(0, 50)), min_size=1), st.floats(0, 100))
def test_an_estimate_is_never_negative_nor_infinite(steps, later):
    tracker, now, done = Tracker(), 0.0, 0
    tracker.phase({"phase": "stage", "name": "1", "total": 100}, now)
    for seconds, devices in steps:
        now, done = now + seconds, done + devices
        tracker.progress({"done": done, "fleet": {"total": 100, "done": done}}, now)
    view = tracker.view(now + later)
    assert view.eta is None or 0 <= view.eta < 1e6
    assert view.fleet_eta is None or 0 <= view.fleet_eta < 1e6


def test_estimates_are_what_is_left_divided_by_the_rate():
    tracker = Tracker()
    tracker.phase(STAGE, 0.0)
    tracker.progress(progress(40, fleet=50, changed=40), 10.0)
    view = tracker.view(10.0)
    assert (view.rate, view.eta, view.fleet_eta) == (4.0, 12.5, 237.5)


def test_the_whole_runs_estimate_goes_on_with_the_last_rate_when_a_stage_begins():
    tracker = Tracker()
    tracker.phase(STAGE, 0.0)
    tracker.progress(progress(90, fleet=100, changed=90), 10.0)
    tracker.view(10.0)
    tracker.phase(STAGE | {"name": "50%", "total": 400, "fleet": {"total": 1000, "done": 100}}, 20.0)
    view = tracker.view(20.0)
    assert (view.rate, view.eta, view.fleet_eta) == (None, None, 100.0)


def test_counts_are_shown_in_one_order_with_unknown_outcomes_last():
    tally = Tally()
    tally.update({"outcomes": {"zebra": 1, "unreachable": 2, "changed": 3, "failed": 0, "pending": 9}})
    assert list(tally.outcomes.items()) == [("changed", 3), ("unreachable", 2), ("zebra", 1)]


@pytest.mark.parametrize("value", [-1, "7", None, True, 1.5, [3]])
def test_a_count_that_is_no_count_changes_nothing(value):
    tally = Tally(total=5, done=2)
    tally.update({"total": value, "done": value, "outcomes": value})
    assert tally == Tally(total=5, done=2)


@given(
    st.integers(1, 200),
    st.integers(0, 20_000),
    st.dictionaries(st.sampled_from(OUTCOMES), st.integers(1, 10_000)),
    st.text(max_size=30),
    st.sampled_from([paint.UNICODE, paint.ASCII]),
)
def test_the_bar_fits_any_width_and_stays_on_its_line(width, total, outcomes, name, signs):
    done = min(total, sum(outcomes.values()))
    view = View("r", "stage", name, Tally(total, done, outcomes), Tally(20_000, 7, outcomes), 3.0, 7.7, 99.0, None)
    drawn = paint.progress_bar(view, width, signs=signs)
    assert paint.cells(drawn) <= width
    assert drawn == paint.printable(drawn)


def test_the_bar_says_the_most_important_in_little_room():
    view = View(
        "r", "stage", "10%", Tally(90, 40, {"changed": 39, "failed": 1}), Tally(1000, 50), 3.0, 4.0, 12.5, 238.0
    )
    assert paint.progress_bar(view, 200, signs=paint.ASCII) == (
        "| stage 10% =================>----------------------"
        " 40/90  44%  39 changed  1 failed  4.0/s  ETA 0:13  | fleet 50/1000 5%  ETA 4:00"
    )
    assert paint.progress_bar(view, 55, signs=paint.ASCII) == "| stage 10% ====>----- 40/90  44%  39 changed  1 failed"
    assert paint.progress_bar(view, 40, signs=paint.ASCII) == "| stage 10% =======>--------- 40/90  44%"
    assert paint.progress_bar(view, 20, signs=paint.ASCII) == "| stage 10% 40/90  ~"


def test_a_bar_is_full_only_when_all_are_done():
    nearly = View("r", "stage", "x", Tally(1000, 999, {"changed": 999}), Tally(), 1.0, None, None, None)
    assert "99%" in paint.progress_bar(nearly, 80, signs=paint.ASCII)
    assert "-" in paint.progress_bar(nearly, 80, signs=paint.ASCII)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "--"), (1e9, "--"), (0.2, "0:01"), (119.0, "1:59"), (121, "2:05"), (601, "10:10"), (7201, "2:01:00")],
)
def test_an_eta_is_as_exact_as_it_can_be(seconds, text):
    assert paint.remaining(seconds) == text


@pytest.mark.parametrize(("encoding", "signs"), [("utf-8", paint.UNICODE), ("ascii", paint.ASCII), (None, paint.ASCII)])
def test_signs_that_the_encoding_cannot_write_are_not_used(encoding, signs):
    assert paint.signs_for(encoding) is signs


def test_a_phase_is_said_at_once_and_then_every_interval():
    reporter, said = said_by((0.0, STAGE))
    assert said == ["r-abcdefgh23 stage 10%: 90 devices | fleet 10/1000"]
    reporter.handle(progress(40, fleet=50, changed=39, unreachable=1), 10.0)
    reporter.tick(29.9)
    assert len(said) == 1
    reporter.tick(30.0)
    reporter.tick(59.0)
    assert said[1:] == [
        "r-abcdefgh23 stage 10%: 40/90 (44%) | 39 changed, 1 unreachable | 1.3/s, ETA 0:38 | fleet 50/1000, ETA 12:00"
    ]
    reporter.tick(60.0)
    assert len(said) == 3


def test_a_phase_end_is_said_with_its_counts_and_ends_the_lines():
    reporter, said = said_by((0.0, STAGE), (5.0, progress(90, fleet=100, changed=89, failed=1)))
    reporter.handle({"event": "phase_end", "name": "10%", "verdict": "failed", "seconds": 12.34}, 5.0)
    assert said[-1] == "x stage 10% failed in 12.3 s: 90/90 devices, 89 changed, 1 failed"
    reporter.tick(500.0)
    assert len(said) == 2


def test_a_phase_that_never_ended_is_over_when_the_next_task_begins():
    reporter, said = said_by((0.0, STAGE), (1.0, {"event": "task_start", "task": "next"}))
    reporter.tick(100.0)
    assert len(said) == 1


def test_the_end_says_one_line_for_each_run_and_nothing_without_one():
    reporter, said = said_by((0.0, STAGE), (60.0, progress(90, fleet=100, changed=90)))
    assert said[1].endswith("90 changed | 1.5/s, ETA 0:00 | fleet 100/1000, ETA 10:00")
    reporter.handle({"event": "playbook_end"}, 65.0)
    reporter.finish(65.0)
    assert said[2:] == ["r-abcdefgh23: 100/1000 devices in 1:05: 10 changed"]
    reporter, said = said_by((0.0, {"event": "task_start", "task": "x"}))
    reporter.finish(1.0)
    assert said == []


@pytest.mark.parametrize("more", [[], [(2.0, {"event": "phase_end", "verdict": "passed"})]])
def test_a_run_that_its_playbook_leaves_says_what_becomes_of_it(more):
    reporter, said = said_by((0.0, STAGE), (1.0, progress(90, fleet=100, changed=90)), *more)
    reporter.finish(3.0)
    assert said[-1] == (
        "r-abcdefgh23: interrupted; what is in flight is finished, nothing more is started. The same command goes on; "
        "how far it is: ansible-playbook raywright.fleet.status -e run=r-abcdefgh23"
    )


def test_a_plan_that_is_left_touched_nothing():
    reporter, said = said_by((0.0, STAGE | {"phase": "plan", "name": ""}))
    reporter.finish(3.0)
    assert said[-1] == "r-abcdefgh23: interrupted; no device was touched"
    reporter, said = said_by((0.0, STAGE | {"phase": "plan", "name": ""}), (1.0, {"event": "phase_end"}))
    reporter.finish(3.0)
    assert "what is in flight is finished" in said[-1]


def test_what_comes_in_cannot_steer_the_terminal():
    _reporter, said = said_by(
        (0.0, STAGE | {"name": "\x1b[2J\n10%", "run": "r\x07"}), (1.0, {"event": "note", "text": "a\x1b]0;b"})
    )
    assert said == ["r stage [2J10%: 90 devices | fleet 10/1000", "a]0;b"]
