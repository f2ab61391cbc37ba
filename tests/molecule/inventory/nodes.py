#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes of a scenario as an inventory: the groups are those of a user, with the hosts that the scenario names.

RAYWRIGHT_TEST_NODES   names of nodes, with commas; all, if unset
RAYWRIGHT_TEST_SPACE   0 to 9: keeps apart what runs at the same time on one machine
"""

import json
import os
from pathlib import Path

NODES = {"head": 11, "worker1": 12, "worker2": 13, "monitor": 14, "outsider": 19}
GROUPS = {
    "ray_head": ["head"],
    "ray_workers": ["worker1", "worker2"],
    "monitoring": ["monitor"],
    "bystanders": ["outsider"],
}
MIRROR = 5

root = Path(__file__).resolve().parents[3]
space = int(os.environ.get("RAYWRIGHT_TEST_SPACE") or 0)
name = f"raywright-test-{space}"
network = f"198.18.{240 + space}"  # a range for tests on isolated networks (RFC 2544): no site routes it
state = root / "build" / "molecule" / str(space)
chosen = (os.environ.get("RAYWRIGHT_TEST_NODES") or ",".join(NODES)).split(",")

ssh = {
    "IdentityFile": state / "key",
    "UserKnownHostsFile": state / "known_hosts",
    # Under a name of ours, so that fresh nodes can end the connections to those that had their addresses before.
    "ControlPath": state / "%h",
}

print(
    json.dumps(
        {
            "all": {
                "vars": {
                    "test_name": name,
                    "test_network": network,
                    "test_mirror": f"{network}.{MIRROR}",
                    "test_root": str(root),
                    "test_state": str(state),
                    "test_run": str(state / "run"),
                }
            },
            "ray_cluster": {"children": ["ray_head", "ray_workers"]},
            **{group: {"hosts": [node for node in nodes if node in chosen]} for group, nodes in GROUPS.items()},
            "_meta": {
                "hostvars": {
                    node: {
                        "ansible_host": f"{network}.{NODES[node]}",
                        "ansible_user": "admin",
                        "ansible_ssh_common_args": " ".join(f"-o {key}={value}" for key, value in ssh.items()),
                    }
                    for node in chosen
                }
            },
        }
    )
)
