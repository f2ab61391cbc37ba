# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The exchange as Ansible plays: ``raw`` and ``command`` over OpenSSH on hosts, ``network_cli`` on network devices."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.push.exchange import KEX, READ, Router, Work

_RUNNING = f"vtysh -c '{READ}'"
_MOST_FORKS = 30
"""With network_cli: each of them is two processes of 90 MB."""
Task = dict[str, Any]


def _verified(lines: Sequence[str], text: str) -> Task:
    missing = f"bench_lines | reject('in', {text}) | list | length == 0"
    return {
        "name": "Verify",
        "ansible.builtin.assert": {"that": [missing], "quiet": True},
        "vars": {"bench_lines": lines},
    }


def _ssh(module: str) -> Callable[[list[str]], list[Task]]:
    def tasks(lines: list[str]) -> list[Task]:
        push = "vtysh " + " ".join(f"-c '{line}'" for line in ["configure terminal", *lines])
        return [
            {"name": "Read", module: _RUNNING, "changed_when": False},
            {"name": "Push", module: push},
            {"name": "Read back", module: _RUNNING, "changed_when": False, "register": "bench_read"},
            _verified(lines, "bench_read.stdout"),
        ]

    return tasks


def _network_cli(lines: list[str]) -> list[Task]:
    read = {"cisco.ios.ios_command": {"commands": [READ]}}
    return [
        {"name": "Read", **read},
        # What it compares with is read by the module itself: no more than the others, each line is sent once.
        {"name": "Push", "cisco.ios.ios_config": {"lines": lines, "match": "none"}},
        {"name": "Read back", **read, "register": "bench_read"},
        _verified(lines, "bench_read.stdout[0]"),
    ]


PLAYS = {
    "ansible_raw": _ssh("ansible.builtin.raw"),
    "ansible_command": _ssh("ansible.builtin.command"),
    "ansible_network_cli": _network_cli,
}


def _variables(router: Router, name: str) -> dict[str, Any]:
    shared = {
        "ansible_host": router.host,
        "ansible_port": router.port,
        "ansible_user": router.user,
        "ansible_ssh_private_key_file": router.key_file,
        "ansible_python_interpreter": "/usr/bin/python3",
    }
    if name == "ansible_network_cli":
        return {**shared, "ansible_connection": "ansible.netcommon.network_cli", "ansible_network_os": "cisco.ios.ios"}
    options = f"-F none -o IdentitiesOnly=yes -o UserKnownHostsFile={router.known_hosts} -o KexAlgorithms={KEX}"
    return {**shared, "ansible_ssh_common_args": options}


def write(folder: Path, name: str, work: Work) -> list[str]:
    """Write playbook, inventory and settings into ``folder``; gives the arguments of ``ansible-playbook``."""
    hosts = {each.name: _variables(each, name) for each in work.routers}
    # One host is always there, so that a play on no router costs what Ansible's start costs.
    inventory = {"fleet": {"hosts": hosts}, "other": {"hosts": {"localhost": {"ansible_connection": "local"}}}}
    (folder / "inventory.json").write_text(json.dumps(inventory))
    play = {"hosts": "fleet", "gather_facts": False, "tasks": PLAYS[name](work.lines)}
    (folder / f"{name}.json").write_text(json.dumps([play]))
    network = name == "ansible_network_cli"
    forks = min(work.in_flight, _MOST_FORKS) if network else work.in_flight
    # Of network_cli only its library knows host keys, and finds them in the account's own home alone.
    checking = str(not network).lower()
    (folder / "ansible.cfg").write_text(
        f"[defaults]\nforks = {forks}\nhost_key_checking = {checking}\n[ssh_connection]\npipelining = true\n"
        "[persistent_connection]\nconnect_timeout = 120\ncommand_timeout = 120\n"
    )
    return ["-i", "inventory.json", f"{name}.json"]
