# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The configuration of a Docker daemon, in one hand."""

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_daemon
short_description: Own the configuration of the Docker daemon
version_added: 0.1.0
author: raywright.fleet contributors (@raywright)
description:
  - Writes C(daemon.json) whole, after the Engine on the host has judged it, and starts or restarts the daemon if it must.
    A daemon that does not start with it gets its former files back and is started with them, and the module fails.
  - A copy of the former C(daemon.json) is kept beside it.
  - A daemon that runs without live-restore is told of it by a reload before it is restarted, so that containers
    survive already the first restart.
  - Used by the role P(raywright.fleet.docker#role).
requirements:
  - systemd
  - Docker Engine 20.10 or later
options:
  options:
    description:
      - What C(daemon.json) shall contain, merged over the defaults C(live-restore=true), C(log-driver=local) and C(log-opts) with
        C(max-size=20m) and C(max-file=5). An option that is null removes a default.
      - With a log driver other than C(local) and C(json-file), no C(log-opts) are added.
    type: dict
    default: {}
  proxies:
    description: The proxies for the daemon's own connections, to registries. Kept in a file that root alone can read.
    type: dict
    suboptions:
      http:
        description: URL of the proxy for HTTP.
        type: str
      https:
        description: URL of the proxy for HTTPS.
        type: str
      no_proxy:
        description: Names and networks that are reached without it, separated by commas.
        type: str
  nvidia:
    description:
      - How containers get NVIDIA GPUs on this host.
      - With V(cdi), the feature is switched on in an Engine that knows it and has it off (25.0 to 28.2).
      - With V(legacy), the runtime C(nvidia) is made known.
    type: str
    choices: [none, cdi, legacy]
    default: none
  timeout:
    description: Seconds that the daemon may take to start.
    type: int
    default: 120
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without touching the host.
    support: full
  diff_mode:
    description: Returns C(daemon.json) before and after, without passwords in URLs.
    support: full
  idempotence:
    description: When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
    support: full
"""

EXAMPLES = r"""
- name: Configure Docker
  raywright.fleet.docker_daemon:
    options:
      registry-mirrors: ["https://mirror.example.com"]
      log-opts: {max-size: 100m}
"""

RETURN = r"""
actions:
  description: What was done, or would be done in check mode; one sentence each.
  returned: success
  type: list
  elements: str
  sample: ["set live-restore to true in /etc/docker/daemon.json", "start the Docker daemon"]
options:
  description: What C(daemon.json) contains now.
  returned: success
  type: dict
backup_file:
  description: The copy of the former C(daemon.json).
  returned: when there was one and it changed
  type: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.raywright.fleet.plugins.module_utils._docker_configuration import DockerConfiguration
from ansible_collections.raywright.fleet.plugins.module_utils._host import HostError, given


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "options": {"type": "dict", "default": {}},
            "proxies": {
                "type": "dict",
                "options": {
                    "http": {"type": "str", "no_log": True},
                    "https": {"type": "str", "no_log": True},
                    "no_proxy": {"type": "str"},
                },
            },
            "nvidia": {"type": "str", "choices": ["none", "cdi", "legacy"], "default": "none"},
            "timeout": {"type": "int", "default": 120},
        },
        supports_check_mode=True,
    )
    params = module.params
    try:
        wanted = DockerConfiguration(
            module.run_command,
            options=params["options"],
            proxies=given(params["proxies"] or {}),
            nvidia=params["nvidia"],
        )
        if not wanted.daemon.installed:
            module.fail_json(msg="This host has no unit docker.service: install the Docker Engine first.")
        actions = wanted.actions()
        result = {"changed": bool(actions), "actions": actions, "options": wanted.options, "diff": wanted.diff()}
        if actions and not module.check_mode:
            backup = wanted.apply(params["timeout"])
            if backup:
                result["backup_file"] = backup
    except (HostError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
