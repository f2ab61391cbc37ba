# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What rendering a fleet costs, against plain Jinja2 and ``ansible.builtin.template``, in one run.

Prints one JSON object. ``config_render`` is the whole command less the same command with a task that does nothing, so
variables are included and the inventory is not; ``command_seconds`` is the whole of it.

    python benchmarks/render.py --hosts 10000 --template-hosts 20
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2

ROOT = Path(__file__).resolve().parents[1]

TEMPLATE = """hostname {{ inventory_hostname }}
banner {{ banner }}
{% for server in ntp %}
ntp server {{ server }}
{% endfor %}
snmp-server community {{ snmp.community }}
interface lo
 ip address {{ loopback }}/32
{% for vlan in vlans %}
vlan {{ vlan.id }}
 name {{ vlan.name }}
 description vlan {{ vlan.id }} at {{ site | upper }}
!
{% endfor %}
router bgp {{ asn }}
 bgp router-id {{ loopback }}
{% for peer in peers %}
 neighbor {{ peer.ip }} remote-as {{ peer.asn }}
 neighbor {{ peer.ip }} description {{ peer.description }}
 neighbor {{ peer.ip }} password {{ bgp_password }}
{% if peer.asn is odd %}
 neighbor {{ peer.ip }} timers 3 9
{% endif %}
 neighbor {{ peer.ip }} bfd
{% endfor %}
{% for net in range(20) %}
ip route 10.{{ net }}.0.0/16 {{ uplink | default('eth1') }}
{% endfor %}
line vty
"""


def variables(number: int) -> dict[str, Any]:
    address = f"{number >> 8 & 255}.{number & 255}"
    return {
        "asn": 65000 + number,
        "loopback": f"192.168.{address}",
        "site": f"site-{number % 7}",
        "bgp_password": f"not-a-password-{number}",
        "snmp": {"community": f"not-a-community-{number}"},
        "uplink": "eth0",
        "peers": [{"ip": f"10.{k}.{address}", "asn": 65100 + k, "description": f"spine {k}"} for k in range(8)],
        "vlans": [{"id": 100 + k, "name": f"v{k}"} for k in range(20)],
    }


def project(place: Path, hosts: int) -> None:
    fleet = {f"leaf-{number:05}": variables(number) for number in range(hosts)}
    group_vars = {"ntp": ["192.0.2.1", "192.0.2.2"], "banner": "device {{ inventory_hostname }} at {{ site }}"}
    inventory = {"_meta": {"hostvars": fleet}, "fleet": {"hosts": list(fleet), "vars": group_vars}}
    (place / "fleet.json").write_text(json.dumps(inventory))
    script = place / "inventory.sh"
    script.write_text('#!/bin/sh\ncat "$(dirname "$0")/fleet.json"\n')
    script.chmod(0o700)
    (place / "leaf.j2").write_text(TEMPLATE)
    link = place / "collections" / "ansible_collections" / "raywright" / "fleet"
    link.parent.mkdir(parents=True)
    link.symlink_to(ROOT)


def command(place: Path, task: Mapping[str, Any], *arguments: str) -> tuple[float, float]:
    """Run a play of one task; return its seconds and CPU seconds."""
    play = [{"hosts": "fleet", "gather_facts": False, "tasks": [task]}]
    (place / "play.json").write_text(json.dumps(play))
    environment = os.environ | {"ANSIBLE_COLLECTIONS_PATH": str(place / "collections")}
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(  # noqa: S603 - our own interpreter's neighbour
        [Path(sys.executable).with_name("ansible-playbook"), "-i", "inventory.sh", "play.json", *arguments],
        cwd=place,
        env=environment,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.monotonic() - began, cpu


def plain_jinja(hosts: int) -> float:
    """CPU seconds of the floor: compiled once, no templates inside variables, nothing written."""
    template = jinja2.Environment(trim_blocks=True, autoescape=False).from_string(TEMPLATE)  # noqa: S701 - no HTML
    began = time.process_time()
    for number in range(hosts):
        template.render(inventory_hostname="leaf", banner="device", ntp=["192.0.2.1"], **variables(number))
    return time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, default=10_000)
    parser.add_argument("--template-hosts", type=int, default=20, help="hosts for ansible.builtin.template")
    options = parser.parse_args()
    hosts, few = options.hosts, min(options.template_hosts, options.hosts)
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        project(place, hosts)
        nothing = {"ansible.builtin.debug": {"msg": "nothing"}, "run_once": True}
        render = {"raywright.fleet.config_render": {"template": "leaf.j2", "dest": "out"}, "run_once": True}
        one = {"ansible.builtin.template": {"src": "leaf.j2", "dest": "{{ playbook_dir }}/{{ inventory_hostname }}"}}
        local = {"connection": "local", "vars": {"ansible_python_interpreter": sys.executable}}
        idle = command(place, nothing)
        ours = command(place, render)
        limit = ("--limit", f"fleet[0:{few - 1}]")
        theirs = [
            b - a for a, b in zip(command(place, nothing, *limit), command(place, one | local, *limit), strict=True)
        ]
        lines = len((place / "out" / "leaf-00000.cfg").read_text().splitlines())
    per_host = {
        "config_render": (ours[1] - idle[1]) / hosts * 1000,
        "plain_jinja2": plain_jinja(hosts) / hosts * 1000,
        "ansible_builtin_template": theirs[1] / few * 1000,
    }
    result = {
        "hosts": hosts,
        "lines": lines,
        "cpus": len(os.sched_getaffinity(0)),
        "load_average": round(os.getloadavg()[0], 1),
        "command_seconds": round(ours[0], 2),
        "config_render_seconds": round(ours[0] - idle[0], 2),
        "ansible_builtin_template_hosts": few,
        "cpu_ms_per_host": {who: round(cost, 3) for who, cost in per_host.items()},
    }
    print(json.dumps(result, indent=2))  # noqa: T201 - the result


if __name__ == "__main__":
    main()
