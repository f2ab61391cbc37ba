# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One table of nftables that lets only peers reach given ports."""

from __future__ import annotations

DOCUMENTATION = r"""
module: peer_firewall
short_description: Let only peers reach given ports of this host
version_added: 0.1.0
author: raywright.fleet contributors (@raywright)
description:
  - Keeps one table of nftables, C(inet raywright_fleet), in a file and in the kernel. Its policy is to accept; it only
    closes O(ports) to everyone but O(peers). Other tables and ports are never touched.
  - It judges before destination NAT, so it holds for ports that Docker publishes too, whatever Docker's own rules say.
  - Loopback, and answers to connections that the host began, always pass. A client that is no peer any more is cut off.
  - The file is validated with C(nft --check) and loaded in one transaction. What is loaded is compared with the file,
    so a rule that was changed by hand is put back.
  - A port that SSH needs is refused, these are port 22, what an SSH server listens on, what Ansible came through, and
    O(protected_ports).
requirements:
  - Linux 5.2 or later, root
  - nftables 0.9.3 or later; C(unshare) of util-linux
options:
  state:
    description: Whether the table shall be there. V(absent) removes the table and the file.
    type: str
    choices: [present, absent]
    default: present
  ports:
    description:
      - The ports to guard, each V(6379), V(20000-20999) or V(4789/udp). TCP if nothing is said.
      - Required with O(state=present).
    type: list
    elements: str
  peers:
    description:
      - Addresses and networks, IPv4 and IPv6, that may reach O(ports). Names are not looked up.
      - Required with O(state=present).
    type: list
    elements: str
  action:
    description: What becomes of others; V(drop) lets them wait, V(reject) tells them at once.
    type: str
    choices: [drop, reject]
    default: drop
  protected_ports:
    description: Further TCP ports that must never be closed.
    type: list
    elements: int
    default: []
  path:
    description: The file that keeps the ruleset.
    type: path
    default: /etc/raywright/firewall.nft
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Returns the ruleset before and after.
    support: full
  idempotence:
    description: When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
    support: full
"""

EXAMPLES = r"""
- name: Only the cluster reaches Ray
  raywright.fleet.peer_firewall:
    ports: [6379, 8265, 20000-20999]
    peers: [192.0.2.10, 192.0.2.11, 2001:db8:1::/64]

- name: Open everything again
  raywright.fleet.peer_firewall:
    state: absent
"""

RETURN = r"""
actions:
  description: What was done, or would be done in check mode; one sentence each, also if nothing was.
  returned: always
  type: list
  elements: str
  sample: ["wrote /etc/raywright/firewall.nft", "loaded the table inet raywright_fleet"]
file_changed:
  description: Whether the file was not as wanted.
  returned: success
  type: bool
table_changed:
  description: Whether what was loaded was not as wanted.
  returned: success
  type: bool
installed:
  description: Whether nftables is installed; in check mode it need not be.
  returned: success
  type: bool
"""

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.raywright.fleet.plugins.module_utils._peer_rules import (
    TABLE,
    RuleError,
    comparable,
    parse_peer,
    parse_port,
    refuse_protected,
    render,
)
from ansible_collections.raywright.fleet.plugins.module_utils._sockets import ssh_ports

_SSH = 22
_OUR_DIRECTORY = Path("/etc/raywright")
_FAMILY_AND_TABLE = ("inet", TABLE)
# In a network namespace of its own the ruleset is loaded without effect, and listed as the kernel understands it.
_LOAD_AND_LIST = 'nft -f "$1" && nft -j list table inet ' + TABLE


