# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What earlier deployments of Ray left on a host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ray_remains
short_description: Find what earlier deployments of Ray left on a host, and remove exactly what was approved
version_added: 0.1.0
author: raywright.fleet contributors (@raywright)
description:
  - Finds containers, units of systemd, lines of crontabs, processes, installed packages and data of Ray that this collection did
    not deploy. What it deployed carries its mark and is never listed.
  - Removes only items whose ids are in O(approved). An id stands for this very thing, a container by its id, a directory by its
    inode, a unit by its content, a session by its daemons; what was exchanged since has another id and stays.
  - Everything is stopped gracefully before it is removed. Images, volumes and other containers are never touched, and C(ray stop) is
    never used, since it ends whatever has a matching name on the host.
  - A directory is removed without following links. System directories, homes, mount points, and paths that lead through symbolic
    links are refused.
requirements:
  - Linux 5.3 or later, root, systemd
options:
  approved:
    description: Ids of the items to remove. None by default.
    type: list
    elements: str
    default: []
  kinds:
    description: Kinds of things to look for.
    type: list
    elements: str
    choices: [container, cron, data, package, process, unit]
    default: [container, cron, data, package, process, unit]
  keep:
    description: Patterns (C(*), C(?)) of names, ids and paths that are never listed.
    type: list
    elements: str
    default: []
  extra_paths:
    description: Further files and directories to list; whoever names them vouches that they are Ray's.
    type: list
    elements: path
    default: []
  containers:
    description:
      - Patterns of the names of further containers to list. Prometheus and Grafana containers of an earlier deployment are found by what
        ties them to Ray (network, compose project, mounts, configuration); this is for those that nothing ties.
    type: list
    elements: str
    default: []
  homes:
    description: Whether to look for packages in home directories too.
    type: bool
    default: false
  grace:
    description: Seconds that something may take to end before it is killed.
    type: int
    default: 30
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Returns the names before and after.
    support: full
  idempotence:
    description: When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
    support: full
"""

EXAMPLES = r"""
- name: See what is there
  raywright.fleet.ray_remains:
  register: remains

- name: Remove the containers
  raywright.fleet.ray_remains:
    approved: "{{ remains.items_found | selectattr('kind', 'eq', 'container') | map(attribute='id') }}"
"""

RETURN = r"""
items_found:
  description: What was found before anything was removed.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: Stands for this very thing.
      type: str
      returned: success
    kind:
      description: One of O(kinds).
      type: str
      returned: success
    name:
      description: Its name.
      type: str
      returned: success
    state:
      description: More on it, such as a container's image.
      type: str
      returned: success
    removes:
      description: What exactly is removed.
      type: list
      elements: str
      returned: success
    keeps:
      description: What stays.
      type: str
      returned: success
    why:
      description: Why it is believed to be Ray's.
      type: str
      returned: success
    text:
      description: All of that in a sentence that is the same in every run.
      type: str
      returned: success
actions:
  description: What was done, or would be done in check mode; one sentence each, also if nothing was.
  returned: always
  type: list
  elements: str
removed:
  description: Ids of what was removed, or would be.
  returned: always
  type: list
  elements: str
left:
  description: What was approved and not removed, with the reason.
  returned: always
  type: list
  elements: dict
  contains:
    id:
      description: Its id.
      type: str
      returned: success
    name:
      description: Its name, if it is still there.
      type: str
      returned: success
    reason:
      description: Why it was left.
      type: str
      returned: success
notes:
  description: What could not be looked at.
  returned: always
  type: list
  elements: str
