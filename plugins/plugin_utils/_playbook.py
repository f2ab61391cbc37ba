# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Private to this collection: a playbook as the change of a rollout, and what of the inventory travels with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.raywright.fleet.engine.errors import DefinitionChanged, InvalidInput
from ansible_collections.raywright.fleet.plugins.plugin_utils._devices import plain
from ansible_collections.raywright.fleet.plugins.plugin_utils._hosts import group_names, host_variables

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ansible_collections.raywright.fleet.engine.plan.policy import Policy
    from ansible_collections.raywright.fleet.engine.rollout.bundle import Bundle
    from ansible_collections.raywright.fleet.engine.sealing.key import FleetKey

PLATFORM = "playbook"
OPTIONS = ("playbook", "rollback_playbook", "validate_playbook", "playbook_idempotent")

# What Ansible sets by itself, there as here; and how a device is reached, which travels as the device's own.
_NOT_THE_HOSTS = frozenset(
    {
        "ansible_basedir",
        "ansible_check_mode",
        "ansible_config_file",
        "ansible_diff_mode",
        "ansible_forks",
        "ansible_host",
        "ansible_inventory_sources",
        "ansible_limit",
        "ansible_password",
        "ansible_play_batch",
        "ansible_play_hosts",
        "ansible_play_hosts_all",
        "ansible_playbook_python",
        "ansible_port",
        "ansible_private_key_file",
        "ansible_run_tags",
        "ansible_search_path",
        "ansible_skip_tags",
        "ansible_ssh_private_key_file",
        "ansible_user",
        "ansible_verbosity",
        "ansible_version",
        "environment",
        "group_names",
        "groups",
        "hostvars",
        "inventory_dir",
        "inventory_file",
        "inventory_hostname",
        "inventory_hostname_short",
        "omit",
        "play_hosts",
        "playbook_dir",
        "vars",
    }
)


def policy_of(args: Mapping[str, Any]) -> dict[str, Any]:
    """What a policy says of the playbooks of these options; empty without one. Raises ``InvalidInput``."""
    if not args["playbook"]:
        if given := [option for option in OPTIONS if args[option]]:
            raise InvalidInput(f"{given[0]}: it says more of a playbook, and no playbook is given")
        return {}
    said = {option: args[option] for option in OPTIONS if args[option]}
    return {**said, "digest": _collect(said).digest}


def bundle_of(policy: Policy) -> Bundle | None:
    """The playbooks of a policy, from the disk. Raises ``DefinitionChanged`` where they are not those of the plan."""
    if not policy.playbook:
        return None
    bundle = _collect(policy.playbook)
    if bundle.digest != policy.playbook["digest"]:
        raise DefinitionChanged(
            f"{policy.playbook['playbook']}, or a file beside it, is not what the plan was made with: put it back, or "
            "plan anew (network_rollout_unfinished=abandon)"
        )
    return bundle


def settings_of(policy: Policy, key: FleetKey) -> dict[str, Any]:
    """What an engine's settings say of the playbooks, sealed; nothing without one."""
    bundle = bundle_of(policy)
    return {"playbook": bundle.seal(key), "playbook_validates": bool(bundle.validate)} if bundle else {}


def platform_of(policy: Policy) -> str:
    return PLATFORM if policy.playbook else ""


def wanted(task_vars: Mapping[str, Any], policy: Policy, names: Iterable[str]) -> dict[str, str]:
    """For each host what its change is made of, as JSON: the playbooks' digest, its variables and its groups.

    Variables travel as they stand in the inventory; templates in them are rendered where the playbook runs.
    """
    found = {}
    for name in names:
        variables = {
            key: plain(value)
            for key, value in host_variables(task_vars, name).items()
            if key not in _NOT_THE_HOSTS and "network_rollout_" not in key
        }
        said = {
            "digest": policy.playbook["digest"],
            "variables": variables,
            "groups": sorted(group_names(task_vars, name)),
        }
        found[name] = json.dumps(said, sort_keys=True)
    return found


def _collect(said: Mapping[str, Any]) -> Bundle:
    from ansible_collections.raywright.fleet.engine.rollout.bundle import collect

    # Like the ledger's: beside the project, for the playbooks of this collection lie elsewhere.
    paths = {option: Path.cwd() / said[option] for option in OPTIONS[:3] if said.get(option)}
    return collect(
        paths["playbook"],
        rollback=paths.get("rollback_playbook"),
        validate=paths.get("validate_playbook"),
        idempotent=bool(said.get("playbook_idempotent")),
    )
