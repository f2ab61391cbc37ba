# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Keeps ports that a service is pinned to from being given to others."""

from __future__ import annotations

DOCUMENTATION = r"""
module: reserved_ports
short_description: Reserve ports that services are pinned to
version_added: 0.1.0
author: raywright.fleet contributors (@raywright)
description:
  - A service that is pinned to a port of the kernel's ephemeral range (on Linux 32768 to 60999) does not start when an outgoing
    connection happens to have that port. Reserved ports (C(net.ipv4.ip_local_reserved_ports)) are given to nobody who asks
    for any port; who asks for one of them by its number gets it.
  - Owns one file of C(sysctl.d), and adds to what the kernel and other files reserve instead of replacing it.
  - Where C(/proc/sys) is read-only, as in most containers, the file is written, and the kernel's value left as it is.
  - Used by the role P(raywright.fleet.ray_node#role).
options:
  ports:
    description: The ports, and ranges of ports such as V(20000-20999).
    type: list
    elements: str
    required: true
  path:
    description:
      - The file of C(sysctl.d) that this module owns. Files are read in the order of their names, so a late name keeps another
        file from taking the ports back.
    type: path
    default: /etc/sysctl.d/90-raywright-ports.conf
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without touching the host.
    support: full
  diff_mode:
    description: Returns the file before and after.
    support: full
  idempotence:
    description: When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
    support: full
"""

EXAMPLES = r"""
- name: Reserve Ray's ports
  raywright.fleet.reserved_ports:
    ports: ["6379", "52365", "20000-20999"]
  become: true
"""

RETURN = r"""
actions:
  description: What was done, or would be done in check mode; one sentence each.
  returned: success
  type: list
  elements: str
  sample: ["write /etc/sysctl.d/90-raywright-ports.conf", "reserve 52365"]
reserved:
  description: What is reserved then, as the kernel shows it.
  returned: success
  type: str
  sample: 6379,20000-20999,52365
"""

import os
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.raywright.fleet.plugins.module_utils import _reserved_ports


class ReservedPorts:
    """The wanted ports, the kernel's value and our file."""

    def __init__(self, module: AnsibleModule) -> None:
        self._module = module
        self._path = Path(module.params["path"])
        self._own = _reserved_ports.parse(",".join(module.params["ports"]))
        self._before = self._path.read_text(encoding="utf-8") if self._path.is_file() else ""
        self._in_kernel = _reserved_ports.parse(_reserved_ports.KERNEL.read_text(encoding="ascii"))
        formerly = _reserved_ports.own_ports(self._before)
        self._others = _reserved_ports.assigned(self._path, Path("/")) | (self._in_kernel - formerly - self._own)

    def run(self) -> dict[str, object]:
        after = _reserved_ports.content(self._own, self._others)
        wanted = self._own | self._others
        # Another network namespace's administrator, not us, sets what a container sees read-only.
        settable = os.access(_reserved_ports.KERNEL, os.W_OK)
        actions = []
        if after != self._before:
            actions.append(f"write {self._path}")
        if settable and wanted != self._in_kernel:
            actions.append(_change(wanted, self._in_kernel))
        if not self._module.check_mode:
            if after != self._before:
                self._write(after)
            if settable and wanted != self._in_kernel:
                _reserved_ports.KERNEL.write_text(f"{_reserved_ports.render(wanted)}\n", encoding="ascii")
        shown = {
            "before": self._before,
            "after": after,
            "before_header": str(self._path),
            "after_header": str(self._path),
        }
        reserved = _reserved_ports.render(wanted if settable else self._in_kernel)
        return {"changed": bool(actions), "actions": actions, "reserved": reserved, "diff": shown}

    def _write(self, text: str) -> None:
        draft = Path(self._module.tmpdir) / self._path.name
        draft.write_text(text, encoding="utf-8")
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._module.atomic_move(str(draft), str(self._path))
        self._module.set_mode_if_different(str(self._path), "0644", changed=True)


def _change(wanted: set[int], present: set[int]) -> str:
    more, less = _reserved_ports.render(wanted - present), _reserved_ports.render(present - wanted)
    return " and ".join([f"reserve {more}"] * bool(more) + [f"release {less}"] * bool(less))


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "ports": {"type": "list", "elements": "str", "required": True},
            "path": {"type": "path", "default": "/etc/sysctl.d/90-raywright-ports.conf"},
        },
        supports_check_mode=True,
    )
    try:
        result = ReservedPorts(module).run()
    except (ValueError, OSError) as error:
        module.fail_json(msg=f"The ports cannot be reserved: {error}.")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
