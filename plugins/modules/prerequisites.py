# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether a host has what Ray needs."""

from __future__ import annotations

DOCUMENTATION = r"""
module: prerequisites
short_description: Check whether a host has what a Ray cluster needs
version_added: 0.1.0
author: raywright.fleet contributors (@raywright)
description:
  - Reads the host and returns a table of checks, each with what was found, what is wanted, and a fix that can be typed.
  - A check that does not hold is a row, not a failure of the task. Nothing is changed on the host.
  - Its action measures the clock of the host against the controller's through the call itself, so it knows the offset within
    the time that the call took.
requirements:
  - Linux; root, to see who holds a port
options:
  systems:
    description: Supported releases, by the C(ID) of C(/etc/os-release).
    type: dict
    required: true
  kernel:
    description: Oldest kernel.
    type: str
    default: "5.3"
  architectures:
    description: Supported processors.
    type: list
    elements: str
    default: [x86_64, aarch64]
  cpus:
    description: Fewest processors.
    type: int
    default: 2
  memory_gib:
    description: Least memory, in GiB.
    type: float
    default: 2
  shm_percent:
    description: Least size of C(/dev/shm), in percent of the memory.
    type: int
    default: 30
  shm_bytes:
    description: Least size of C(/dev/shm) in bytes, instead of O(shm_percent).
    type: int
  disk:
    description: Free space that paths need; needs on the same file system add up.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: The path; it need not exist.
        type: path
        required: true
      gib:
        description: GiB that must be free there.
        type: float
        required: true
  ports:
    description: Ports that must be free, or held by this collection's own deployment.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: What it is for.
        type: str
        required: true
      port:
        description: The port or range, such as V(6379) or V(20000-20999).
        type: str
        required: true
  address:
    description: The address of this host inside the cluster.
    type: str
    default: ""
  resolves:
    description: Further names that must resolve, with the address that they must give.
    type: dict
    default: {}
  python:
    description: The Python that Ray is installed with; empty where Ray runs in a container.
    type: str
    default: python3
  python_minimum:
    description: Oldest Python that Ray supports.
    type: str
    default: "3.10"
  python_maximum:
    description: Newest Python that Ray supports.
    type: str
    default: "3.14"
  gpus:
    description: How many GPUs the inventory expects; V(-1) expects nothing, and only warns of a GPU without driver.
    type: int
    default: -1
  accounts:
    description: Accounts that must be free or belong to the system.
    type: list
    elements: str
    default: [ray]
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Nothing is changed.
    support: none
  idempotence:
    description: When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
    support: full
"""

EXAMPLES = r"""
- name: Look at the host
  raywright.fleet.prerequisites:
    systems: {debian: ["12", "13"], ubuntu: ["22.04", "24.04"]}
    disk:
      - {path: /var/lib/ray, gib: 10}
    ports:
      - {name: gcs, port: 6379}
  register: host
"""

RETURN = r"""
rows:
  description: The checks.
  returned: success
  type: list
  elements: dict
  contains:
    checkpoint:
      description: V(prerequisites-check).
      type: str
      returned: success
    check:
      description: What was checked.
      type: str
      returned: success
    ok:
      description: Whether it holds.
      type: bool
      returned: success
    severity:
      description: V(error) or V(warning).
      type: str
      returned: success
    found:
      description: What was found.
      type: str
      returned: success
    wanted:
      description: What is wanted.
      type: str
      returned: success
    fix:
      description: What to do; empty where it holds.
      type: str
      returned: success
facts:
  description: What nodes are compared by, C(kernel), C(architecture), C(python), C(address).
  returned: success
  type: dict
held:
  description: The ports that are in use.
  returned: success
  type: list
  elements: int
offset:
  description: Bounds of the clock's offset to the controller's, in seconds; positive if the host is ahead.
  returned: success
  type: list
  elements: float
"""

import os
import platform
import socket
import time
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.raywright.fleet.plugins.module_utils import _host_facts, _prerequisites
from ansible_collections.raywright.fleet.plugins.module_utils._peer_rules import RuleError, parse_port

_PYTHON_VERSION = "import platform; print(platform.python_version())"


