# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Handing out devices: nothing is lost, nothing is done twice, and little is touched after the limit is crossed."""

import asyncio
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.devices.base import Device
from engine.errors import FleetError
from engine.rollout.breaker import Breaker, most_after
from engine.rollout.dispatch import Dispatcher
from engine.rollout.job import Result, Task
from engine.rollout.pools import WorkerLost
from engine.rollout.reading import UNREAD

OUTCOMES = ["changed", "unchanged", "failed", "rejected", "unreachable", "unknown", "held_back"]


class InMemoryPool:
    """A pool in memory: devices end as a script says, a few at a time, and workers die when it says so."""

    def __init__(self, workers, outcomes, deaths):
        self.workers = workers
        self.outcomes = outcomes
        self.deaths = list(deaths)
        self.out = [[] for _worker in range(workers)]
        self.handed = Counter()
        self.most = 0
        self.read_first = set()

    async def exchange(self, worker, tasks):
        self.out[worker] += tasks
        self.handed.update(task.name for task in tasks)
        self.read_first.update(task.name for task in tasks if task.touched)
        self.most = max(self.most, sum(map(len, self.out)))
        await asyncio.sleep(0)
        if self.deaths and self.deaths.pop():
            self.out[worker] = []
            raise WorkerLost(f"worker {worker} died")
        done, self.out[worker] = self.out[worker][:2], self.out[worker][2:]
        return [Result(name=task.name, outcome=self.outcomes[task.name]) for task in done]


def tasks(names, strata=()):
    return [
        Task(
            kind="push",
            device=Device(name=name, network_os="embedded", host="127.0.0.1"),
            strata=tuple(strata[at : at + 1]),
        )
        for at, name in enumerate(names)
    ]


def run(outcomes, *, workers=2, concurrency=4, deaths=(), stop_after=None, strata=(), **limits):
    events = []
    names = [f"r{number}" for number in range(len(outcomes))]
    pool = InMemoryPool(workers, dict(zip(names, outcomes, strict=True)), deaths)
    breaker = Breaker(**{"max_failure_percentage": 10, "min_sample": 5, "fleet": max(1, len(names)), **limits})
    dispatcher = Dispatcher("push", pool, workers, concurrency, breaker, lambda kind, data: events.append((kind, data)))

    def emit(kind, data):
        events.append((kind, data))
        if stop_after is not None and sum(kind == "outcome" for kind, _data in events) >= stop_after:
            dispatcher.stop("somebody wanted it")

    dispatcher.emit = emit
    asyncio.run(dispatcher.run(tasks(names, strata)))
    return events, pool, breaker


def told(events):
    return Counter(data["name"] for kind, data in events if kind == "outcome")


def dispatched(events):
    return {name for kind, data in events if kind == "dispatched" for name in data["names"]}


@settings(deadline=None, max_examples=150)
@given(
    outcomes=st.lists(st.sampled_from(OUTCOMES), max_size=40),
    workers=st.integers(1, 4),
    concurrency=st.integers(1, 9),
    deaths=st.lists(st.booleans(), max_size=12),
    limit=st.sampled_from([0, 10, 50, 100]),
    stop_after=st.none() | st.integers(1, 20),
)
def test_counts_always_add_up(outcomes, workers, concurrency, deaths, limit, stop_after):
    events, pool, breaker = run(
        outcomes,
        workers=workers,
        concurrency=concurrency,
        deaths=deaths,
        stop_after=stop_after,
        max_failure_percentage=limit,
    )
    counted = told(events)
    assert set(counted.values()) <= {1}
    assert set(counted) == dispatched(events) == set(pool.handed)
    assert breaker.started == len(counted)
    assert pool.most <= concurrency
    if breaker.tripped is None and stop_after is None:
        assert len(counted) == len(outcomes)


@settings(deadline=None, max_examples=200)
@given(
    ends=st.lists(st.tuples(st.sampled_from(OUTCOMES), st.sampled_from("abc")), min_size=1, max_size=60),
    workers=st.integers(1, 4),
    concurrency=st.integers(1, 9),
    deaths=st.lists(st.booleans(), max_size=6),
    limit=st.sampled_from([0, 10, 50, 100]),
)
def test_after_any_limit_is_crossed_no_more_than_the_plan_says_are_touched(ends, workers, concurrency, deaths, limit):
    outcomes, strata = zip(*ends, strict=True)
    events, pool, breaker = run(
        outcomes,
        workers=workers,
        concurrency=concurrency,
        deaths=deaths,
        strata=strata,
        max_failure_percentage=limit,
        max_stratum_failure_percentage=50,
        stratum_min_sample=3,
    )
    kinds = [kind for kind, _data in events]
    if breaker.tripped is None:
        assert "tripped" not in kinds
        return
    at = kinds.index("tripped")
    assert kinds.count("tripped") == 1
    assert "dispatched" not in kinds[at:]
    if not any(deaths):
        assert kinds[at:].count("outcome") == events[at][1]["in_flight"]
    assert events[at][1]["in_flight"] <= most_after(concurrency, len(outcomes))
    assert pool.most <= concurrency


