# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small lab of real FRR routers for tests."""

import ipaddress
import os
import re
import shutil
import subprocess
import sys
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from engine.devices.base import Device
from engine.devices.frr import DRIVER, FrrSession

ROOT = Path(__file__).resolve().parents[2]
# Benchmarking addresses (RFC 2544) are the default lab's; the tests' labs run beside it, in slices of this network.
NETWORK = ipaddress.ip_network("100.64.0.0/10")
_SLICE = 25


def own_lab(kind: str) -> dict[str, str]:
    """Name and addresses of a lab that no other test process has: two test runs on one machine leave each other alone.

    ``kind`` is one letter, for processes that have several. Up to 64 routers.
    """
    name = f"{kind}{os.getpid():x}"
    place = zlib.crc32(name.encode()) % 2 ** (_SLICE - NETWORK.prefixlen)
    first = NETWORK.network_address + place * 2 ** (32 - _SLICE)
    return {"lab_name": name, "lab_management_network": f"{first}/{_SLICE}"}


def why_not() -> str:
    """Say what keeps real routers from running here, or nothing."""
    if os.geteuid() != 0:
        return "real routers need root (network namespaces)"
    missing = [program for program in ("vtysh", "sshd", "ip", "unshare") if shutil.which(program) is None]
    if missing or not Path("/usr/lib/frr/frr-reload.py").exists():
        return f"real routers need FRR, frr-pythontools and OpenSSH; missing: {', '.join(missing) or 'frr-reload.py'}"
    return ""


@dataclass(frozen=True)
class Routers:
    """The lab's inventory, as devices."""

    directory: Path
    hosts: dict[str, dict[str, Any]]

    def device(self, name: str, **changes: Any) -> Device:
        values: dict[str, Any] = {
            "name": name,
            "network_os": "frr",
            "host": self.hosts[name]["ansible_host"],
            "user": "labnet",
            "private_key": (self.directory / "id_ed25519").read_text(),
            "known_hosts": (self.directory / "known_hosts").read_text(),
            "timeout": 60.0,
        }
        return Device(**{**values, **changes})

    @property
    def password(self) -> str:
        return (self.directory / "password").read_text().strip()


@contextmanager
def built(base: Path, options: dict[str, str]) -> Iterator[Path]:
    """A lab, kept in ``base`` beside the collection as playbooks find it; gives the lab's folder."""
    link = base / "ansible_collections" / "raywright" / "fleet"
    link.parent.mkdir(parents=True)
    link.symlink_to(ROOT)
    directory = base / "lab"
    try:
        _lab(directory, options)
        yield directory
    finally:
        _lab(directory, {**options, "lab_state": "absent"})


@contextmanager
def running(base: Path) -> Iterator[Routers]:
    """Three routers, kept in ``base``: one spine and two leafs, BGP between them."""
    with built(base, _three()) as directory:
        yield Routers(directory, hosts(directory / "inventory.yml"))


def again(routers: Routers) -> None:
    """Start those routers that have ended."""
    _lab(routers.directory, _three())


@asynccontextmanager
async def session(device: Device) -> AsyncIterator[FrrSession]:
    """A session of the FRR driver."""
    opened = await DRIVER.connect(device)
    try:
        yield opened
    finally:
        await opened.close()


def first(namespace: str) -> str:
    """The process id, as the host counts, of a router's first process, with which all others end."""
    listed = subprocess.run(["ip", "netns", "pids", namespace], capture_output=True, check=True, text=True).stdout
    return next(pid for pid in listed.split() if _is_first(pid))


def _is_first(pid: str) -> bool:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    return re.search(r"^NSpid:.*\s1$", status, re.MULTILINE) is not None


def console(namespace: str, *command: str, given: bytes | None = None) -> bytes:
    """Run something on a router without its network, as on its console."""
    words = ["nsenter", "-t", first(namespace), "-m", "-n", "-u", "-p", *command]
    return subprocess.run(words, capture_output=True, check=True, input=given).stdout


def shell(namespace: str, script: str) -> str:
    """What a script prints on a router's console."""
    return console(namespace, "sh", "-c", script).decode()


def _three() -> dict[str, str]:
    return {**own_lab("d"), "lab_routers": "3", "lab_spines": "1"}


def _lab(directory: Path, options: dict[str, str]) -> None:
    collections, options = directory.parent, {**options, "lab_directory": str(directory)}
    extra = [word for name, value in options.items() for word in ("-e", f"{name}={value}")]
    done = subprocess.run(
        [str(Path(sys.executable).parent / "ansible-playbook"), "raywright.fleet.lab", *extra],
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(collections)},
        cwd=collections,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, [line for line in done.stdout.splitlines() if line.startswith("fatal")]


def hosts(inventory: Path) -> dict[str, dict[str, Any]]:
    """The hosts of an inventory that are defined, each with its variables."""
    groups = yaml.safe_load(inventory.read_text())
    return {name: values for group in groups.values() for name, values in (group.get("hosts") or {}).items() if values}
