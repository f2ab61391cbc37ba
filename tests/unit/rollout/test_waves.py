# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A job in waves: no two of a redundancy group are out together, and the next comes only when the last is in order."""

import asyncio
import contextlib
import io
import json
import secrets
from collections import Counter, defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.devices.base import Device
from engine.ledger.records import Target
from engine.plan.cohorts import waves
from engine.plan.traits import Traits
from engine.rollout.engine import Engine, Job
from engine.rollout.job import Result, Settings, Task
from engine.rollout.journal import Journal
from engine.rollout.together import holding
from engine.sealing.key import FleetKey

CHECK = {"name": "up", "command": "show version", "match": "up", "variables": []}
NOT_IN_ORDER = ["failed", "rejected", "unreachable", "unknown", "held_back"]


class InMemoryPool:
    """A pool of two workers in memory: devices and checks end as a script says, one at a time."""

    def __init__(self, ends, groups):
        self.ends = ends
        self.groups = groups
        self.out = [[], []]
        self.done = []
        self.together = []

    async def start(self):
        return 2

    async def exchange(self, worker, tasks):
        self.out[worker] += tasks
        counted = Counter(
            group for each in self.out for task in each if task.kind == "push" for group in self.groups[task.name]
        )
        self.together += [group for group, count in counted.items() if count > 1]
        await asyncio.sleep(0)
        done, self.out[worker] = self.out[worker][:1], self.out[worker][1:]
        self.done += [(task.kind, task.name) for task in done]
        return [Result(name=task.name, outcome=self.ends[task.name][task.kind == "validate"]) for task in done]

    async def stop(self):
        await asyncio.sleep(0)

    def usage(self):
        return 0.0, 0


class InMemoryEngine(Engine):
    """An engine whose pool is handed in."""

    @contextlib.asynccontextmanager
    async def _pool(self):
        yield self.pool


def run(ends, groups, *, checks=(CHECK,), done=(), touched=(), **more):
    """Run the devices of ``ends`` (outcome, verdict) in the waves that their groups make; gives pool and events."""
    names = list(ends)
    fleet = {name: Traits(groups=tuple(groups.get(name, ()))) for name in names}
    turn = {name: at for at, wave in enumerate(waves(names, fleet)) for name in wave}
    tasks = tuple(
        Task(
            kind="validate" if name in done else "push",
            touched=name in touched,
            device=Device(name=name, network_os="embedded", host="127.0.0.1"),
            wave=turn[name],
            groups=fleet[name].groups,
        )
        for name in names
    )
    told = io.StringIO()
    limits = {"max_failure_percentage": 100.0, "min_sample": 1, "fleet": len(names), **more.pop("breaker", {})}
    job = Job(Settings(run="r", stage="s", concurrency=4, checks=tuple(checks), breaker=limits, **more), tasks)
    engine = type("E", (InMemoryEngine,), {"pool": (pool := InMemoryPool(ends, defaultdict(tuple, groups)))})(
        job, FleetKey(secrets.token_bytes(32)), Journal(None, told)
    )
    asyncio.run(engine.run())
    return pool, [json.loads(line) for line in told.getvalue().splitlines()]


def pushed(pool):
    return [name for kind, name in pool.done if kind == "push"]


def outcomes(events):
    return {event["name"]: event["outcome"] for event in events if event["event"] == "outcome"}


PAIR = {"a": ["pair 1"], "b": ["pair 1"]}
FINE = ("changed", "passed")


def test_the_second_is_touched_when_the_first_was_pushed_and_validated():
    pool, _events = run({"a": FINE, "b": FINE}, PAIR)
    assert pool.done == [("push", "a"), ("validate", "a"), ("push", "b"), ("validate", "b")]


@pytest.mark.parametrize("outcome", NOT_IN_ORDER)
def test_the_second_is_not_touched_when_the_first_did_not_end_in_order(outcome):
    pool, events = run({"a": (outcome, "passed"), "b": FINE, "c": FINE}, PAIR)
    assert set(pushed(pool)) == {"a", "c"}
    assert outcomes(events) == {"a": outcome, "b": "held_back", "c": "changed"}
    [held] = [event for event in events if event.get("held_for")]
    said = outcome.replace("_", " ")
    assert held["reason"].startswith(f"b: not touched: it waits for a ({said}), of the same redundancy group pair 1")


def test_the_second_is_not_touched_when_the_first_does_not_pass_its_checks():
    pool, events = run({"a": ("changed", "failed"), "b": FINE, "c": FINE}, PAIR)
    assert set(pushed(pool)) == {"a", "c"}
    assert outcomes(events)["b"] == "held_back"


