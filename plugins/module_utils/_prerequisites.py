# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a host must have before Ray is deployed on it, each as a row of a table. Private to this collection.

The functions take what was read of the host and judge it; reading is in ``_host_facts``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

CHECKPOINT = "prerequisites-check"
GIB = 1024**3
_NEVER_RUN = ("rhel", "rocky", "almalinux", "centos", "ol")
_SHOWN = 5
_FIRST_PERSON = 1000  # where Linux begins to number people


def row(check: str, *, ok: bool, found: str, wanted: str, fix: str, severity: str = "error") -> dict[str, Any]:
    return {
        "checkpoint": CHECKPOINT,
        "check": check,
        "ok": ok,
        "severity": severity,
        "found": found,
        "wanted": wanted,
        "fix": "" if ok else fix,
    }


def version(text: str) -> tuple[int, ...]:
    """Read the numbers at the start of a version: 6.1.0-18-amd64 is (6, 1, 0)."""
    found = re.match(r"\d+(?:\.\d+)*", text)
    return tuple(int(part) for part in found.group().split(".")) if found else ()


def system(release: Mapping[str, str], supported: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    name, number = release.get("ID", "unknown"), release.get("VERSION_ID", "")
    known = supported.get(name, [])
    ok = any(number == each or number.startswith(f"{each}.") for each in known)
    found = release.get("PRETTY_NAME", f"{name} {number}")
    return row(
        "Operating system",
        ok=ok,
        found=f"{found} (written for, not tested)" if ok and name in _NEVER_RUN else found,
        wanted=", ".join(f"{each} {'/'.join(map(str, numbers))}" for each, numbers in supported.items()),
        fix="Install a supported release, or add this one to prerequisites_systems at your own risk.",
    )


def kernel(release: str, least: str) -> dict[str, Any]:
    ok = version(release) >= version(least)
    fix = "apt full-upgrade && reboot"
    return row("Kernel", ok=ok, found=release, wanted=f"{least} or later", fix=fix)


def architecture(machine: str, supported: Sequence[str]) -> dict[str, Any]:
    fix = "Ray has no packages for this processor: use another machine."
    return row("Architecture", ok=machine in supported, found=machine, wanted=" or ".join(supported), fix=fix)


def processors(count: int, least: int) -> dict[str, Any]:
    fix = "Give the machine more processors, or lower prerequisites_cpus."
    return row("Processors", ok=count >= least, found=str(count), wanted=f"{least} or more", fix=fix)


def memory(size: int, least: float) -> dict[str, Any]:
    return row(
        "Memory",
        ok=size >= least * GIB,
        found=f"{size / GIB:.1f} GiB",
        wanted=f"{least:g} GiB or more",
        fix="Give the machine more memory, or lower prerequisites_memory_gib.",
    )


def swap(size: int) -> dict[str, Any]:
    return row(
        "Swap",
        ok=size == 0,
        severity="warning",
        found="off" if size == 0 else f"{size / GIB:.1f} GiB in use as swap space",
        wanted="off: Ray's memory monitor does not see what is swapped out",
        fix="swapoff -a, and remove it from /etc/fstab",
    )


def shared_memory(size: int, total: int, percent: int, wanted: int | None) -> dict[str, Any]:
    """``wanted``: bytes that the object store is set to; where nothing is set, it takes ``percent`` of the memory."""
    # The kernel's own default is half of the memory; a container engine's is 64 MB.
    share = f"{total * percent / 100 / GIB:.1f} GiB, {percent}% of the memory"
    stated = f"{(wanted or 0) / GIB:.1f} GiB, the size of the object store"
    return row(
        "Shared memory",
        ok=size * 100 >= total * percent if wanted is None else size >= wanted,
        severity="warning",
        found=f"{size / GIB:.1f} GiB in /dev/shm",
        wanted=f"{share if wanted is None else stated}, so that objects do not go to disk",
        fix=f"mount -o remount,size={f'{percent}%' if wanted is None else wanted} /dev/shm, and the same in /etc/fstab",
    )


def disks(needs: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """``needs``: path, gib, device and mount of what holds it, free bytes. Needs on one file system add up."""
    devices: dict[Any, list[Mapping[str, Any]]] = {}
    for need in needs:
        devices.setdefault(need["device"], []).append(need)
    rows = []
    for group in devices.values():
        wanted = sum(float(need["gib"]) for need in group)
        paths = ", ".join(str(need["path"]) for need in group)
        mount = str(group[0]["mount"])
        free = int(group[0]["free"])
        rows.append(
            row(
                f"Disk space on {mount}",
                ok=free >= wanted * GIB,
                found=f"{free / GIB:.1f} GiB free",
                wanted=f"{wanted:g} GiB for {paths}",
                fix=f"du -xh --max-depth=2 {mount} | sort -h | tail, and make room, or lower prerequisites_disk",
            )
        )
    return rows


def synchronized(state: str, *, container: bool) -> dict[str, Any]:
    fix = "timedatectl set-ntp true (the checkpoint docker-installation sets it up too)"
    if container:
        fix = "timedatectl set-ntp true, on the machine that this container runs on: its clock is that machine's"
    return row(
        "Time synchronization",
        ok=state == "yes",
        severity="warning",
        found={"yes": "synchronized", "no": "not synchronized"}.get(state, "unknown: no timedatectl and no chronyc"),
        wanted="synchronized",
        fix=fix,
    )


def service_manager(*, running: bool, state: str) -> dict[str, Any]:
    fix = "Boot the machine with systemd as process 1."
    return row("systemd", ok=running, found=state or "not running", wanted="running as process 1", fix=fix)


def control_groups(kind: str) -> dict[str, Any]:
    fix = "mount | grep cgroup; boot with systemd, which mounts them"
    return row("Control groups", ok=bool(kind), found=kind or "none mounted", wanted="v2, or v1 with memory", fix=fix)


def account(name: str, entry: Mapping[str, Any] | None) -> dict[str, Any]:
    """``entry``: uid and shell of the account, or None. A system account is ours or a package's; a person's is not."""
    is_person = (
        entry is not None
        and int(entry["uid"]) >= _FIRST_PERSON
        and not str(entry["shell"]).endswith(("nologin", "false"))
    )
    return row(
        f"Account {name}",
        ok=not is_person,
        found="free" if entry is None else f"uid {entry['uid']}, {entry['shell']}",
        wanted="free, or a system account",
        fix=f"usermod --login OTHER_NAME {name}: this one belongs to a person",
    )


def resolution(name: str, wanted: Sequence[str], found: Sequence[str], *, own: bool) -> dict[str, Any]:
    ok = bool(set(found) & set(wanted)) if wanted else bool(found)
    address = wanted[0] if wanted else "ADDRESS"
    return row(
        f"Name {name} resolves" if not own else "The host's own name resolves",
        ok=ok,
        severity="warning" if found or not own else "error",
        found=f"{name} is {', '.join(found)}" if found else f"{name} is not known",
        wanted=f"{name} is {' or '.join(wanted)}" if wanted else "an address",
        fix=f"Correct the name service, or: echo '{address} {name}' >> /etc/hosts",
    )


def python(command: str, found: str, least: str, most: str) -> dict[str, Any]:
    ok = not found or version(least) <= version(found)[:2] <= version(most)
    return row(
        "Python for Ray",
        ok=ok,
        found=f"{command} is {found}" if found else f"{command} is not installed yet",
        wanted=f"{least} to {most}",
        fix=f"Install a Python of {least} to {most} and name it in ray_node_python, or say ray_node_mode: container.",
    )


def graphics(present: int, driven: int, expected: int) -> dict[str, Any]:
    """GPUs on the bus, GPUs that a driver shows, and how many the inventory expects (-1: nothing)."""
    wanted = str(expected) if expected >= 0 else "a driver for each"
    ok = driven >= expected and driven >= present
    found = f"{driven} with a driver, {present} on the bus" if present or driven else "none"
    fix = "nvidia-smi; dmesg | grep -i nvidia; install the driver (nvidia_container_toolkit_driver)"
    if max(present, driven) < expected:
        fix = "lspci | grep -i nvidia: seat the cards, or correct the number in the inventory"
    severity = "error" if expected > 0 else "warning"
    return row("GPUs", ok=ok, severity=severity, found=found, wanted=wanted, fix=fix)


def port(name: str, ports: str, users: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """``users``: port, who, pid, and whether it is ours, an earlier Ray, or what this collection sets up anyway."""
    others = [user for user in users if not user["ours"]]
    told = "; ".join(f"{user['port']} is held by {user['who']}" for user in (others or users)[:_SHOWN])
    removable = bool(others) and all(user["earlier"] or user["expected"] for user in others)
    first = next((user for user in others if user["pid"]), None)
    fix = "The checkpoint cleanup-existing offers to remove it." if removable else "Give it another port, or stop it"
    if not removable:
        fix += f": ps -fp {first['pid']}; systemctl status {first['pid']}" if first else ": ss -tanp"
    if removable and any(user["expected"] for user in others):
        fix = "The checkpoint monitoring-deployment sets it up anew."
    return row(
        f"Port {ports} ({name})",
        ok=not others,
        severity="warning" if removable else "error",
        found=told or "free",
        wanted="free, or held by this deployment",
        fix=fix,
    )
