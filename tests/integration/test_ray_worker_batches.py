# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Workers are restarted batch by batch, however slowly Ansible hears of one of them."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
WORKERS = ["w1", "w2", "w3", "w4"]
# Of the first worker Ansible hears last.
LATE = f"{{{{ {WORKERS} if inventory_hostname != 'w1' or lookup('pipe', 'sleep 1') == '' else [] }}}}"
PLAY = {
    "name": "Restart workers",
    "hosts": "all",
    "gather_facts": False,
    "vars": {
        "__ray_worker_roll": LATE,
        "__ray_worker_total": len(WORKERS),
        "__ray_worker_allowed": 2,
        "__ray_worker_ready": [],
        "__ray_node_needs": "restart",
    },
    "tasks": [
        {"name": "Have the new settings on disk", "ansible.builtin.set_fact": {"__ray_worker_back": False}},
        {
            "name": "Restart them",
            "ansible.builtin.include_role": {"name": "raywright.fleet.ray_worker", "tasks_from": "roll"},
        },
    ],
}


def test_the_first_batch_comes_first_also_when_its_answer_comes_last(tmp_path):
    link = tmp_path / "ansible_collections" / "raywright" / "fleet"
    link.parent.mkdir(parents=True)
    link.symlink_to(ROOT)
    (tmp_path / "play.yml").write_text(json.dumps([PLAY]))
    inventory = {"all": {"hosts": {name: {"ansible_connection": "local"} for name in WORKERS}}}
    (tmp_path / "inventory.yml").write_text(json.dumps(inventory))
    done = subprocess.run(
        [Path(sys.executable).parent / "ansible-playbook", "--check", "-i", "inventory.yml", "play.yml"],
        cwd=tmp_path,
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(tmp_path), "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    started = re.findall(r"Ray on (w\d) would be restarted", done.stdout)
    assert started == WORKERS, done.stdout
