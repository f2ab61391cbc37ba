# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Embedded routers on loopback, for demonstrations and rehearsals."""

from __future__ import annotations

DOCUMENTATION = r"""
module: embedded_fleet
short_description: Run a fleet of embedded routers on this machine's loopback interface
version_added: 0.1.0
author: raywright.fleet contributors (@raywright)
description:
  - Starts or stops a server that answers SSH on one loopback address a device and behaves like a router's command line,
    with a running, a startup and a candidate configuration.
  - The routers are fakes and say so. They check and keep configurations, and derive BGP sessions and routes from them, but
    forward nothing. Use them to see a rollout, to rehearse one, and to test templates and gates.
  - The devices form a fabric of sites with leaves, spines and cores. Their first configuration is an older version of
    what C(playbooks/templates/embedded_fabric.j2) renders.
  - Configurations survive the server. Faults can be injected through the file C(faults.json) in O(directory).
requirements:
  - Linux
  - asyncssh, for the Python that runs the module; set C(ansible_python_interpreter) to C({{ ansible_playbook_python }})
options:
  state:
    description: Whether the server shall run. Stopping it keeps O(directory).
    type: str
    choices: [present, absent]
    default: present
  directory:
    description:
      - Directory of the fleet's keys, password, configurations and inventory, made where missing.
      - It belongs to one fleet. Nobody but its owner can read it.
    type: path
    required: true
  collection_root:
    description:
      - Directory that this collection is installed in, the one with C(galaxy.yml) or C(MANIFEST.json).
      - In a playbook of the collection that is C({{ playbook_dir | dirname }}), in a role
        C({{ role_path | dirname | dirname }}).
      - Required with O(state=present).
    type: path
  devices:
    description: How many routers; 1 to 20000.
    type: int
    default: 200
  latency:
    description: Milliseconds until a router answers what it was sent.
    type: float
    default: 0
  dialects:
    description:
      - Command lines that the routers speak, dealt out in turn. The inventory gives each router its C(ansible_network_os).
      - V(embedded) is the fleet's own. The others are in the style of a vendor's system, as far as its driver needs it, and
        none of them is that system.
    type: list
    elements: str
    choices: [embedded, ios, junos, eos, iosxr]
    default: [embedded]
  base_address:
    description: Address of the first device. The others follow it, inside C(127.0.0.0/8).
    type: str
    default: 127.64.0.1
  port:
    description: Port that every device answers on, above 1023 without root; V(0) takes a free one when the server starts.
    type: int
    default: 2222
  reset:
    description:
      - Discard the configurations of all devices first, so that the fleet is as new.
      - Needed where O(devices) changes. This is a change every time.
    type: bool
    default: false
  timeout:
    description: Seconds that the server may take to start or to stop.
    type: int
    default: 60
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without touching the host.
    support: full
  diff_mode:
    description: Returns the settings of the server before and after.
    support: full
  idempotence:
    description: When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
    support: partial
    details: O(reset=true) discards the configurations every time.
"""

EXAMPLES = r"""
- name: Run two hundred embedded routers
  raywright.fleet.embedded_fleet:
    directory: "{{ playbook_dir }}/build/embedded"
    collection_root: "{{ playbook_dir | dirname }}"
  vars:
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
  register: fleet

- name: Run forty that are driven as if they were Cisco's and Arista's
  raywright.fleet.embedded_fleet:
    directory: "{{ playbook_dir }}/build/mixed"
    collection_root: "{{ playbook_dir | dirname }}"
    devices: 40
    dialects: [ios, eos]
  vars:
    ansible_python_interpreter: "{{ ansible_playbook_python }}"

- name: Stop them
  raywright.fleet.embedded_fleet:
    state: absent
    directory: "{{ playbook_dir }}/build/embedded"
"""

