# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The exchange as Ansible plays: ``raw`` and ``command`` over OpenSSH, one connection a router."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.push.exchange import KEX, READ, Work

_RUNNING = f"vtysh -c '{READ}'"
Task = dict[str, Any]


def _play(tasks: list[Task]) -> list[dict[str, Any]]:
    return [{"hosts": "fleet", "gather_facts": False, "tasks": tasks}]


def _verified(lines: list[str], text: str) -> Task:
    missing = f"bench_lines | reject('in', {text}) | list | length == 0"
    return {
        "name": "Verify",
        "ansible.builtin.assert": {"that": [missing], "quiet": True},
        "vars": {"bench_lines": lines},
    }


def _ssh(module: str) -> Callable[[list[str]], list[dict[str, Any]]]:
    def play(lines: list[str]) -> list[dict[str, Any]]:
        push = "vtysh " + " ".join(f"-c '{line}'" for line in ["configure terminal", *lines])
        return _play(
            [
                {"name": "Read", module: _RUNNING, "changed_when": False},
                {"name": "Push", module: push},
                {"name": "Read back", module: _RUNNING, "changed_when": False, "register": "bench_read"},
                _verified(lines, "bench_read.stdout"),
            ]
        )

    return play


PLAYS = {
    "ansible_raw": _ssh("ansible.builtin.raw"),
    "ansible_command": _ssh("ansible.builtin.command"),
}


def write(folder: Path, name: str, work: Work) -> list[str]:
    """Write playbook, inventory and settings into ``folder``; gives the arguments of ``ansible-playbook``."""
    options = f"-F none -o IdentitiesOnly=yes -o UserKnownHostsFile={work.known_hosts} -o KexAlgorithms={KEX}"
    hosts = {
        each.name: {
            "ansible_host": each.host,
            "ansible_port": each.port,
            "ansible_user": each.user,
            "ansible_ssh_private_key_file": each.key_file,
            "ansible_ssh_common_args": options,
            "ansible_python_interpreter": "/usr/bin/python3",
        }
        for each in work.routers
    }
    # One host is always there, so that a play on no router costs what Ansible's start costs.
    inventory = {"fleet": {"hosts": hosts}, "other": {"hosts": {"localhost": {"ansible_connection": "local"}}}}
    (folder / "inventory.json").write_text(json.dumps(inventory))
    (folder / f"{name}.json").write_text(json.dumps(PLAYS[name](work.lines)))
    (folder / "ansible.cfg").write_text(
        f"[defaults]\nforks = {work.in_flight}\nhost_key_checking = true\n[ssh_connection]\npipelining = true\n"
    )
    return ["-i", "inventory.json", f"{name}.json"]
