# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the lab asks of the Linux host: processes, network namespaces, links, files.

Which processes belong to a router is read from the kernel, by network namespace, and never from a pid file: a pid
may have been given to somebody else since.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.raywright.fleet.plugins.module_utils.frr_lab_topology import LabError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

NAMESPACES = Path("/run/netns")
SECRET_MODE = 0o600


@dataclass(frozen=True)
class Process:
    pid: int
    command: str
    pid_inside: int


def run(argv: Sequence[str], *, stdin: str = "", timeout: float = 60.0, check: bool = True) -> str:
    """Run a program of the host and return its output. Raises LabError with what it said."""
    try:
        # AnsibleModule.run_command changes the umask of the whole process, and this runs in threads.
        # pylint: disable-next=ansible-bad-function
        done = subprocess.run(  # noqa: S603 - fixed programs, and names that were checked
            argv, input=stdin, capture_output=True, text=True, timeout=timeout, check=False
        )
    except FileNotFoundError as error:
        raise LabError(f"{argv[0]} is not installed on this host, and the lab needs it.") from error
    except subprocess.TimeoutExpired as error:
        raise LabError(f"{' '.join(argv)} did not end within {timeout:.0f} s.") from error
    if check and done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or "it said nothing")[-600:]
        raise LabError(f"{' '.join(argv)} failed with status {done.returncode}: {said}")
    return done.stdout


def ip_batch(lines: Sequence[str], *, namespace: str | None = None) -> None:
    """Give many commands to one ``ip`` process: a process a link would take longer than all the links."""
    if lines:
        inside = ["-n", namespace] if namespace else []
        run(["ip", *inside, "-batch", "-"], stdin="\n".join(lines) + "\n", timeout=300.0)


def delete_links(names: Sequence[str]) -> None:
    """Delete links of the host as one group: one by one, the kernel waits for each."""
    if names:
        # A random number, so that nobody else's links are in the group.
        group = secrets.randbelow(2**31 - 2**16) + 2**16
        ip_batch([*(f"link set dev {name} group {group}" for name in names), f"link del group {group}"])


class OnlyOne:
    """Keeps two runs from changing the same lab at once, and leaves no lock file behind: an abstract socket."""

    def __init__(self, lab: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.bind(f"\0raywright-frr-lab-{lab}")
        except OSError as error:
            raise LabError(f"Lab {lab} is being changed by another process: wait for it to end, then retry.") from error

    def close(self) -> None:
        self._socket.close()


def namespace_inodes(names: Iterable[str]) -> dict[tuple[int, int], str]:
    """Map the identity of each existing network namespace to its name."""
    found = {}
    for name in names:
        try:
            status = (NAMESPACES / name).stat()
        except FileNotFoundError:
            continue
        found[status.st_dev, status.st_ino] = name
    return found


def processes(names: Iterable[str]) -> dict[str, list[Process]]:
    """Give the processes inside each of the named network namespaces, in one pass over /proc."""
    wanted = namespace_inodes(names)
    found: dict[str, list[Process]] = {name: [] for name in wanted.values()}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            status = (entry / "ns" / "net").stat()
            name = wanted.get((status.st_dev, status.st_ino))
            if name is not None:
                found[name].append(_process(entry))
        except OSError:  # it ended while we looked
            continue
    return found


def _process(entry: Path) -> Process:
    fields = dict(line.split(":", 1) for line in (entry / "status").read_text().splitlines() if ":" in line)
    return Process(int(entry.name), fields["Name"].strip(), int(fields["NSpid"].split()[-1]))


def router_init(found: Sequence[Process]) -> Process | None:
    """Give the first process of the router's own pid namespace."""
    return next((process for process in found if process.pid_inside == 1), None)


def kill_all(names: Sequence[str], *, timeout: float = 20.0) -> None:
    """End every process inside the named network namespaces and wait until they are gone."""
    deadline = time.monotonic() + timeout
    while True:
        left = [process for found in processes(names).values() for process in found]
        if not left:
            return
        if time.monotonic() > deadline:
            named = ", ".join(f"{process.command} ({process.pid})" for process in left[:5])
            raise LabError(f"These processes of the lab did not end after SIGKILL within {timeout:.0f} s: {named}.")
        for process in left:
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
        time.sleep(0.05)


def links_inside(namespace: str, found: Sequence[Process]) -> set[str]:
    """Give the names of the interfaces in a namespace; through a process in it where there is one, which is cheap."""
    if found:
        try:
            lines = Path(f"/proc/{found[0].pid}/net/dev").read_text(encoding="ascii").splitlines()[2:]
            return {line.split(":", 1)[0].strip() for line in lines}
        except OSError:  # it ended while we looked
            pass
    return {link["ifname"] for link in json.loads(run(["ip", "-n", namespace, "-j", "link"]))}


def host_links() -> set[str]:
    return {link.name for link in Path("/sys/class/net").iterdir()}


def host_addresses() -> list[tuple[str, str]]:
    """Give (interface, IPv4 network) of everything this host has an address on."""
    shown: list[dict[str, Any]] = json.loads(run(["ip", "-4", "-j", "addr"]) or "[]")
    return [
        (link["ifname"], f"{address['local']}/{address['prefixlen']}")
        for link in shown
        for address in link.get("addr_info", [])
        if "local" in address
    ]


def write_file(path: Path, text: str, *, mode: int, owner: tuple[int, int] | None = None) -> bool:
    """Write ``text`` with exactly this mode and owner, atomically; say whether that changed the file."""
    if _as_wanted(path, text, mode, owner):
        return False
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            os.fchmod(stream.fileno(), mode)
            if owner is not None:
                os.fchown(stream.fileno(), *owner)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink()
        raise
    return True


def _as_wanted(path: Path, text: str, mode: int, owner: tuple[int, int] | None) -> bool:
    try:
        status = path.lstat()
        return (
            status.st_mode & 0o7777 == mode
            and (owner is None or (status.st_uid, status.st_gid) == owner)
            and not path.is_symlink()
            and path.read_text(encoding="utf-8") == text
        )
    except FileNotFoundError:
        return False


def rewrite_file(path: Path, text: str, *, mode: int, owner: tuple[int, int] = (0, 0)) -> bool:
    """Like ``write_file``, but into the same inode: this file is bind-mounted into routers that run."""
    if not path.exists():
        return write_file(path, text, mode=mode, owner=owner)
    if path.read_text(encoding="utf-8") == text:
        return False
    path.write_text(text, encoding="utf-8")
    return True


def make_directory(path: Path, *, mode: int, owner: tuple[int, int] = (0, 0)) -> None:
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(mode)
    os.chown(path, *owner)
