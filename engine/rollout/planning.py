# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what was read on every device to a plan: stages, digest, and what cannot be done."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ..errors import InvalidInput
from ..ledger.records import NewCheckpoint, NewTarget
from ..plan.cohorts import cohorts, turns
from ..plan.confirm import require_time
from ..plan.coverage import Coverage, coverage
from ..plan.digest import PlannedDevice, digest
from ..plan.division import divide
from ..plan.policy import Policy
from ..plan.selectors import Selector
from ..plan.shapes import Shape
from ..plan.traits import NONE, Fleet
from ..wording import counted, listed
from .breaker import Breaker, most_after
from .fleet import held_apart, judged, known
from .job import Result
from .recording import blobs_of

PLAN = "plan"
"""The checkpoint of what was decided when the plan was made: devices that need nothing, or cannot be done at all."""

_UNCOVERED_NAMED = 100

UNREADY = frozenset({"refused", "rejected", "failed"})


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan, as the ledger stores it and as people see it."""

    digest: str
    stages: Mapping[str, Sequence[str]]
    """Device names by stage, in the order in which they are done."""
    results: Mapping[str, Result] = field(repr=False)
    policy: Policy
    in_flight: int
    """The largest number of devices that can still be touched after the breaker's limit is crossed."""
    stopped: str | None
    """Why the run must not start, if so."""
    fleet: Fleet = field(default_factory=dict, repr=False)
    waves: Mapping[str, int] = field(default_factory=dict, repr=False)
    """The wave of each device in its stage, from 0."""
    shapes: Sequence[Shape] = field(default=(), repr=False)
    strata: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    """What the breaker counts each device as, beside fleet and stage."""
    coverage: Coverage = field(default_factory=Coverage)
    """Of the first stage, the canary."""
    notes: Sequence[str] = ()
    """What could not be decided, for a person."""

    @property
    def last(self) -> dict[str, str]:
        """The devices that come last, and why."""
        return {name: traits.last for name in self.waves if (traits := self.fleet.get(name, NONE)).last}

    def canary(self) -> dict[str, Any]:
        """What the first stage does not cover, as data."""
        found = self.coverage
        return {
            "stage": next(iter(self.stages), None),
            "strata": found.strata,
            "covered": found.strata - len(found.uncovered),
            "uncovered": [asdict(each) for each in found.uncovered[:_UNCOVERED_NAMED]],
            "combinations_uncovered": found.combinations,
            "devices_in_them": found.combined,
        }

    @property
    def counts(self) -> dict[str, int]:
        return dict(Counter(result.outcome for result in self.results.values()))

    @property
    def failing_already(self) -> dict[str, list[str]]:
        """By check, the devices that do not pass it before anything is changed."""
        found: dict[str, list[str]] = defaultdict(list)
        for name, result in self.results.items():
            for check in result.checks:
                found[check].append(name)
        return dict(found)

    @property
    def rollback(self) -> dict[str, dict[str, str]]:
        """By verdict on the way back, the devices that would change and why they have it."""
        found: dict[str, dict[str, str]] = defaultdict(dict)
        for name, result in self.results.items():
            if result.outcome == "pending" and result.rollback:
                found[result.rollback][name] = result.rollback_reason
        return dict(found)

    def checkpoints(self) -> list[NewCheckpoint]:
        gates = {stage.name: stage for stage in self.policy.stages}
        return [
            NewCheckpoint(
                PLAN,
                approval=self.policy.approval == "plan",
                destructive=self.policy.destructive,
                detail={
                    "summary": self.summary(),
                    "canary": self.canary(),
                    "last": self.last,
                    "in_flight": self.in_flight,
                    "notes": list(self.notes),
                },
            ),
            *(
                NewCheckpoint(
                    name,
                    approval=gates[name].approval,
                    destructive=self.policy.destructive and gates[name].approval,
                    detail={"summary": f"stage {name}: {counted(len(names), 'device')}; {self.summary()}"},
                )
                for name, names in self.stages.items()
            ),
        ]

    def targets(self) -> list[NewTarget]:
        placed = {name: stage for stage, names in self.stages.items() for name in names}
        return [
            NewTarget(
                checkpoint=placed.get(name, PLAN),
                name=name,
                outcome="failed" if result.outcome == "refused" else result.outcome,
                detail={
                    key: value
                    for key, value in (
                        ("before", result.before),
                        ("change", result.change),
                        ("diff", list(result.diff)),
                        ("reason", result.reason),
                        ("held_for", result.held_for),
                        ("wave", self.waves.get(name, 0)),
                        ("groups", list(self.fleet.get(name, NONE).groups)),
                        ("strata", list(self.strata.get(name, ()))),
                        ("checks_before", dict(result.checks)),
                        ("rollback", result.rollback),
                        # The others' reason is their platform's: the same text ten thousand times.
                        ("rollback_reason", result.rollback_reason if result.rollback == "not_proved" else ""),
                    )
                    if value
                },
                blobs=blobs_of(result),
            )
            for name, result in self.results.items()
        ]

    def summary(self) -> str:
        """One line for a person: what would happen."""
        counts = self.counts
        parts = [f"{counts.get('pending', 0)} of {len(self.results)} devices would change"]
        parts += [
            f"{counts[outcome]} {word}"
            for outcome, word in (
                ("unchanged", "already as wanted"),
                ("unreachable", "unreachable"),
                ("rejected", "rejected"),
                ("refused", "not let in"),
                ("failed", "failed"),
                ("held_back", "held back for the sake of their redundancy group"),
            )
            if counts.get(outcome)
        ]
        return ", ".join(parts)