@pytest.mark.parametrize(("verdict", "tripped"), [("failed", True), ("inconclusive", False)])
def test_a_verdict_that_is_not_passed_ends_the_stage_before_the_next_wave(verdict, tripped):
    ends = {"a": ("changed", verdict), "b": FINE, "c": FINE, "d": FINE}
    pool, events = run(ends, {**PAIR, "c": ["pair 2"], "d": ["pair 2"]}, breaker={"max_failure_percentage": 10})
    assert set(pushed(pool)) == {"a", "c"}
    assert set(outcomes(events)) == {"a", "c"}
    assert bool(events[-1]["tripped"]) == tripped


def test_a_member_that_was_not_in_order_before_the_job_holds_the_others_back():
    pool, events = run({"b": FINE, "c": FINE}, PAIR, holding={"pair 1": "a (unknown)"})
    assert (pushed(pool), outcomes(events)["b"]) == (["c"], "held_back")


def test_whoever_is_held_back_holds_nobody_back_for_it_was_not_touched():
    ring = {"a": ["g1"], "b": ["g1", "g2"], "c": ["g2"]}
    pool, events = run({"a": ("failed", "passed"), "b": FINE, "c": FINE}, ring)
    assert pushed(pool) == ["a", "c"]
    assert outcomes(events)["b"] == "held_back"


def test_a_device_that_was_changed_before_is_checked_whoever_is_not_in_order():
    pool, events = run({"a": FINE, "b": FINE}, PAIR, done={"a"}, holding={"pair 1": "c (failed)"})
    assert (pool.done, outcomes(events)) == ([("validate", "a")], {"b": "held_back"})


def test_a_device_that_an_earlier_try_may_have_changed_stays_in_doubt_instead_of_held_back():
    ends = {"a": ("changed", "failed"), "b": FINE}
    pool, events = run(ends, PAIR, done={"a"}, touched={"b"})
    assert (pool.done, outcomes(events)) == ([("validate", "a")], {"b": "unknown"})


@settings(deadline=None, max_examples=100)
@given(
    rows=st.lists(
        st.tuples(
            st.lists(st.integers(0, 3), max_size=2, unique=True),
            st.sampled_from(["changed", "changed", "unchanged", *NOT_IN_ORDER]),
            st.sampled_from(["passed", "passed", "passed", "failed", "inconclusive"]),
        ),
        max_size=14,
    ),
    limit=st.sampled_from([10, 100]),
)
def test_no_two_of_a_group_are_out_together_and_none_after_one_that_is_not_in_order(rows, limit):
    groups = {f"r{at}": [f"g{number}" for number in row[0]] for at, row in enumerate(rows)}
    ends = {f"r{at}": row[1:] for at, row in enumerate(rows)}
    pool, events = run(ends, groups, breaker={"max_failure_percentage": limit})
    assert pool.together == []
    order = pushed(pool)
    assert len(order) == len(set(order))
    fine = {
        name for name, (outcome, verdict) in ends.items() if outcome in {"changed", "unchanged"} and verdict == "passed"
    }
    for at, name in enumerate(order):
        earlier = [other for other in order[:at] if set(groups[other]) & set(groups[name])]
        assert set(earlier) <= fine
        assert all(("validate", other) in pool.done[: pool.done.index(("push", name))] for other in earlier)
    ended = outcomes(events)
    assert set(order) <= set(ended)
    assert all(ended[name] == "held_back" for name in set(ended) - set(order))


def target(name, outcome, stage="1%", **detail):
    return Target("r-1", stage, name, outcome, {"groups": ["pair 1"], **detail})


@pytest.mark.parametrize(
    ("why", "other", "holds"),
    [
        ("it is unknown since an earlier stage", target("a", "unknown"), True),
        ("it failed earlier in this stage", target("a", "failed", "10%"), True),
        ("it is as wanted", target("a", "changed"), False),
        ("it took its change back by itself", target("a", "rolled_back"), True),
        ("its turn comes later", target("a", "pending", "50%"), False),
        ("it is unknown in this stage, and is read first, in its wave", target("a", "unknown", "10%"), False),
        ("it was held back itself, and so not touched", target("a", "held_back", held_for="pair 1"), False),
        ("somebody changed it", target("a", "held_back"), True),
    ],
)
def test_what_is_recorded_of_one_member_holds_the_others_back_or_does_not(why, other, holds):
    assert ("pair 1" in holding([other, target("b", "pending", "10%")], "10%")) == holds, why
