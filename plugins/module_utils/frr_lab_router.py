# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One router: its files, its start, its command line."""

from __future__ import annotations

import grp
import json
import os
import pwd
import selectors
import shutil
import subprocess
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from ansible_collections.raywright.fleet.plugins.module_utils.frr_lab_accounts import account_ids, new_key
from ansible_collections.raywright.fleet.plugins.module_utils.frr_lab_host import (
    NAMESPACES,
    SECRET_MODE,
    make_directory,
    processes,
    router_init,
    run,
    write_file,
)
from ansible_collections.raywright.fleet.plugins.module_utils.frr_lab_topology import (
    LabError,
    Port,
    Router,
    configuration,
    interfaces,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

DAEMON_FOLDER = Path("/usr/lib/frr")
DAEMONS = tuple(name for name in ("mgmtd", "zebra", "staticd", "bgpd") if (DAEMON_FOLDER / name).exists())
"""In the order in which they start; ``mgmtd`` exists from FRR 9.1 on and then the others need it."""
HEALTHY = {"sshd", "watchfrr", *DAEMONS}

DAEMONS_FILE = """\
bgpd=yes
vtysh_enable=yes
mgmtd_options="-P 0"
zebra_options="-P 0 -s 90000000"
staticd_options="-P 0"
bgpd_options="-P 0"
"""

START = """\
#!/bin/sh
# Runs as the first process of a router, in its own network, mount, host name and pid namespaces.
# Arguments: the router's directory, its name, its management address, and "first" or "again".
set -eu
state=$1 name=$2 management=$3 boot=$4
exec 2>"$state/start.log" 3>>"$state/sshd.log"
hostname "$name"
# This copy of the other routers' namespace mounts would keep those namespaces alive after they are removed.
if mountpoint -q /run/netns; then umount -R -l /run/netns; fi
mount -a -T "$state/fstab"
mkdir -m 755 /run/sshd /run/lock
cp "$state/ssh_host_ed25519_key" /run/sshd/
install -d -o frr -g frr -m 2775 /run/frr
echo 1 >/proc/sys/net/ipv4/ip_forward
echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
ip link set lo up
ip address replace "$management/31" dev eth0
for link in /proc/sys/net/ipv4/conf/eth*; do ip link set "${link##*/}" up; done
cd /
@start_daemons@
# A saved configuration with a bad line must not keep a router from starting; the lab's own must be good.
vtysh -b >&2 || [ "$boot" = again ]
if [ "$boot" = first ]; then vtysh -c 'write memory' >&2; fi
/usr/lib/frr/watchfrr -d -F traditional @daemons@ >&2
echo ready
exec /usr/sbin/sshd -D -e -h /run/sshd/ssh_host_ed25519_key </dev/null >/dev/null 2>&3 3>&-
"""


class RouterPlace:
    """Where one router of one lab lives on the host."""

    def __init__(self, lab: str, lab_directory: Path, name: str) -> None:
        self.name = name
        self.namespace = f"{lab}-{name}"
        self.host_link = self.namespace
        self.lab_directory = lab_directory
        self.directory = lab_directory / "routers" / name

    @property
    def has_namespace(self) -> bool:
        return (NAMESPACES / self.namespace).exists()

    @property
    def record(self) -> Path:
        return self.directory / "router.json"

    def recorded_ports(self) -> tuple[Port, ...] | None:
        """Give the links that the router was set up for; None where it was never set up completely."""
        try:
            return tuple(Port(**port) for port in json.loads(self.record.read_text(encoding="utf-8"))["ports"])
        except FileNotFoundError:
            return None

    def write_record(self, router: Router) -> None:
        write_file(self.record, json.dumps(asdict(router), indent=1) + "\n", mode=0o644, owner=(0, 0))

    def host_key(self) -> str:
        return (self.directory / "ssh_host_ed25519_key.pub").read_text(encoding="ascii")


def start_script() -> str:
    options = dict(line.split("=", 1) for line in DAEMONS_FILE.splitlines())
    daemons = "\n".join(
        f"{DAEMON_FOLDER / name} -d -F traditional {options[name + '_options'].strip(chr(34))} >&2" for name in DAEMONS
    )
    return START.replace("@start_daemons@", daemons).replace("@daemons@", " ".join(DAEMONS))


def make_files(place: RouterPlace, router: Router) -> None:
    """Write everything that a new router finds when it first starts."""
    shutil.rmtree(place.directory, ignore_errors=True)
    frr = (pwd.getpwnam("frr").pw_uid, grp.getgrnam("frr").gr_gid)
    make_directory(place.directory, mode=0o711)
    # Members of group frr may replace files here and read what others of the group have put in their place.
    make_directory(place.directory / "frr", mode=0o2770, owner=frr)
    make_directory(place.directory / "log", mode=0o755)
    make_directory(place.directory / "log" / "frr", mode=0o2770, owner=frr)
    make_directory(place.directory / "lib", mode=0o755, owner=frr)
    make_directory(place.directory / "home", mode=0o755)
    for account, number in account_ids().items():
        make_directory(place.directory / "home" / account, mode=0o700, owner=(number, number))
    # Whoever reloads first would else own this log, and nobody else could reload after.
    write_file(place.directory / "log" / "frr" / "frr-reload.log", "", mode=0o664, owner=frr)
    write_file(place.directory / "frr" / "daemons", DAEMONS_FILE, mode=0o640, owner=frr)
    write_file(place.directory / "frr" / "vtysh.conf", "service integrated-vtysh-config\n", mode=0o640, owner=frr)
    write_file(place.directory / "frr" / "frr.conf", configuration(router), mode=0o640, owner=frr)
    write_file(place.directory / "hosts", f"127.0.0.1 localhost\n127.0.1.1 {router.name}\n", mode=0o644)
    write_file(place.directory / "fstab", _fstab(place), mode=0o644)
    private, public = new_key(place.directory / ".new_key", comment=router.name)
    write_file(place.directory / "ssh_host_ed25519_key", private, mode=SECRET_MODE)
    write_file(place.directory / "ssh_host_ed25519_key.pub", public, mode=0o644)


def _fstab(place: RouterPlace) -> str:
    binds = [
        (place.directory / "frr", "/etc/frr"),
        (place.directory / "log", "/var/log"),
        (place.directory / "home", "/home"),
        (place.directory / "hosts", "/etc/hosts"),
        *((place.lab_directory / "etc" / name, f"/etc/{name}") for name in ("passwd", "group", "shadow")),
        (place.lab_directory / "sudoers.d", "/etc/sudoers.d"),
        (place.lab_directory / "ssh", "/etc/ssh"),
    ]
    if Path("/var/lib/frr").is_dir():
        binds.append((place.directory / "lib", "/var/lib/frr"))
    lines = [f"{source} {target} none bind 0 0" for source, target in binds]
    # Every router has its own pid namespace, so FRR's files here, named by pid, would collide between routers.
    lines += [
        "lab-run /run tmpfs mode=755,size=32m 0 0",
        "lab-tmp /tmp tmpfs mode=1777,size=128m 0 0",
        "lab-var-tmp /var/tmp tmpfs mode=1777,size=32m 0 0",
        "lab-memory /dev/shm tmpfs mode=1777,size=32m 0 0",
    ]
    return "\n".join(lines) + "\n"


def start(place: RouterPlace, router: Router, *, first: bool, timeout: float) -> None:
    """Start the router in its (existing) network namespace; return when FRR runs its configuration."""
    argv = ["nsenter", f"--net={NAMESPACES / place.namespace}"]
    argv += ["unshare", "--mount", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc"]
    argv += ["/bin/sh", str(place.lab_directory / "start"), str(place.directory), router.name]
    argv += [router.management_address, "first" if first else "again"]
    # AnsibleModule.run_command waits for the end, which a router does not have.
    # pylint: disable-next=ansible-bad-function
    with subprocess.Popen(  # noqa: S603 - fixed programs, and names that were checked
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd="/",
        env={"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"},
    ) as child:
        said = _first_line(child, timeout)
        # The router outlives this process on purpose: leaving the block must not wait for its end.
        child.returncode = 0
    if said != b"ready\n":
        log = place.directory / "start.log"
        why = log.read_text(encoding="utf-8", errors="replace")[-600:].strip() if log.exists() else ""
        raise LabError(f"Router {router.name} did not start ({log}): {why or 'it said nothing'}")


def _first_line(child: subprocess.Popen[bytes], timeout: float) -> bytes:
    """Read up to the first line end; give what came when the router ended or the time is over."""
    stream = child.stdout
    if stream is None:
        return b""
    deadline = time.monotonic() + timeout
    said = b""
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while not said.endswith(b"\n") and selector.select(max(0.0, deadline - time.monotonic())):
            part = os.read(stream.fileno(), 100)
            if not part:
                break
            said += part
    return said


def vtysh(place: RouterPlace, arguments: Sequence[str], *, stdin: str = "", check: bool = True) -> str:
    """Run vtysh inside the router, as its console would."""
    init = router_init(processes([place.namespace]).get(place.namespace, []))
    if init is None:
        raise LabError(f"Router {place.name} does not run any more: run the same again to repair it.")
    enter = ["nsenter", f"--target={init.pid}", "--net", "--mount", "--uts", "--pid"]
    return run([*enter, "vtysh", *arguments], stdin=stdin, check=check)


def saved_interfaces(router: Router) -> list[dict[str, str]]:
    """The interfaces as a template needs them."""
    peers = {port.name: port.peer for port in router.ports}
    return [
        {"name": name, "address": address, "peer": peers[name]} if name in peers else {"name": name, "address": address}
        for name, address in interfaces(router)
    ]