RETURN = r"""
actions:
  description: What was done, or would be done in check mode, and why; one sentence each.
  returned: always
  type: list
  elements: str
  sample: ["started 200 embedded routers on port 2222"]
inventory:
  description: Path of an executable inventory of the fleet.
  returned: when O(state=present)
  type: str
  sample: /home/me/build/embedded/inventory
known_hosts:
  description: Path of a known_hosts file with the host keys of all devices.
  returned: when O(state=present)
  type: str
  sample: /home/me/build/embedded/known_hosts
port:
  description: Port that every device answers on.
  returned: when O(state=present), outside check mode
  type: int
  sample: 2222
pid:
  description: Process number of the server.
  returned: when O(state=present), outside check mode
  type: int
  sample: 4711
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Optional

from ansible.module_utils.basic import AnsibleModule

_SETTINGS = ("devices", "latency", "base_address", "dialects")


class FleetFailure(Exception):
    """What keeps the fleet from the state that was asked for."""


def _start_time(pid: int) -> Optional[int]:  # noqa: UP045 - Python 3.9
    """Give a living process's start time in clock ticks, as the server notes it down."""
    try:
        with Path(f"/proc/{pid}/stat").open(encoding="utf-8") as stream:
            fields = stream.read().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else int(fields[19])


class EmbeddedFleet:
    """One fleet's server, by the directory that it lives in."""

    def __init__(self, params: dict[str, Any], check_mode: bool) -> None:  # noqa: FBT001 - as AnsibleModule has it
        self._params = params
        self._check_mode = check_mode
        # Not resolve(): the directory is shown as it was named, and its links may be moved.
        self._directory = Path(os.path.abspath(params["directory"]))  # noqa: PTH100
        self._actions: list[str] = []
        self._server = self._running()

    def run(self) -> dict[str, Any]:
        before = self._settings(self._server)
        if self._params["state"] == "absent":
            changed = (
                self._stop(self._server, "it shall not run")
                if self._server
                else self._note("no embedded fleet runs there")
            )
            return self._result(changed=changed, before=before, after={})
        self._require_engine()
        self._require_size()
        changed = self._present()
        result = self._result(changed=changed, before=before, after=self._wanted())
        result.update(inventory=str(self._path("inventory")), known_hosts=str(self._path("known_hosts")))
        if self._server and not self._check_mode:
            result.update(port=self._server["port"], pid=self._server["pid"])
        return result

    def _present(self) -> bool:
        reason = self._reason_to_restart()
        if self._server and not reason:
            return self._note(f"{self._params['devices']} embedded routers run already")
        if self._server:
            self._stop(self._server, reason)
        return self._start()

    def _reason_to_restart(self) -> str:
        server = self._server
        if server is None:
            return ""
        if self._params["reset"]:
            return "its configurations are to be discarded"
        differing = [name for name in _SETTINGS if server.get(name) != self._params[name]]
        if server["requested_port"] != self._params["port"]:
            differing.append("port")
        return f"it runs with another {', '.join(differing)}" if differing else ""

    def _wanted(self) -> dict[str, Any]:
        return {name: self._params[name] for name in (*_SETTINGS, "port")}

    @staticmethod
    def _settings(server: Optional[dict[str, Any]]) -> dict[str, Any]:  # noqa: UP045 - Python 3.9
        if server is None:
            return {}
        return {**{name: server.get(name) for name in _SETTINGS}, "port": server["requested_port"]}

    def _running(self) -> Optional[dict[str, Any]]:  # noqa: UP045 - Python 3.9
        """Read who serves this directory; a process that only took over a dead server's number does not count."""
        try:
            with self._path("server.json").open(encoding="utf-8") as stream:
                server = json.load(stream)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as exc:
            raise FleetFailure(f"{self._path('server.json')} cannot be read: {exc}") from exc
        return server if _start_time(server["pid"]) == server["started"] else None

    def _start(self) -> bool:
        self._actions.append(f"started {self._params['devices']} embedded routers")
        if self._check_mode:
            return True
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        log = os.open(self._path("server.log"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            # run_command waits for the end of what it starts; this is a server that outlives the module.
            # pylint: disable-next=ansible-bad-function
            process = subprocess.Popen(  # noqa: S603 - our own interpreter and options, no shell
                self._command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._directory,
                env=self._environment(),
                start_new_session=True,
            )
        finally:
            os.close(log)
        self._await_server(process)
        return True

    def _environment(self) -> dict[str, str]:
        # A server that lives for days has no use for the keys and tokens of whoever started it.
        kept = {name: value for name, value in os.environ.items() if not name.startswith("RAYWRIGHT_")}
        return {**kept, "PYTHONPATH": self._params["collection_root"]}

    def _command(self) -> list[str]:
        options = [sys.executable, "-m", "engine.embedded", "--state", str(self._directory)]
        for name in (*_SETTINGS, "port"):
            value = self._params[name]
            options += ["--" + name.replace("_", "-"), ",".join(value) if isinstance(value, list) else str(value)]
        return options + (["--reset"] if self._params["reset"] else [])

    def _await_server(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + self._params["timeout"]
        while time.monotonic() < deadline:
            self._server = self._running()
            if self._server and self._server["pid"] == process.pid:
                return
            if process.poll() is not None:
                raise FleetFailure(f"the embedded fleet did not start: {self._last_words()}")
            time.sleep(0.05)
        process.terminate()
        raise FleetFailure(
            f"the embedded fleet did not start within {self._params['timeout']} s and was stopped; see "
            f"{self._path('server.log')}, or raise the option timeout"
        )

    def _last_words(self) -> str:
        with self._path("server.log").open(encoding="utf-8", errors="replace") as stream:
            lines = [line.strip() for line in stream if line.strip()]
        return lines[-1] if lines else f"it ended without a word; see {self._path('server.log')}"

    def _stop(self, server: dict[str, Any], why: str) -> bool:
        pid, started = server["pid"], server["started"]
        self._actions.append(f"stopped the embedded fleet: {why}")
        if self._check_mode:
            return True
        self._server = None
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + self._params["timeout"]
        while _start_time(pid) == started:
            if time.monotonic() > deadline:
                raise FleetFailure(
                    f"the embedded fleet, process {pid}, did not stop within {self._params['timeout']} s"
                )
            time.sleep(0.05)
        return True

    def _require_engine(self) -> None:
        root = self._params["collection_root"]
        if not Path(root, "engine", "embedded", "__main__.py").is_file():
            raise FleetFailure(
                f"collection_root: {root} is not where the collection raywright.fleet is installed; in a playbook of "
                "the collection, '{{ playbook_dir | dirname }}' is"
            )

    def _require_size(self) -> None:
        """Refuse what the server would refuse, before a running one is stopped for it."""
        try:
            with self._path("fleet.json").open(encoding="utf-8") as stream:
                there = json.load(stream)["devices"]
        except FileNotFoundError:
            return
        if there != self._params["devices"] and not self._params["reset"]:
            raise FleetFailure(
                f"devices: {self._directory} holds a fleet of {there} devices, not {self._params['devices']}; choose "
                "another directory, or set reset=true, which discards the configurations of its devices"
            )

    def _note(self, text: str) -> bool:
        self._actions.append(text)
        return False

    def _path(self, name: str) -> Path:
        return self._directory / name

    def _result(self, *, changed: bool, before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
        return {"changed": changed, "actions": self._actions, "diff": {"before": before, "after": after}}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "directory": {"type": "path", "required": True},
            "collection_root": {"type": "path"},
            "devices": {"type": "int", "default": 200},
            "latency": {"type": "float", "default": 0},
            "dialects": {
                "type": "list",
                "elements": "str",
                "choices": ["embedded", "ios", "junos", "eos", "iosxr"],
                "default": ["embedded"],
            },
            "base_address": {"type": "str", "default": "127.64.0.1"},
            "port": {"type": "int", "default": 2222},
            "reset": {"type": "bool", "default": False},
            "timeout": {"type": "int", "default": 60},
        },
        required_if=[("state", "present", ["collection_root"])],
        supports_check_mode=True,
    )
    try:
        result = EmbeddedFleet(module.params, module.check_mode).run()
    except (FleetFailure, OSError) as exc:
        module.fail_json(msg=str(exc), exception=exc)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