def make(
    results: Mapping[str, Result],
    policy: Policy,
    placed: Mapping[str, Selector] | None = None,
    fleet: Fleet | None = None,
    notes: Sequence[str] = (),
) -> Plan:
    """Make a plan from the result of every device, in inventory order, and what is known of each beside it.

    ``placed`` says which selector each device belongs to, where the policy's stages select their devices; ``notes``
    what whoever approves it must know besides. Raises ``InvalidInput`` naming the devices that cannot be planned,
    unless the policy leaves them out.
    """
    if policy.rollback_proof == "require":
        results = {name: _proved_only(result) for name, result in results.items()}
    unready = {name: result for name, result in results.items() if result.outcome in UNREADY}
    if unready and policy.on_unready == "refuse":
        raise InvalidInput(refusal(unready))
    fleet, shapes, more = known(results, fleet or {})
    results = held_apart(results, fleet)
    missing = [name for name, result in results.items() if result.outcome == "unreachable"]
    acting = [name for name, result in results.items() if result.outcome in {"pending", "unreachable"}]
    # Neither who cannot be read nor who fails a check as it is can show whether the change is good.
    mute = [*missing, *(name for name in acting if results[name].checks)]
    changing = len(acting) > len(missing)
    stages = (
        divide(
            acting,
            policy.stages,
            placed or {},
            lambda names, stages: cohorts(names, stages, policy.order, mute, fleet),
        )
        if changing
        else {}
    )
    turn = turns(stages, fleet)
    members = [(name, stage) for stage, names in stages.items() for name in names]
    sizes = {stage: list(Counter(turn[name] for name in names).values()) for stage, names in stages.items()}
    require_time(policy, sizes)
    strata = judged(fleet, [name for name, _stage in members if results[name].change], policy.stratum_min_sample)
    lines = (
        PlannedDevice(
            name=name,
            stage=stage,
            before=results[name].before,
            change=results[name].change,
            wave=turn[name],
            groups=fleet.get(name, NONE).groups,
            strata=strata.get(name, ()),
        )
        for name, stage in members
    )
    return Plan(
        digest=digest(lines, policy.as_dict()),
        stages=stages,
        results=results,
        policy=policy,
        in_flight=most_after(policy.concurrency, max((size for each in sizes.values() for size in each), default=0)),
        stopped=_breaker(results, policy) or _canary(stages, results, policy),
        fleet=fleet,
        waves=turn,
        shapes=shapes,
        strata=strata,
        coverage=coverage(acting, fleet, next(iter(stages.values()), ()), set(mute)),
        notes=[*notes, *more, *_too_early(stages, fleet)],
    )