def test_a_device_is_said_to_be_out_before_a_worker_has_it():
    events, _pool, _breaker = run(["changed"] * 6)
    seen = set()
    for kind, data in events:
        if kind == "dispatched":
            seen.update(data["names"])
        elif kind == "outcome":
            assert data["name"] in seen


def test_devices_of_a_dead_worker_are_handed_out_again_to_be_read_first():
    events, pool, _breaker = run(["changed"] * 4, workers=1, deaths=[True])
    assert pool.handed == {f"r{number}": 2 for number in range(4)}
    assert pool.read_first == set(pool.handed)
    assert set(told(events).values()) == {1}


def test_a_device_that_kills_every_worker_ends_as_unknown():
    events, pool, _breaker = run(["changed"], workers=1, deaths=[True] * 9)
    assert pool.handed == {"r0": 3}
    [outcome] = [data for kind, data in events if kind == "outcome"]
    assert (outcome["outcome"], outcome["reason"]) == ("unknown", f"r0: worker 0 died; {UNREAD}")


def test_a_device_taken_back_from_a_dead_worker_is_not_forgotten_when_the_breaker_trips():
    events, pool, breaker = run(
        ["changed"] * 5,
        workers=1,
        concurrency=3,
        deaths=[True, True, False, True],
        max_failure_percentage=0,
    )
    assert breaker.tripped
    assert set(told(events)) == set(pool.handed)
    assert [data["outcome"] for kind, data in events if kind == "outcome"].count("unknown") == 3


class PoisonedPool(InMemoryPool):
    """One device kills every worker that it is given to, with all that this worker has."""

    async def exchange(self, worker, tasks):
        if any(task.name == "r3" for task in [*self.out[worker], *tasks]):
            self.handed.update(task.name for task in tasks)
            self.out[worker] = []
            raise WorkerLost(f"worker {worker} died")
        return await super().exchange(worker, tasks)


@pytest.mark.parametrize(("workers", "concurrency"), [(1, 1), (1, 8), (2, 8), (3, 30)])
def test_a_device_that_kills_every_worker_takes_no_other_device_with_it(workers, concurrency):
    names = [f"r{number}" for number in range(12)]
    pool = PoisonedPool(workers, dict.fromkeys(names, "changed"), [])
    events = []
    breaker = Breaker(max_failure_percentage=100, min_sample=5, fleet=12)
    dispatcher = Dispatcher("push", pool, workers, concurrency, breaker, lambda kind, data: events.append((kind, data)))
    asyncio.run(dispatcher.run(tasks(names)))
    outcomes = [(data["name"], data["outcome"]) for kind, data in events if kind == "outcome"]
    assert sorted(outcomes) == sorted((name, "unknown" if name == "r3" else "changed") for name in names)
    assert pool.handed["r3"] == 3


def test_workers_that_are_lost_for_good_end_the_job_and_leave_what_was_not_begun_alone():
    class Broken(InMemoryPool):
        async def exchange(self, worker, tasks):
            self.handed.update(task.name for task in tasks)
            raise WorkerLost("the cluster is not fit", for_good=True)

    pool = Broken(1, {}, [])
    events = []
    breaker = Breaker(max_failure_percentage=100, min_sample=5, fleet=9)
    dispatcher = Dispatcher("push", pool, 1, 2, breaker, lambda kind, data: events.append((kind, data)))
    asyncio.run(dispatcher.run(tasks([f"r{number}" for number in range(9)])))
    assert (dispatcher.stopped, set(pool.handed)) == ("the cluster is not fit", {"r0", "r1"})
    assert {data["name"]: data["outcome"] for kind, data in events if kind == "outcome"} == dict.fromkeys(
        ("r0", "r1"), "unknown"
    )


def test_what_cannot_be_put_on_record_is_not_handed_out_and_what_is_out_is_finished():
    pool = InMemoryPool(1, dict.fromkeys(["r0", "r1", "r2", "r3", "r4", "r5"], "changed"), [])
    events = []

    def emit(kind, data):
        if kind == "dispatched" and len(events) > 2:
            raise FleetError("no space left")
        events.append((kind, data))

    breaker = Breaker(max_failure_percentage=10, min_sample=5, fleet=6)
    dispatcher = Dispatcher("push", pool, 1, 3, breaker, emit)
    asyncio.run(dispatcher.run(tasks(list(pool.outcomes))))
    assert dispatcher.stopped == "no space left"
    assert set(pool.handed) == {data["name"] for kind, data in events if kind == "outcome"} == {"r0", "r1", "r2"}
    assert breaker.started == 3
