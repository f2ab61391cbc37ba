# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleets that everybody pushes to: real FRR routers, and embedded ones that speak in the style of Cisco IOS."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from benchmarks import embedded
from benchmarks.push.exchange import Router

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "bench"
_NETWORK = "198.19.128.0/17"


def environment() -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "build" / "collections"),
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "RAYWRIGHT_FLEET_KEY": "bm90IGEgc2VjcmV0LCBhIGtleSBmb3IgYmVuY2htYXI=",
    }


@contextmanager
def frr(count: int) -> Iterator[list[Router]]:
    """Run a lab of that many routers in network namespaces of this machine; needs root."""
    try:
        _lab(lab_routers=str(count))
        inventory = yaml.safe_load((BUILD / "lab" / "inventory.yml").read_text())
        hosts = {
            name: host for group in inventory.values() for name, host in (group.get("hosts") or {}).items() if host
        }
        yield _routers(hosts, inventory["fabric"]["vars"])
    finally:
        _lab(lab_state="absent")


@contextmanager
def ios(count: int, latency: float) -> Iterator[list[Router]]:
    """Run an embedded fleet whose answers take ``latency`` milliseconds. A stand-in: no device of Cisco is in it."""
    with embedded_fleet(count, latency, "ios") as routers:
        yield routers


@contextmanager
def embedded_fleet(count: int, latency: float, dialect: str = "embedded") -> Iterator[list[Router]]:
    """Run an embedded fleet that speaks in one way."""
    with embedded.fleet(count, latency, dialect) as script:
        inventory = json.loads(script.with_name("inventory.data").read_text())
        yield _routers(inventory["_meta"]["hostvars"], inventory["embedded_fleet"]["vars"])


def _lab(**more: str) -> None:
    options = {"lab_name": "bench", "lab_management_network": _NETWORK, "lab_directory": str(BUILD / "lab"), **more}
    extra = [word for name, value in options.items() for word in ("-e", f"{name}={value}")]
    with (BUILD / "lab.log").open("wb") as log:
        subprocess.run(  # noqa: S603 - our own playbook
            [Path(sys.executable).with_name("ansible-playbook"), "raywright.fleet.lab", *extra],
            env=environment(),
            cwd=ROOT,
            stdout=log,
            stderr=log,
            check=True,
        )


def _routers(hosts: Mapping[str, Mapping[str, Any]], shared: Mapping[str, Any]) -> list[Router]:
    return [
        Router(
            name=name,
            host=host["ansible_host"],
            port=shared.get("ansible_port", 22),
            user=shared["ansible_user"],
            key_file=shared["ansible_ssh_private_key_file"],
            known_hosts=shared["raywright_known_hosts"],
        )
        for name, host in hosts.items()
    ]