class Prerequisites:
    """One call of the module."""

    def __init__(self, module: AnsibleModule) -> None:
        self._module = module
        self._params = module.params
        self._held: list[int] = []

    def run(self) -> dict[str, Any]:
        began = time.time()
        python = self._python()
        rows = [*self._machine(), *self._software(python), *self._names(), *self._ports()]
        facts = {
            "kernel": platform.release(),
            "architecture": platform.machine(),
            "python": python,
            "address": self._params["address"],
        }
        return {
            "changed": False,
            "rows": rows,
            "facts": facts,
            "held": self._held,
            "clock": {"began": began, "ended": time.time()},
        }

    def _machine(self) -> list[dict[str, Any]]:
        params = self._params
        memory = _host_facts.memory_info(Path("/proc/meminfo").read_text())
        on_bus = _host_facts.graphics_on_bus()
        driven = _host_facts.graphics_driven(self._run, self._module.get_bin_path("nvidia-smi"))
        return [
            _prerequisites.architecture(platform.machine(), params["architectures"]),
            _prerequisites.processors(len(os.sched_getaffinity(0)), params["cpus"]),
            _prerequisites.memory(memory["MemTotal"], params["memory_gib"]),
            _prerequisites.swap(memory.get("SwapTotal", 0)),
            _prerequisites.shared_memory(
                _host_facts.shared_memory_size(), memory["MemTotal"], params["shm_percent"], params["shm_bytes"]
            ),
            *_prerequisites.disks(_host_facts.disk_needs(params["disk"])),
            _prerequisites.graphics(on_bus, driven, params["gpus"]),
        ]

    def _software(self, python: str) -> list[dict[str, Any]]:
        params = self._params
        find = self._module.get_bin_path
        systemctl = find("systemctl")
        state = self._run([systemctl, "is-system-running"])[1].strip() if systemctl else ""
        rows = [
            _prerequisites.system(_host_facts.os_release(), params["systems"]),
            _prerequisites.kernel(platform.release(), params["kernel"]),
            _prerequisites.service_manager(running=Path("/run/systemd/system").is_dir(), state=state),
            _prerequisites.control_groups(_host_facts.control_group_kind()),
            _prerequisites.synchronized(
                _host_facts.time_state(self._run, find("timedatectl"), find("chronyc")),
                container=_host_facts.in_container(self._run, find("systemd-detect-virt")),
            ),
            *(_prerequisites.account(name, _host_facts.account_entry(name)) for name in params["accounts"]),
        ]
        if params["python"]:
            least, most = params["python_minimum"], params["python_maximum"]
            rows.append(_prerequisites.python(params["python"], python, least, most))
        return rows

    def _names(self) -> list[dict[str, Any]]:
        own = socket.gethostname()
        wanted = [self._params["address"]] if self._params["address"] else []
        rows = [_prerequisites.resolution(own, wanted, _host_facts.addresses_of(own), own=True)]
        for name, address in sorted(self._params["resolves"].items()):
            if name != own:
                found = _host_facts.addresses_of(name)
                rows.append(_prerequisites.resolution(name, [str(address)], found, own=False))
        return rows

    def _ports(self) -> list[dict[str, Any]]:
        users = _host_facts.PortUsers(self._run, self._module.get_bin_path("docker"))
        rows = []
        for each in self._params["ports"]:
            found = users.of(parse_port(each["port"]))
            self._held += [user["port"] for user in found]
            rows.append(_prerequisites.port(each["name"], each["port"], found))
        return rows

    def _python(self) -> str:
        program = self._params["python"] and self._module.get_bin_path(self._params["python"])
        if not program:
            return ""
        status, out = self._run([program, "-c", _PYTHON_VERSION])[:2]
        return out.strip() if status == 0 else ""

    def _run(self, argv: Any) -> tuple[int, str, str]:
        status, out, err = self._module.run_command(list(argv))
        return int(status), str(out), str(err)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "systems": {"type": "dict", "required": True},
            "kernel": {"type": "str", "default": "5.3"},
            "architectures": {"type": "list", "elements": "str", "default": ["x86_64", "aarch64"]},
            "cpus": {"type": "int", "default": 2},
            "memory_gib": {"type": "float", "default": 2},
            "shm_percent": {"type": "int", "default": 30},
            "shm_bytes": {"type": "int"},
            "disk": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {"path": {"type": "path", "required": True}, "gib": {"type": "float", "required": True}},
            },
            "ports": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {"name": {"type": "str", "required": True}, "port": {"type": "str", "required": True}},
            },
            "address": {"type": "str", "default": ""},
            "resolves": {"type": "dict", "default": {}},
            "python": {"type": "str", "default": "python3"},
            "python_minimum": {"type": "str", "default": "3.10"},
            "python_maximum": {"type": "str", "default": "3.14"},
            "gpus": {"type": "int", "default": -1},
            "accounts": {"type": "list", "elements": "str", "default": ["ray"]},
        },
        supports_check_mode=True,
    )
    try:
        result = Prerequisites(module).run()
    except (RuleError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