def _too_early(stages: Mapping[str, Sequence[str]], fleet: Fleet) -> Iterator[str]:
    """Devices that come last of the devices that their stage selects, but not last of all."""
    for stage in list(stages)[:-1]:
        for name in stages[stage]:
            if fleet[name].last:
                yield (
                    f"{name} should come last ({fleet[name].last}), but its stage {stage} is not the last of all: "
                    "put that stage at the end"
                )


def _proved_only(result: Result) -> Result:
    if result.outcome != "pending" or result.rollback == "proved":
        return result
    how = "cannot be proved" if result.rollback == "unprovable" else "does not hold"
    reason = (
        f"{result.name}: its rollback {how}: {result.rollback_reason}; network_rollout_rollback_proof=report goes "
        "without that proof"
    )
    return replace(result, outcome="failed", reason=reason, diff=(), change="", sealed={})


def _breaker(results: Mapping[str, Result], policy: Policy) -> str | None:
    """Hold what failed before anything was touched against the fleet-wide limit."""
    breaker = Breaker(policy.max_failure_percentage, policy.min_sample, fleet=len(results))
    for result in results.values():
        # A device held back for its group's sake is none: what it waits for is counted.
        breaker.finish("pending" if result.held_for else "failed" if result.outcome in UNREADY else result.outcome)
    if breaker.tripped is None and not any(result.outcome != "unreachable" for result in results.values()):
        return f"none of the {len(results)} devices can be reached"
    return breaker.tripped


def _canary(stages: Mapping[str, Sequence[str]], results: Mapping[str, Result], policy: Policy) -> str | None:
    """A canary that cannot pass, because of who is unreachable already, is not worth touching a device for."""
    first = next(iter(stages.values()), ())
    missing = sum(results[name].outcome == "unreachable" for name in first)
    breaker = Breaker(policy.max_failure_percentage, policy.min_sample, fleet=len(results), stage_missing=missing)
    breaker.start(len(first) - missing)
    breaker.close()
    return breaker.tripped


def refusal(unready: Mapping[str, Result], *, most: int = 3) -> str:
    """One message for all devices that cannot be planned: grouped by what is wrong, a full example of each."""
    groups: dict[str, list[str]] = defaultdict(list)
    for name, result in unready.items():
        groups[_shape(name, result.reason)].append(name)
    said = []
    for names in sorted(groups.values(), key=len, reverse=True)[:most]:
        example = unready[names[0]].reason
        others = f" (and {len(names) - 1} more alike: {listed(names[1:])})" if len(names) > 1 else ""
        said.append(f"{example}{others}")
    more = f"; and {len(groups) - most} more reasons" if len(groups) > most else ""
    return (
        f"{len(unready)} of the devices cannot be planned, nothing was touched: {'; '.join(said)}{more}. "
        "Correct that (network_rollout_timeout, network_rollout_concurrency for devices that are only slow), leave the "
        "devices out (--limit), or set network_rollout_on_unready=skip"
    )


def _shape(name: str, reason: str) -> str:
    """A reason without what differs from device to device: its name, and every number."""
    plain = reason.replace(name, "")
    return "".join("#" if letter.isdigit() else letter for letter in plain)


def recorded_digest(targets: Sequence[Any], policy: Mapping[str, Any]) -> str:
    """The digest of a plan as the ledger holds it: it must be the one that was approved."""
    return digest(
        (
            PlannedDevice(
                name=target.name,
                stage=target.checkpoint,
                before=target.detail.get("before", ""),
                change=target.detail.get("change", ""),
                wave=target.detail.get("wave", 0),
                groups=tuple(target.detail.get("groups", ())),
                strata=tuple(target.detail.get("strata", ())),
            )
            for target in targets
            if target.checkpoint != PLAN
        ),
        policy,
    )
