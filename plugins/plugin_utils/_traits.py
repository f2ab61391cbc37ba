# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Private to this collection: what the inventory says of the devices of a plan.

Of which kind each is, with whom it must not be touched at once, and whether it comes last.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from ansible_collections.raywright.fleet.engine.errors import InvalidInput
from ansible_collections.raywright.fleet.plugins.plugin_utils._hosts import groups_beginning, members

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ansible_collections.raywright.fleet.engine.plan.policy import Policy
    from ansible_collections.raywright.fleet.engine.plan.traits import Fleet
    from ansible_collections.raywright.fleet.plugins.plugin_utils._devices import Reached

_LONGEST = 60
_NAMED = 3


def asked(policy: Policy) -> list[str]:
    """The inventory variables that tell the traits of a device."""
    return sorted({*policy.stratify, *([policy.never_together] if policy.never_together else [])})


def fleet_of(policy: Policy, devices: Sequence[Reached], task_vars: Mapping[str, Any]) -> Fleet:
    """Return the traits of every device. Raises ``InvalidInput`` naming the option that means nothing here."""
    from ansible_collections.raywright.fleet.engine.plan.traits import Traits

    groups = _groups(policy.never_together, devices, task_vars)
    last = _last(policy.last, task_vars)
    return {
        each.name: Traits(
            kinds=(f"platform {each.device['network_os']}", *_kinds(policy.stratify, each)),
            groups=tuple(sorted(groups.get(each.name, ()))),
            last=last.get(each.name, ""),
        )
        for each in devices
    }


def _kinds(variables: Sequence[str], device: Reached) -> Iterator[str]:
    for variable in variables:
        for value in _values(device.traits.get(variable))[:1]:
            yield f"{variable} {value[:_LONGEST]}"


def _values(value: Any) -> list[str]:
    """A plain value as text, or those of a list; whatever else is none."""
    if isinstance(value, list | tuple):
        return [text for each in value for text in _values(each)]
    if value is None or isinstance(value, bool) or not isinstance(value, str | int | float) or value == "":
        return []
    return [str(value)]


def _groups(name: str, devices: Sequence[Reached], task_vars: Mapping[str, Any]) -> dict[str, set[str]]:
    """The redundancy groups of each device: by the value of a variable, and by groups whose name begins so."""
    found: dict[str, set[str]] = defaultdict(set)
    if not name:
        return found
    known = False
    for each in devices:
        known = known or name in each.traits
        found[each.name].update(f"{name} {value}" for value in _values(each.traits.get(name)))
    alike = groups_beginning(task_vars, name)
    for group, hosts in alike.items():
        _require_alike(name, group, {host: found[host] for host in hosts if found.get(host)})
    for group, hosts in alike.items():
        for host in hosts:
            found[host].add(group)
    if not known and not alike:
        raise InvalidInput(
            f"network_rollout_never_together: no device has a variable {name!r}, and no group of the inventory has a "
            "name that begins so"
        )
    return found


def _require_alike(name: str, group: str, values: Mapping[str, set[str]]) -> None:
    """Raise ``InvalidInput`` where the variable divides what the group, named alike by chance, would put together."""
    if values and not set.intersection(*values.values()):
        some = "; ".join(f"{host}: {', '.join(sorted(each))}" for host, each in list(values.items())[:_NAMED])
        raise InvalidInput(
            f"network_rollout_never_together: {name!r} is a variable, and the name of the group {group} begins so, "
            f"too, whose devices have different values of it ({some}); call one of them something else"
        )


def _last(names: Sequence[str], task_vars: Mapping[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in names:
        hosts = members(task_vars, name)
        if hosts is None:
            raise InvalidInput(f"network_rollout_last: {name!r} is neither a host nor a group of the inventory")
        found.update(dict.fromkeys(hosts, "named in network_rollout_last"))
    return found