"""

import fnmatch
import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.raywright.fleet.plugins.module_utils._remains import KINDS, Item, RemovalError
from ansible_collections.raywright.fleet.plugins.module_utils._remains_containers import Containers
from ansible_collections.raywright.fleet.plugins.module_utils._remains_files import (
    Data,
    Packages,
    own_paths,
    refuse_shapes,
)
from ansible_collections.raywright.fleet.plugins.module_utils._remains_processes import Sessions
from ansible_collections.raywright.fleet.plugins.module_utils._remains_units import CronLines, Units
from ansible_collections.raywright.fleet.plugins.module_utils._safe_removal import RefusalError

_GONE = "it is gone, or not the same any more: list again what is there and approve that"


class RayRemains:
    """One call of the module."""

    def __init__(self, module: AnsibleModule) -> None:
        self._module = module
        self._params = module.params
        self._containers = Containers(
            module.get_bin_path("docker"), self._run, named=self._params["containers"], grace=self._params["grace"]
        )

    def run(self) -> dict[str, Any]:
        if os.geteuid() != 0:
            raise RefusalError("Looking for what other users run needs root: run this with become.")
        refuse_shapes(self._params["extra_paths"])
        found = [item for kind in KINDS for item in self._find(kind)]
        result: dict[str, Any] = {
            "items_found": [item.shown() for item in found],
            "actions": [],
            "removed": [],
            "left": [],
        }
        wanted = dict.fromkeys(self._params["approved"])
        known = {item.id: item for item in found}
        for identity in wanted:
            if identity not in known:
                result["left"].append({"id": identity, "name": "", "reason": _GONE})
        approved = [item for item in found if item.id in wanted]
        if not self._module.check_mode:
            self._containers.stop([item for item in approved if item.kind == "container"])
        for item in approved:
            self._remove(item, approved, result)
        names = [item.name for item in found]
        gone = [item.name for item in found if item.id in result["removed"]]
        result["diff"] = {"before": _lines(names), "after": _lines([name for name in names if name not in gone])}
        result["changed"] = bool(result["removed"])
        result["notes"] = [self._containers.note] if self._containers.note else []
        result["actions"] = result["actions"] or ["nothing was removed"]
        return result

    def _remove(self, item: Item, approved: list[Item], result: dict[str, Any]) -> None:
        # Looked at again, since what was removed before this took its time, or took this with it.
        fresh = (
            item
            if self._module.check_mode
            else next((each for each in self._find(item.kind) if each.id == item.id), None)
        )
        if fresh is None:
            result["actions"].append(f"{item.name} is gone already")
            return
        reason = self._in_use(fresh, approved)
        if not reason:
            try:
                if not self._module.check_mode:
                    self._finder(item.kind).remove(fresh)
            except RemovalError as error:
                reason = str(error)
        if reason:
            result["left"].append({"id": item.id, "name": item.name, "reason": reason})
            result["failed"] = True
        else:
            result["removed"].append(item.id)
            result["actions"].append(item.text)

    def _in_use(self, item: Item, approved: list[Item]) -> str:
        """Say who still uses what would be removed; what goes with it, in check mode, does not count."""
        if item.kind != "data":
            return ""
        gone = {each.id for each in approved} if self._module.check_mode else set()
        for session in self._sessions().find():
            if session.id not in gone and session.identity[1].startswith(f"{item.name}/"):
                return f"{session.name} still use it, and were not approved to be stopped"
        names = {each.name for each in approved if each.kind == "container"} if self._module.check_mode else set()
        for container in self._containers.inspect():
            name = container["Name"].lstrip("/")
            sources = [str(mount.get("Source", "")) for mount in container.get("Mounts") or []]
            if name not in names and any(
                source == item.name or source.startswith(f"{item.name}/") for source in sources
            ):
                return f"the container {name} mounts it"
        return ""

    def _find(self, kind: str) -> list[Item]:
        if kind not in self._params["kinds"]:
            return []
        return [item for item in self._finder(kind).find() if not self._kept(item)]

    def _finder(self, kind: str) -> Any:
        if kind == "container":
            return self._containers
        if kind == "process":
            return self._sessions()
        if kind == "unit":
            return Units(self._run)
        if kind == "cron":
            return CronLines()
        if kind == "package":
            return Packages(homes=self._params["homes"], own=own_paths())
        return Data(own=own_paths(), extra=self._params["extra_paths"])

    def _sessions(self) -> Sessions:
        units = Units(self._run)
        supervised = units.ours() | {item.name for item in units.find()}
        return Sessions(supervised, grace=self._params["grace"])

    def _kept(self, item: Item) -> bool:
        names = (item.name, item.id, *item.removes)
        return any(fnmatch.fnmatchcase(name, pattern) for name in names for pattern in self._params["keep"])

    def _run(self, argv: Any) -> tuple[int, str, str]:
        status, out, err = self._module.run_command(list(argv))
        return int(status), str(out), str(err)


def _lines(names: list[str]) -> str:
    return "".join(f"{name}\n" for name in names)


def main() -> None:
    kinds = sorted(KINDS)
    module = AnsibleModule(
        argument_spec={
            "approved": {"type": "list", "elements": "str", "default": []},
            "kinds": {"type": "list", "elements": "str", "choices": kinds, "default": kinds},
            "keep": {"type": "list", "elements": "str", "default": []},
            "extra_paths": {"type": "list", "elements": "path", "default": []},
            "containers": {"type": "list", "elements": "str", "default": []},
            "homes": {"type": "bool", "default": False},
            "grace": {"type": "int", "default": 30},
        },
        supports_check_mode=True,
    )
    try:
        result = RayRemains(module).run()
    except (RefusalError, OSError) as error:
        module.fail_json(msg=str(error))
    if result.pop("failed", False):
        reasons = "; ".join(f"{each['name'] or each['id']}: {each['reason']}" for each in result["left"])
        result.pop("items_found")
        module.fail_json(msg=f"Not everything that was approved could be removed: {reasons}", **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
