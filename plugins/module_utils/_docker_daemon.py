# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The Docker daemon that runs on a host, or would: its unit, its flags, its API. Reads only. Private."""

from __future__ import annotations

import http.client
import json
import os
import re
import shlex
import socket
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._docker_options import unit_flags
from ._host import HostError, output, unit

if TYPE_CHECKING:
    from ._host import Run

UNIT = "docker.service"
CONTAINERD = "containerd.service"
SOCKET = "/run/docker.sock"
NOBODY = 65534
NEEDS_ROOT = "needs to be started with root"


class DockerDaemon:
    """What is true of it now; everything is read when the object is made, but for the API."""

    def __init__(self, run: Run) -> None:
        self._run = run
        found = unit(
            run,
            UNIT,
            "ActiveState",
            "UnitFileState",
            "ExecStart",
            "Environment",
            "EnvironmentFiles",
            "ExecMainStartTimestampMonotonic",
        )
        self.installed = found.get("LoadState") == "loaded" and "path=" in found.get("ExecStart", "")
        self.active = found.get("ActiveState") in ("active", "reloading")
        self.enabled = found.get("UnitFileState") == "enabled"
        self.program, self.flags = _command_line(found) if self.installed else ("dockerd", [])
        self.path = Path(_flag(self.flags, "--config-file") or "/etc/docker/daemon.json")
        self._started = _since(found)

    def options(self) -> dict[str, Any] | None:
        """What daemon.json contains; None if it is not valid."""
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return {}
        try:
            options = json.loads(text or "{}")
        except ValueError:
            return None
        return options if isinstance(options, dict) else None

    def older_than(self, *paths: Path) -> list[Path]:
        """Those of its files that were written after it was started, so that it does not know them."""
        return [path for path in paths if path.is_file() and self._started < path.stat().st_mtime <= time.time()]

    def containerd_outdated(self) -> bool:
        """Whether the containerd that runs was started before its program was last installed."""
        found = unit(self._run, CONTAINERD, "ActiveState", "ExecStart", "ExecMainStartTimestampMonotonic")
        match = re.search(r"path=(\S+) ;", found.get("ExecStart", ""))
        if found.get("ActiveState") != "active" or not match or not Path(match.group(1)).is_file():
            return False
        # A package manager keeps the time of modification from the package, but not that of the inode.
        return _since(found) < Path(match.group(1)).stat().st_ctime <= time.time()

    def binary_version(self) -> str:
        """Of the program on disk, as in C(docker version): C(20.10.24+dfsg1)."""
        match = re.search(r"version ([^\s,]+)", output(self._run, self.program, "--version"))
        return match.group(1) if match else ""

    def get(self, path: str) -> dict[str, Any]:
        """An answer of the API. Raises OSError if there is none."""
        connection = _UnixConnection()
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            body = response.read()
        except http.client.HTTPException as error:
            raise OSError(f"{type(error).__name__}: {error}") from error
        finally:
            connection.close()
        if response.status != http.client.OK:
            raise OSError(f"GET {path} answered {response.status}")
        return json.loads(body)

    def outdated(self) -> bool:
        """Whether an older program is running than the one on disk, as after an upgrade."""
        try:
            return self.get("/version").get("Version") != self.binary_version()
        except OSError:
            return False

    def validate(self, text: str) -> None:
        """Have the daemon itself judge a daemon.json, with the flags of its unit. Raises HostError.

        Engines before 23 have no C(--validate). They read and judge the file before they look who runs them, and give
        up without having touched anything when it is not root; so that is the test there.
        """
        judges = "--validate" in output(self._run, self.program, "--help")
        with tempfile.TemporaryDirectory(prefix="raywright-docker-") as directory:
            candidate = Path(directory) / "daemon.json"
            candidate.touch(mode=0o600)
            candidate.write_text(text, encoding="utf-8")
            command = [self.program, *_without(self.flags, "--config-file"), "--config-file", str(candidate)]
            if judges:
                status, out, errors = self._run([*command, "--validate"])
                good = status == 0
            else:
                os.chown(candidate, NOBODY, NOBODY)
                Path(directory).chmod(0o711)
                ids = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
                status, out, errors = self._run(["setpriv", *ids, "--", *command])
                good = NEEDS_ROOT in out + errors
            reason = (errors.strip() or out.strip()).replace(str(candidate), str(self.path))
        if not good:
            raise HostError(
                f"This Docker Engine ({self.binary_version()}) refuses the wanted {self.path}, so it was not put in"
                f" place: {reason.splitlines()[-1] if reason else f'exit status {status}'}. Correct"
                " docker_daemon_options."
            )


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self) -> None:
        super().__init__("docker", timeout=10)

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(SOCKET)


def _since(found: dict[str, str]) -> float:
    """When a unit was started, counted back from now on the monotonic clock: the clock may have been set since."""
    return time.time() - time.monotonic() + float(found.get("ExecMainStartTimestampMonotonic") or 0) / 1_000_000


def _command_line(found: dict[str, str]) -> tuple[str, list[str]]:
    match = re.search(r"path=(\S+) ; argv\[\]=(.*?) ; ignore_errors=", found["ExecStart"])
    if not match:
        return "dockerd", []
    environment = dict(word.split("=", 1) for word in shlex.split(found.get("Environment", "")) if "=" in word)
    for name in re.findall(r"(/\S+) \(ignore_errors=", found.get("EnvironmentFiles", "")):
        environment.update(_environment_file(Path(name)))
    return match.group(1), unit_flags(match.group(2).split()[1:], environment)


def _environment_file(path: Path) -> dict[str, str]:
    values = {}
    if path.is_file():
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            name, found, value = line.strip().partition("=")
            if found and not name.startswith(("#", ";")):
                values[name] = value.strip().strip("\"'")
    return values


def _flag(flags: list[str], name: str) -> str:
    for index, word in enumerate(flags):
        if word.startswith(f"{name}="):
            return word.partition("=")[2]
        if word == name and index + 1 < len(flags):
            return flags[index + 1]
    return ""


def _without(flags: list[str], name: str) -> list[str]:
    kept = []
    skip = False
    for word in flags:
        if skip:
            skip = False
        elif word == name:
            skip = True
        elif not word.startswith(f"{name}="):
            kept.append(word)
    return kept
