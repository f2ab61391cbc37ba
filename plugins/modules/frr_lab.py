# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A fabric of real FRR routers on one Linux host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: frr_lab
short_description: Run a leaf-spine fabric of real FRR routers on one Linux host
version_added: 0.1.0
author: raywright.fleet contributors (@raywright)
description:
  - Starts or removes a leaf-spine fabric of FRR routers on the host that the module runs on.
  - Each router has its own network, mount, host name and process namespaces, its own SSH server and its own
    C(/etc/frr), so that it is reached and changed exactly as a router on its own machine is.
  - Growing or shrinking a lab leaves the routers that stay as they are, but for the links that they gain or lose.
    A router that does not run as it should is restarted from its saved configuration, as after a reboot.
  - Nothing is listed in the host's account database. The routers see an account database of their own, with
    C(labnet) (in the groups C(frr) and C(frrvty), may use C(vtysh)), C(labuser) (may not, but may use C(sudo) without a
    password) and C(labsudo) (may use C(sudo) with its password).
requirements:
  - Linux, root
  - FRR 8 or later with its Python tools (Debian packages C(frr) and C(frr-pythontools))
  - iproute2, iputils-ping, util-linux, OpenSSH server and client, openssl, sudo
options:
  state:
    description: Whether the lab shall run, or nothing of it be left.
    type: str
    choices: [present, absent]
    default: present
  name:
    description:
      - Name of the lab. It starts the names of its network namespaces and of its links on the host.
      - Labs with different names live side by side, provided that their O(management_network) differ.
    type: str
    default: lab
  routers:
    description: How many routers, spines included; 2 to 1000. A router takes about 35 MB of memory.
    type: int
    default: 24
  spines:
    description: How many of them are spines; 1 to 16. The default is 2 up to 24 routers, and 4 above.
    type: int
  management_network:
    description:
      - IPv4 network for the links between the host and each router, used for SSH. Each router takes two addresses of it.
    type: str
    default: 198.18.0.0/16
  directory:
    description: Where the files of the labs are kept on the host. Not below C(/run).
    type: path
    default: /var/lib/raywright-lab
  credentials:
    description:
      - Directory for what is needed to log in, made where missing, C(id_ed25519) and C(id_ed25519.pub) (the key pair),
        C(password) (random, the same for all the accounts) and C(known_hosts).
      - Removed with the lab.
    type: path
    required: true
  owner:
    description: User who owns the files in O(credentials).
    type: str
    default: root
  timeout:
    description: Seconds that a router may take to start, and that all BGP sessions may then take to be established.
    type: int
    default: 120
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without touching the host.
    support: full
  diff_mode:
    description: Returns the routers before and after.
    support: full
  idempotence:
    description: When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
    support: full
"""

EXAMPLES = r"""
- name: Run a fabric of 24 routers
  raywright.fleet.frr_lab:
    routers: 24
    credentials: "{{ playbook_dir }}/build/lab"
  register: lab

- name: Grow it
  raywright.fleet.frr_lab:
    routers: 40
    spines: 2
    credentials: "{{ playbook_dir }}/build/lab"

- name: Take it down
  raywright.fleet.frr_lab:
    state: absent
    credentials: "{{ playbook_dir }}/build/lab"
"""

RETURN = r"""
actions:
  description: What was done, or would be done in check mode; one sentence each.
  returned: always
  type: list
  elements: str
  sample: ["leaf3: started as a new router", "spine1: linked to leaf3"]
credentials:
  description: Where the files for logging in are.
  returned: when O(state=present)
  type: dict
  contains:
    private_key:
      description: Path of the private key.
      type: str
      returned: success
    password:
      description: Path of the file with the password.
      type: str
      returned: success
    known_hosts:
      description: Path of the known_hosts file with the host keys of all the routers.
      type: str
      returned: success
routers:
  description: The routers of the lab, and what a template needs to know of each.
  returned: when O(state=present)
  type: list
  elements: dict
  contains:
    name:
      description: Its name.
      type: str
      returned: success
    role:
      description: V(leaf) or V(spine).
      type: str
      returned: success
    site:
      description: V(north) or V(south).
      type: str
      returned: success
    asn:
      description: Its autonomous system number.
      type: int
      returned: success
    router_id:
      description: Its BGP router id, the address of its loopback.
      type: str
      returned: success
    loopback_prefix:
      description: The prefix that it announces.
      type: str
      returned: success
    management_address:
      description: The address that its SSH server is reached at from the host.
      type: str
      returned: success
    interfaces:
      description: C(name), C(address) with prefix length and, on fabric links, C(peer); in the order in which FRR shows them.
      type: list
      elements: dict
      returned: success
    bgp_neighbors:
      description: C(address), C(asn) and C(name) of each BGP neighbour.
      type: list
      elements: dict
      returned: success
