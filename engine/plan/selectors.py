# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stages that say which devices they are for: by a host pattern, by variables, or one for each value of a variable.

What a pattern matches, and what a variable is on each device, is the caller's to find out: nothing here knows
inventories.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..errors import InvalidInput

SELECTING = ("hosts", "where", "each")
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Selector:
    """Which devices a stage is for. Exactly one of ``hosts``, ``where`` and ``each`` is set."""

    hosts: str = ""
    """A host pattern; a group's name is one."""
    where: tuple[tuple[str, str], ...] = ()
    """Variables and the values, as text, that a device must have; all of them."""
    each: str = ""
    """A variable of which every value gets a stage: a placeholder until ``expand``."""
    order: tuple[str, ...] = ()
    """Values of ``each`` in the order of their stages; without, they are sorted."""

    def __str__(self) -> str:
        if self.each:
            return f"each {self.each}"
        return self.hosts or ", ".join(f"{name}={value}" for name, value in self.where)

    @property
    def name(self) -> str:
        """What its stage is called where nobody gave it a name."""
        return self.hosts or self.each or " ".join(value for _name, value in self.where)

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables whose values it asks for."""
        return (self.each,) if self.each else tuple(name for name, _value in self.where)

    def as_dict(self) -> dict[str, Any]:
        """As plain JSON types: a resume compares it with what was written down."""
        return asdict(self) | {"where": [list(pair) for pair in self.where], "order": list(self.order)}

    @classmethod
    def recorded(cls, raw: Mapping[str, Any] | None) -> "Selector | None":
        """Read it back from plain JSON types."""
        if raw is None:
            return None
        where = tuple((name, value) for name, value in raw["where"])
        return cls(**{**raw, "where": where, "order": tuple(raw["order"])})


def parse(entry: Mapping[str, Any], where: str) -> Selector | None:
    """Read the selecting keys of a stage's entry, which ``where`` names. ``None``: it has none."""
    given = [key for key in SELECTING if key in entry]
    if not given:
        if "order" in entry:
            raise InvalidInput(f'{where}: "order" goes with "each": the order of a variable\'s values')
        return None
    if len(given) > 1:
        raise InvalidInput(f"{where}: give one of {', '.join(SELECTING)}, not {' and '.join(given)}")
    [key] = given
    value = entry[key]
    if key != "each" and "order" in entry:
        raise InvalidInput(f'{where}: "order" goes with "each": the order of a variable\'s values')
    if key == "where":
        if not isinstance(value, Mapping) or not value:
            raise InvalidInput(f"{where}: where must be a mapping such as {{role: access}}, not {value!r}")
        return Selector(where=tuple(sorted((str(name), str(wanted)) for name, wanted in value.items())))
    if not isinstance(value, str) or not value.strip():
        what = "a group or a host pattern" if key == "hosts" else "the name of a variable"
        raise InvalidInput(f"{where}: {key} must be {what}, not {value!r}")
    if key == "hosts":
        return Selector(hosts=value.strip())
    return Selector(each=value.strip(), order=_order(entry.get("order", ()), where))


def _order(value: Any, where: str) -> tuple[str, ...]:
    if isinstance(value, str | Mapping) or not isinstance(value, Sequence):
        raise InvalidInput(f"{where}: order must be a list of values, not {value!r}")
    order = tuple(map(str, value))
    if twice := sorted({each for each in order if order.count(each) > 1}):
        raise InvalidInput(f"{where}: order: {twice[0]!r} stands twice")
    return order


def values(variable: str, variables: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Every value that a variable has on the devices, sorted. Raises ``InvalidInput`` where none has it."""
    found = {str(own[variable]) for own in variables.values() if variable in own}
    if not found:
        raise InvalidInput(f"stages: no device of this rollout has the variable {variable!r} that a stage asks for")
    return sorted(found)


def place(
    selectors: Sequence[Selector],
    names: Sequence[str],
    matched: Mapping[str, Collection[str]],
    variables: Mapping[str, Mapping[str, Any]],
) -> dict[str, Selector]:
    """Say which selector each device belongs to.

    ``matched`` holds the names that each host pattern matches, ``variables`` those of each device. Raises
    ``InvalidInput`` naming devices that no stage selects, or two do.
    """
    placed: dict[str, Selector] = {}
    for selector in dict.fromkeys(selectors):
        for name in _selected(selector, names, matched, variables):
            if name in placed:
                raise InvalidInput(
                    f"stages: {name} is in two stages, {placed[name]} and {selector}: it would be changed in the first "
                    "and is no proof in the second; let each device be selected once"
                )
            placed[name] = selector
    if lost := [name for name in names if name not in placed]:
        raise InvalidInput(_lost(lost, selectors, variables))
    return placed


def _selected(
    selector: Selector,
    names: Sequence[str],
    matched: Mapping[str, Collection[str]],
    variables: Mapping[str, Mapping[str, Any]],
) -> list[str]:
    if selector.hosts:
        found = set(matched[selector.hosts])
        return [name for name in names if name in found]
    none: Mapping[str, Any] = {}
    return [
        name
        for name in names
        if all(key in (own := variables.get(name, none)) and str(own[key]) == value for key, value in selector.where)
    ]


def _lost(lost: list[str], selectors: Sequence[Selector], variables: Mapping[str, Mapping[str, Any]]) -> str:
    asked = list(dict.fromkeys(name for selector in selectors for name in selector.variables))
    own = variables.get(lost[0], {})
    has = ", ".join(f"{name} is {str(own[name])!r}" if name in own else f"{name} is not set" for name in asked)
    more = f" and {len(lost) - _SHOWN} more" if len(lost) > _SHOWN else ""
    chosen = "; ".join(dict.fromkeys(map(str, selectors)))
    return (
        f"stages: {len(lost)} of the devices are in no stage: {', '.join(lost[:_SHOWN])}{more}"
        f"{f' (on {lost[0]} {has})' if has else ''}; the stages are for {chosen}. "
        "Add a stage for them, or leave them out (--limit, network_rollout_hosts)"
    )
