# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real NETCONF servers: netconfd (yuma123), behind an OpenSSH server with the subsystem, one pair a device."""

import getpass
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.devices.base import Device

PROGRAMS = ("/usr/sbin/netconfd", "/usr/sbin/netconf-subsystem", "/usr/sbin/sshd")
SYSTEM = "urn:ietf:params:xml:ns:yang:ietf-system"
_SECONDS = 30
# Modules without code behind them: what is configured is kept, and nothing of this machine is.
_MODULES = ("iana-if-type", "ietf-system", "ietf-interfaces", "ietf-ip")
_KINDS = {
    "candidate": ("--target=candidate",),
    "running": ("--target=running", "--with-startup=true"),
    "old": ("--target=candidate", "--protocols=netconf1.0"),
}


def why_not() -> str:
    """Say what keeps real NETCONF servers from running here, or nothing."""
    missing = [program for program in PROGRAMS if not Path(program).exists()]
    return f"real NETCONF servers need Debian's netconfd and openssh-server; missing: {', '.join(missing)}" * bool(
        missing
    )


@dataclass(frozen=True)
class Server:
    """One NETCONF server: how it is reached, and how it is broken."""

    directory: Path
    port: int
    netconfd: "subprocess.Popen[bytes]"

    def device(self, name: str = "nc", **changes: Any) -> Device:
        values: dict[str, Any] = {
            "name": name,
            "network_os": "netconf",
            "host": "127.0.0.1",
            "port": self.port,
            "user": getpass.getuser(),
            "private_key": (self.directory / "id").read_text(),
            "known_hosts": f"[127.0.0.1]:{self.port} {(self.directory / 'host.pub').read_text()}",
            "timeout": 20.0,
        }
        return Device(**{**values, **changes})


@contextmanager
def serving(kind: str, in_between: Sequence[str] = ()) -> Iterator[Server]:
    """Run a server: ``candidate``, ``running`` (writable, with a startup configuration) or ``old`` (base:1.0).

    ``in_between``: a command that runs the subsystem, whose command follows it.
    """
    # Not pytest's folder: the path of a socket may have no more than 107 bytes.
    directory = Path(tempfile.mkdtemp(prefix="netconfd-"))
    port = _free_port()
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        for name in ("host", "id"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", directory / name], check=True)
        listening = directory / "socket"
        command = [
            "/usr/sbin/netconfd",
            *_KINDS[kind],
            *(f"--module={module}" for module in _MODULES),
            f"--port={port}",
            f"--ncxserver-sockname={listening}",
            f"--superuser={getpass.getuser()}",
            f"--log={directory / 'netconfd.log'}",
            f"--startup={directory / 'startup.xml'}",
            "--startup-error=continue",
        ]
        (directory / "startup.xml").write_text('<config xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"/>')
        netconfd = stack.enter_context(_process(command, directory))
        subsystem = [*in_between, "/usr/sbin/netconf-subsystem", f"--ncxserver-sockname={port}@{listening}"]
        (directory / "sshd.conf").write_text(_sshd(directory, port, subsystem))
        Path("/run/sshd").mkdir(exist_ok=True)
        sshd = stack.enter_context(
            _process(
                ["/usr/sbin/sshd", "-D", "-f", str(directory / "sshd.conf"), "-E", str(directory / "sshd.log")],
                directory,
            )
        )
        _wait(lambda: listening.is_socket() and _answers(port), (netconfd, sshd), directory)
        yield Server(directory, port, netconfd)


def _sshd(directory: Path, port: int, subsystem: Sequence[str]) -> str:
    # The user's shell runs the subsystem, and with it whatever the user starts a shell with.
    return f"""\
SetEnv HOME={directory}
Port {port}
ListenAddress 127.0.0.1
HostKey {directory}/host
AuthorizedKeysFile {directory}/id.pub
PermitRootLogin prohibit-password
PasswordAuthentication no
StrictModes no
UsePAM no
MaxStartups 100
PidFile none
Subsystem netconf "{" ".join(subsystem)}"
"""


@contextmanager
def _process(command: list[str], directory: Path) -> Iterator["subprocess.Popen[bytes]"]:
    # In ~/.yuma netconfd keeps what it goes back to when a change on trial is not confirmed: to each its own.
    environment = {**os.environ, "HOME": str(directory)}
    with (directory / "output").open("ab") as output:
        process = subprocess.Popen(
            command, cwd=directory, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def _answers(port: int) -> bool:
    with socket.socket() as trying:
        return trying.connect_ex(("127.0.0.1", port)) == 0


def _wait(ready: Callable[[], bool], processes: Sequence["subprocess.Popen[bytes]"], directory: Path) -> None:
    deadline = time.monotonic() + _SECONDS
    while not ready():
        said = "\n".join(path.read_text(errors="replace")[-2000:] for path in directory.glob("*.log"))
        ended = [process.args for process in processes if process.poll() is not None]
        assert not ended, f"{ended} ended: {said}"
        assert time.monotonic() < deadline, said
        time.sleep(0.05)