"""

import os
import pwd
import re
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.raywright.fleet.plugins.module_utils.frr_lab_accounts import Credentials
from ansible_collections.raywright.fleet.plugins.module_utils.frr_lab_fabric import Lab
from ansible_collections.raywright.fleet.plugins.module_utils.frr_lab_host import OnlyOne
from ansible_collections.raywright.fleet.plugins.module_utils.frr_lab_plan import Plan
from ansible_collections.raywright.fleet.plugins.module_utils.frr_lab_router import DAEMONS, saved_interfaces
from ansible_collections.raywright.fleet.plugins.module_utils.frr_lab_topology import (
    LabError,
    Router,
    default_spines,
    fabric,
)


class FrrLab:
    """One call of the module."""

    def __init__(self, module: AnsibleModule) -> None:
        self._check_mode = module.check_mode
        params = module.params
        self._absent = params["state"] == "absent"
        self._network: str = params["management_network"]
        self._routers: int = params["routers"]
        self._spines: int = default_spines(self._routers) if params["spines"] is None else params["spines"]
        self._lab_name: str = params["name"]
        if not re.fullmatch(r"[a-z][a-z0-9]{0,6}", self._lab_name):
            raise LabError(
                f"name must be 1 to 7 lower-case letters and digits, a letter first, not {self._lab_name!r}."
            )
        directory = Path(params["directory"])
        if (
            not directory.is_absolute()
            or directory.parts[:2] == ("/", "run")
            or directory.parts[:3] == ("/", "var", "run")
        ):
            raise LabError(f"directory must be an absolute path and not below /run, not {directory}.")
        self._credentials = Credentials(Path(params["credentials"]).absolute(), _owner(params["owner"]))
        self._lab = Lab(
            name=self._lab_name, directory=directory, credentials=self._credentials, timeout=float(params["timeout"])
        )

    def run(self) -> dict[str, Any]:
        if os.geteuid() != 0:
            raise LabError("The lab needs root, for network namespaces and mounts: run this with become.")
        lock = OnlyOne(self._lab_name)
        try:
            return self._remove() if self._absent else self._build()
        finally:
            lock.close()

    def _remove(self) -> dict[str, Any]:
        if not self._lab.exists:
            return {"changed": False, "actions": [f"there is no lab {self._lab_name}"], "diff": _diff([], [])}
        before = self._lab.present()
        if not self._check_mode:
            self._lab.remove()
        actions = [*Plan(gone=tuple(before)).actions(), f"lab {self._lab_name} removed"]
        return {"changed": True, "actions": actions, "diff": _diff(before, [])}

    def _build(self) -> dict[str, Any]:
        wanted = fabric(routers=self._routers, spines=self._spines, management_network=self._network)
        if "zebra" not in DAEMONS:
            raise LabError("FRR is not installed on this host: install the packages frr and frr-pythontools.")
        self._lab.check(self._network)
        before = self._lab.present()
        plan = self._lab.plan(wanted)
        if not self._check_mode and not plan.empty:
            self._lab.apply(plan, wanted, self._network)
            self._lab.wait_for_sessions(plan, wanted)
        return {
            "changed": not plan.empty,
            "actions": plan.actions() or ["all routers run as they should"],
            "diff": _diff(before, list(wanted)),
            "routers": [_facts(router) for router in wanted.values()],
            "credentials": {
                name: str(getattr(self._credentials, name)) for name in ("private_key", "password", "known_hosts")
            },
        }


def _owner(name: str) -> tuple[int, int]:
    try:
        entry = pwd.getpwnam(name)
    except KeyError as error:
        raise LabError(f"owner {name} is not a user of this host.") from error
    return entry.pw_uid, entry.pw_gid


def _diff(before: list[str], after: list[str]) -> dict[str, str]:
    return {
        "before": "".join(f"{name}\n" for name in sorted(before)),
        "after": "".join(f"{name}\n" for name in sorted(after)),
    }


def _facts(router: Router) -> dict[str, Any]:
    return {
        "name": router.name,
        "role": router.role,
        "site": router.site,
        "asn": router.asn,
        "router_id": router.router_id,
        "loopback_prefix": router.loopback,
        "management_address": router.management_address,
        "interfaces": saved_interfaces(router),
        "bgp_neighbors": [
            {"address": port.peer_address, "asn": port.peer_asn, "name": port.peer} for port in router.ports
        ],
    }


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "name": {"type": "str", "default": "lab"},
            "routers": {"type": "int", "default": 24},
            "spines": {"type": "int"},
            "management_network": {"type": "str", "default": "198.18.0.0/16"},
            "directory": {"type": "path", "default": "/var/lib/raywright-lab"},
            "credentials": {"type": "path", "required": True},
            "owner": {"type": "str", "default": "root"},
            "timeout": {"type": "int", "default": 120},
        },
        supports_check_mode=True,
    )
    try:
        result = FrrLab(module).run()
    except (LabError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
