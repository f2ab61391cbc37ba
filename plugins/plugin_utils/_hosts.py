# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Private to this collection: the devices of a play and their variables, each host touched once.

What costs time here is Ansible's merging of variables (0.15-0.3 ms a host), so ask once per host, never once per key.
"""

from collections.abc import Callable, Collection, Mapping
from functools import lru_cache
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.task import Task
from ansible.template import Templar
from ansible_collections.raywright.fleet.plugins.plugin_utils._render import compile_once

# These name every host of the play. Ansible would copy and filter them for each host, which is quadratic in the fleet.
_PLAY_LISTS = ("ansible_play_hosts_all", "ansible_play_hosts", "ansible_play_batch", "play_hosts")


def device_names(task_vars: Mapping[str, Any], pattern: str | list[str] | None = None) -> list[str]:
    """Inventory names of the hosts that ``pattern`` selects within ``--limit``, in inventory order.

    Without a pattern: the hosts of the play's current batch. Raises ``AnsibleActionFail`` when there is none.
    """
    if not pattern:
        names = list(task_vars["ansible_play_batch"])
    else:
        # The restriction that is ignored is that to the play's own hosts: a play on localhost may act on a fleet.
        found = _inventory(task_vars).get_hosts(pattern, ignore_restrictions=True)
        names = [host.name for host in found]
    if not names:
        shown = pattern if isinstance(pattern, str) else ", ".join(pattern or ["the play's hosts"])
        limited = f" within --limit {limit}" if (limit := task_vars.get("ansible_limit")) else ""
        raise AnsibleActionFail(f"The pattern '{shown}' matches no host{limited}; see ansible-inventory --graph.")
    return names


def matching(task_vars: Mapping[str, Any], pattern: str) -> set[str]:
    """The names that a pattern matches in the whole inventory. Raises ``AnsibleActionFail`` when there is none."""
    # Read anew by every call: a restriction to the play's own hosts is no concern of a pattern that people wrote.
    found = {
        host.name for host in _inventory(task_vars).get_hosts(pattern, ignore_limits=True, ignore_restrictions=True)
    }
    if not found:
        groups = ", ".join(sorted(set(_inventory(task_vars).groups) - {"all", "ungrouped"})) or "none"
        raise AnsibleActionFail(f"stages: hosts: {pattern!r} matches no host of the inventory; its groups are {groups}")
    return found


def within_limit(task_vars: Mapping[str, Any]) -> set[str]:
    """The names of all hosts of the inventory that ``--limit`` lets a play have."""
    return {host.name for host in _inventory(task_vars).get_hosts("all", ignore_restrictions=True)}


def groups_beginning(task_vars: Mapping[str, Any], prefix: str) -> dict[str, list[str]]:
    """The hosts of each group whose name begins with ``prefix``; a group that is only their roof is left out."""
    found = {name: group for name, group in _inventory(task_vars).groups.items() if name.startswith(prefix)}
    roofs = {above.name for group in found.values() for above in group.get_ancestors()}
    return {name: [host.name for host in group.get_hosts()] for name, group in found.items() if name not in roofs}


def members(task_vars: Mapping[str, Any], name: str) -> list[str] | None:
    """The host of that name, or the hosts of that group; ``None`` where the inventory has neither."""
    inventory = _inventory(task_vars)
    if name in inventory.hosts:
        return [name]
    return [host.name for host in inventory.groups[name].get_hosts()] if name in inventory.groups else None


def unknown_names(task_vars: Mapping[str, Any], names: Collection[str]) -> list[str]:
    """Those of ``names`` that the inventory does not have."""
    known = _inventory(task_vars).hosts
    return [name for name in names if name not in known]


def host_variables(task_vars: Mapping[str, Any], name: str, task: Task | None = None) -> dict[str, Any]:
    """Return one host's variables, templates in them unrendered.

    With ``task`` everything counts that a task on that host would see, play, role and task variables included, in
    Ansible's own order of precedence. Without: inventory, facts and extra variables only, in half the time.
    """
    hostvars = task_vars["hostvars"]
    play = task.get_play() if task is not None else None
    if play is None:
        found = hostvars.raw_get(name)
    else:
        # There is no public way to ask for another host's variables in the context of a task; every strategy plugin
        # calls this method with these arguments.
        found = hostvars._variable_manager.get_vars(  # noqa: SLF001 - Ansible has no public way to them
            play=play,
            host=_inventory(task_vars).get_host(name),
            task=task,
            _hosts=[name],
            _hosts_all=[name],
        )
    variables: dict[str, Any] = dict(found)
    for key in ("ansible_search_path", "ansible_basedir", *_PLAY_LISTS):
        if key in task_vars:
            variables[key] = task_vars[key]
    variables.setdefault("hostvars", hostvars)
    return variables


def group_names(task_vars: Mapping[str, Any], name: str) -> list[str]:
    """The groups that a host is in, without ``all``."""
    return [group.name for group in _inventory(task_vars).get_host(name).get_groups() if group.name != "all"]


def templated(
    task_vars: Mapping[str, Any],
    name: str,
    keys: Collection[str],
    variables: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the rendered values of those of ``keys`` that the host has; pass ``variables`` where they are at hand."""
    if variables is None:
        variables = host_variables(task_vars, name)
    render = renderer(task_vars, variables)
    return {key: render(variables[key]) for key in keys if key in variables}


def renderer(task_vars: Mapping[str, Any], variables: dict[str, Any]) -> Callable[[Any], Any]:
    """Return what turns a value that may be, or hold, a template into the value that one host's variables give it."""
    templar = _templar(task_vars["hostvars"]._loader)  # noqa: SLF001 - what HostVars itself renders with

    def render(value: Any) -> Any:
        if value is None or isinstance(value, bool | int | float) or (isinstance(value, str) and "{" not in value):
            return value
        templar.available_variables = variables
        return templar.template(value)

    return render


@lru_cache(maxsize=1)
def _templar(loader: DataLoader) -> Templar:
    templar = Templar(loader=loader)
    compile_once(templar)
    return templar


def _inventory(task_vars: Mapping[str, Any]) -> Any:
    # Plugins are given no inventory manager; that hostvars carries it holds for core 2.9 to 2.22.
    return task_vars["hostvars"]._inventory  # noqa: SLF001 - Ansible has no public way to it