class PeerFirewall:
    """One call of the module."""

    def __init__(self, module: AnsibleModule) -> None:
        self._module = module
        self._path = Path(module.params["path"])
        self._nft = module.get_bin_path("nft")
        self._unshare = module.get_bin_path("unshare")
        self._actions: list[str] = []

    def run(self) -> dict[str, Any]:
        if os.geteuid() != 0:
            raise RuleError("The firewall needs root: run this with become.")
        if not self._path.is_absolute():
            raise RuleError(f"path must be absolute, not {self._path}.")
        return self._remove() if self._module.params["state"] == "absent" else self._keep()

    def _keep(self) -> dict[str, Any]:
        content = self._render()
        before = self._path.read_text() if self._path.exists() else ""
        file_changed = before != content
        if self._nft is None:
            if not self._module.check_mode:
                raise RuleError("nft is not installed on this host: install the package nftables.")
            self._actions.append("nftables is not installed yet; the rules would be loaded after it")
            return self._result(before, content, file_changed=file_changed, table_changed=True)
        draft = self._draft(content)
        table_changed = self._loaded() != self._as_loaded(draft)
        if file_changed:
            self._do(f"wrote {self._path}", lambda: self._write(draft))
        if table_changed:
            self._do(f"loaded the table inet {TABLE}", lambda: self._command([self._nft, "-f", str(self._path)]))
        if not self._actions:
            self._actions.append(f"the table inet {TABLE} is loaded as {self._path} says")
        return self._result(before, content, file_changed=file_changed, table_changed=table_changed)

    def _remove(self) -> dict[str, Any]:
        before = self._path.read_text() if self._path.exists() else ""
        loaded = self._nft is not None and self._loaded() is not None
        if loaded:
            self._do(
                f"removed the table inet {TABLE}",
                lambda: self._command([self._nft, "delete", "table", *_FAMILY_AND_TABLE]),
            )
        if before:
            self._do(f"removed {self._path}", self._unlink)
        if not self._actions:
            self._actions.append(f"there is no table inet {TABLE}, and no {self._path}")
        return self._result(before, "", file_changed=bool(before), table_changed=loaded)

    def _render(self) -> str:
        params = self._module.params
        ports = [parse_port(each) for each in params["ports"]]
        peers = [parse_peer(each) for each in params["peers"]]
        for option, value, outcome in (
            ("ports", ports, "nothing would be guarded"),
            ("peers", peers, "nobody could reach them"),
        ):
            if not value:
                raise RuleError(f"{option} is empty: {outcome}. Say state absent to have no firewall.")
        protected = {_SSH: "it is SSH's"}
        protected.update(dict.fromkeys(params["protected_ports"], "protected_ports names it"))
        protected.update(ssh_ports(os.getpid()))
        refuse_protected(ports, protected)
        return render(ports, peers, params["action"])

    def _draft(self, content: str) -> Path:
        handle, name = tempfile.mkstemp(dir=self._module.tmpdir, suffix=".nft")
        with os.fdopen(handle, "w") as stream:
            stream.write(content)
        self._command([self._nft, "--check", "--file", name])
        return Path(name)

    def _as_loaded(self, draft: Path) -> list[Any]:
        if self._unshare is None:
            raise RuleError("unshare is not installed on this host: install the package util-linux.")
        argv = [self._unshare, "--net", "sh", "-c", _LOAD_AND_LIST, "sh", str(draft)]
        return comparable(json.loads(self._command(argv)))

    def _loaded(self) -> list[Any] | None:
        status, out = self._module.run_command([self._nft, "-j", "list", "table", *_FAMILY_AND_TABLE])[:2]
        return comparable(json.loads(out)) if status == 0 else None

    def _write(self, draft: Path) -> None:
        self._path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        draft.chmod(0o644)
        self._module.atomic_move(str(draft), str(self._path))

    def _unlink(self) -> None:
        self._path.unlink()
        if self._path.parent == _OUR_DIRECTORY and not any(_OUR_DIRECTORY.iterdir()):
            _OUR_DIRECTORY.rmdir()

    def _do(self, action: str, step: Any) -> None:
        self._actions.append(action)
        if not self._module.check_mode:
            step()

    def _command(self, argv: list[Any]) -> str:
        status, out, err = self._module.run_command(argv)
        if status != 0:
            raise RuleError(f"{' '.join(map(str, argv))} failed with status {status}: {(err or out).strip()[-600:]}")
        return str(out)

    def _result(self, before: str, after: str, *, file_changed: bool, table_changed: bool) -> dict[str, Any]:
        name = str(self._path)
        return {
            "changed": file_changed or table_changed,
            "file_changed": file_changed,
            "table_changed": table_changed,
            "installed": self._nft is not None,
            "actions": self._actions,
            "diff": {"before": before, "after": after, "before_header": name, "after_header": name},
        }


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "ports": {"type": "list", "elements": "str"},
            "peers": {"type": "list", "elements": "str"},
            "action": {"type": "str", "choices": ["drop", "reject"], "default": "drop"},
            "protected_ports": {"type": "list", "elements": "int", "default": []},
            "path": {"type": "path", "default": "/etc/raywright/firewall.nft"},
        },
        required_if=[("state", "present", ("ports", "peers"))],
        supports_check_mode=True,
    )
    try:
        result = PeerFirewall(module).run()
    except (RuleError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
