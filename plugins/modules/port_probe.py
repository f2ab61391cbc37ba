# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether hosts reach each other's ports, tried for real."""

from __future__ import annotations

DOCUMENTATION = r"""
module: port_probe
short_description: Try for real whether hosts reach each other's ports
version_added: 0.1.0
author: raywright.fleet contributors (@raywright)
description:
  - V(listening) opens listeners on those of O(ports) that are free, in a process of its own that ends by itself after O(seconds).
  - V(connecting) connects to the ports of other hosts, and tells open, refused, timed out and no route apart. Listeners that this
    module opened say who they are, so an answer of another machine is noticed.
  - V(stopped) ends the listeners at once.
options:
  state:
    description: What to do.
    type: str
    choices: [listening, connecting, stopped]
    required: true
  address:
    description: Address of this host, which tells whether to listen on IPv4 or IPv6.
    type: str
    default: ""
  ports:
    description:
      - Ports and ranges to listen on, such as V(6379) and V(20000-20999). Of a range, the first, the middle and the last stand for all.
    type: list
    elements: str
    default: []
  seconds:
    description: Life of the listeners.
    type: int
    default: 120
  token:
    description: What O(state=listening) returned, for O(state=stopped).
    type: str
    default: ""
  peers:
    description: The hosts to connect to.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Its name, for the result.
        type: str
        required: true
      address:
        description: Its address.
        type: str
        required: true
      ports:
        description: Its ports to try.
        type: list
        elements: int
        required: true
      listening:
        description: Those of them that this module listens on there.
        type: list
        elements: int
        default: []
      token:
        description: The token of the listeners there.
        type: str
        default: ""
  timeout:
    description: Seconds that a connection may take.
    type: float
    default: 3
attributes:
  check_mode:
    description: The same in check mode, for nothing lasting is changed.
    support: full
  diff_mode:
    description: Nothing lasting is changed.
    support: none
  idempotence:
    description: When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
    support: full
"""

EXAMPLES = r"""
- name: Listen for a moment
  raywright.fleet.port_probe:
    state: listening
    ports: [6379, 20000-20999]
  register: probe

- name: Connect
  raywright.fleet.port_probe:
    state: connecting
    peers:
      - {name: head, address: 192.0.2.10, ports: [6379]}
"""

RETURN = r"""
ports:
  description: The ports to try, ranges shortened.
  returned: with O(state=listening)
  type: list
  elements: int
listening:
  description: Those of them that are listened on now.
  returned: with O(state=listening)
  type: list
  elements: int
busy:
  description: Why others are not.
  returned: with O(state=listening)
  type: dict
token:
  description: Stands for the listeners.
  returned: with O(state=listening)
  type: str
tried:
  description: How many connections were tried.
  returned: with O(state=connecting)
  type: int
outcomes:
  description: What became of those that were not open.
  returned: with O(state=connecting)
  type: list
  elements: dict
  contains:
    peer:
      description: Name of the host.
      type: str
      returned: success
    address:
      description: Its address.
      type: str
      returned: success
    port:
      description: The port.
      type: int
      returned: success
    outcome:
      description: V(refused), V(timed out), V(no route), V(another machine answers), or what the system said.
      type: str
      returned: success
"""

import os
import secrets
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.raywright.fleet.plugins.module_utils._peer_rules import RuleError, parse_port
from ansible_collections.raywright.fleet.plugins.module_utils._reachability import (
    connect,
    family_of,
    open_control,
    open_listeners,
    serve,
    stop,
    targets_of,
)

_LONGEST_LIFE = 600


def listen(params: dict[str, Any]) -> dict[str, Any]:
    if not 0 < params["seconds"] <= _LONGEST_LIFE:
        raise RuleError(f"seconds must be 1 to {_LONGEST_LIFE}, not {params['seconds']}.")
    wanted: dict[int, None] = {}
    for text in params["ports"]:
        ports = parse_port(text)
        if ports.proto == "tcp":
            wanted.update(dict.fromkeys((ports.first, (ports.first + ports.last) // 2, ports.last)))
    listeners, busy = open_listeners(wanted, family_of(params["address"]))
    token = secrets.token_hex(8)
    listening = sorted(each.getsockname()[1] for each in listeners)
    if listeners:
        _serve_apart(listeners, token, params["seconds"])
    return {"ports": sorted(wanted), "listening": listening, "busy": busy, "token": token if listeners else ""}


def _serve_apart(listeners: list[Any], token: str, seconds: int) -> None:
    """Serve in a process of its own, whose output is nobody's: Ansible waits for whoever holds the module's."""
    control = open_control(token)
    if os.fork() == 0:
        os.setsid()
        if os.fork() != 0:
            os._exit(0)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nowhere, descriptor)
        os.chdir("/")
        try:
            serve(listeners, control, token, seconds)
        finally:
            os._exit(0)
    os.wait()
    for each in (*listeners, control):
        each.close()


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["listening", "connecting", "stopped"], "required": True},
            "address": {"type": "str", "default": ""},
            "ports": {"type": "list", "elements": "str", "default": []},
            "seconds": {"type": "int", "default": 120},
            "token": {"type": "str", "default": "", "no_log": False},
            "peers": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "name": {"type": "str", "required": True},
                    "address": {"type": "str", "required": True},
                    "ports": {"type": "list", "elements": "int", "required": True},
                    "listening": {"type": "list", "elements": "int", "default": []},
                    "token": {"type": "str", "default": "", "no_log": False},
                },
            },
            "timeout": {"type": "float", "default": 3},
        },
        supports_check_mode=True,
    )
    params = module.params
    result: dict[str, Any] = {"changed": False}
    try:
        if params["state"] == "listening":
            result.update(listen(params))
        elif params["state"] == "connecting":
            outcomes = connect(targets_of(params["peers"]), params["timeout"])
            result.update(tried=len(outcomes), outcomes=[each for each in outcomes if each["outcome"] != "open"])
        elif params["token"]:
            stop(params["token"])
    except (RuleError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
