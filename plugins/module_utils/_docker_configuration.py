# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Bringing the Docker daemon to its configuration: files, start, restart, and back if it does not start. Private."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import _docker_options as daemon_json
from ._docker_daemon import CONTAINERD, UNIT, DockerDaemon
from ._host import HostError, output, unit

if TYPE_CHECKING:
    from ._host import Run

DROP_IN = Path("/etc/systemd/system/docker.service.d/raywright-proxy.conf")
# Not Environment= in the unit: systemd shows that to every user of the host, and a proxy's URL may have a password.
ENVIRONMENT = Path("/etc/docker/raywright-proxy.env")
DROP_IN_TEXT = f"# Managed by raywright.fleet.\n[Service]\nEnvironmentFile={ENVIRONMENT}\n"
PROXY_NAMES = {"http": "HTTP_PROXY", "https": "HTTPS_PROXY", "no_proxy": "NO_PROXY"}
POLL = 0.2


class DockerConfiguration:
    """The wanted state of the daemon, compared with what is there."""

    def __init__(
        self, run: Run, *, options: dict[str, Any], proxies: dict[str, str], nvidia: str, candidate: str = ""
    ) -> None:
        """Compare.

        The candidate is the version that would be installed, if none is and that is known. It serves only to refuse
        early what could not work: what is said about the host must not change because a mirror got a newer package.
        """
        self._run = run
        self._nvidia = nvidia
        self.daemon = DockerDaemon(run)
        self.version = self.daemon.binary_version() if self.daemon.installed else ""
        self._refuse_missing_cdi(self.version or candidate)
        self.options = daemon_json.effective(options, nvidia=nvidia, version=self.version)
        self.before = self.daemon.options()
        environment = "".join(
            f"{name}={_quoted(proxies[key])}\n" for key, name in PROXY_NAMES.items() if proxies.get(key)
        )
        self._wanted = {
            DROP_IN: (DROP_IN_TEXT, 0o644) if environment else None,
            ENVIRONMENT: (environment, 0o600) if environment else None,
        }
        if self.before != self.options:
            self._wanted[self.daemon.path] = (daemon_json.dump(self.options), 0o644)
        self._differ = [
            path for path, wanted in self._wanted.items() if _content(path) != (wanted[0] if wanted else None)
        ]
        self._containerd_outdated = self.daemon.containerd_outdated()
        self._refuse_swarm()

    def _refuse_missing_cdi(self, version: str) -> None:
        if self._nvidia == "cdi" and version and daemon_json.number(version) < daemon_json.CDI_SINCE:
            raise HostError(
                f"This GPU node's Docker Engine {version} knows no CDI, which came with Engine 25. Use a newer Engine"
                " (docker_source: official, or a mirror), nvidia_container_toolkit_runtime: legacy,"
                " or docker_nvidia: none."
            )

    def _refuse_swarm(self) -> None:
        if not self.options.get("live-restore") or not self.daemon.active or (self.before or {}).get("live-restore"):
            return
        try:
            swarm = self.daemon.get("/info").get("Swarm") or {}
        except OSError:
            return
        if swarm.get("LocalNodeState") not in (None, "", "inactive"):
            raise HostError(
                "This Docker Engine is part of a swarm, which cannot run with live-restore. Either leave the swarm"
                " (docker swarm leave), or set docker_daemon_options: {live-restore: false}."
            )

    def actions(self) -> list[str]:
        path = self.daemon.path
        if self.before is None:
            lines = [f"replace {path}, which is not valid JSON, by {daemon_json.shown(self.options)}"]
        else:
            lines = daemon_json.changes(self.before, self.options, str(path))
        if DROP_IN in self._differ or ENVIRONMENT in self._differ:
            wanted = self._wanted[DROP_IN]
            lines.append("set the Docker daemon's proxies" if wanted else "drop the Docker daemon's proxies")
        if not self.daemon.enabled:
            lines.append("start the Docker daemon at every boot")
        if not self.daemon.active:
            lines.append("start the Docker daemon")
        elif self._restart_needed():
            lines.append(daemon_json.restart(self.before or {}, self.options))
        if self._containerd_outdated:
            lines.append("restart containerd, of which an older program still runs (containers go on running)")
        return sorted(lines)

    def _restart_needed(self) -> bool:
        stale = self.daemon.older_than(self.daemon.path, DROP_IN, ENVIRONMENT)
        return bool(self._differ or stale or self.daemon.outdated())

    def diff(self) -> dict[str, str]:
        """Proxies are left out: they may contain a password."""
        before = {} if self.before is None else self.before
        header = str(self.daemon.path)
        return {
            "before_header": header,
            "after_header": header,
            "before": _masked(before),
            "after": _masked(self.options),
        }

    def validate(self) -> None:
        """Have the Engine judge the options, if there is one and they differ from what it has. Raises HostError."""
        if self.daemon.installed and self.daemon.path in self._differ:
            self.daemon.validate(daemon_json.dump(self.options))

    def apply(self, timeout: float) -> str:
        """Do it. Returns the path of the copy of the former daemon.json, if there was one that changed."""
        path = self.daemon.path
        restart = not self.daemon.active or self._restart_needed()
        self.validate()
        backup = self._back_up() if path in self._differ else ""
        former = {file: _content(file) for file in self._differ}
        for file in self._differ:
            _write(file, self._wanted[file])
        if DROP_IN in self._differ:
            self._systemctl("daemon-reload")
        if not self.daemon.enabled:
            self._systemctl("enable", UNIT)
        if self._containerd_outdated:
            self._systemctl("restart", CONTAINERD)
        if restart:
            self._keep_containers(timeout)
            self._restart(timeout, former, backup)
        return backup

    def _back_up(self) -> str:
        path = self.daemon.path
        if not path.is_file():
            return ""
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(path.stat().st_mtime))
        backup = path.with_name(f"{path.name}.{stamp}.bak")
        shutil.copy2(path, backup)
        return str(backup)

    def _keep_containers(self, timeout: float) -> None:
        """A daemon that runs without live-restore takes it over by a reload, so that containers survive the restart."""
        if not self.daemon.active or not self.options.get("live-restore"):
            return
        try:
            if self.daemon.get("/info").get("LiveRestoreEnabled"):
                return
        except OSError:
            return
        self._systemctl("reload", UNIT)
        if not _wait(lambda: self.daemon.get("/info").get("LiveRestoreEnabled"), min(timeout, 30)):
            raise HostError(
                "The Docker daemon did not take live-restore over by a reload, so it was not restarted, for that would"
                " stop its containers. Look at its log (journalctl -u docker), or restart it yourself when they may"
                " stop."
            )

    def _restart(self, timeout: float, former: dict[Path, str | None], backup: str) -> None:
        cursor = self._cursor()
        if self._started(timeout):
            return
        reason = self._last_words(cursor)
        for file, content in former.items():
            mode = 0o600 if file == ENVIRONMENT else 0o644
            _write(file, None if content is None else (content, mode))
        if backup:
            Path(backup).unlink(missing_ok=True)
        self._systemctl("daemon-reload")
        if not former:
            outcome = "Its configuration was not changed by this run"
        elif not self.daemon.active:
            self._systemctl("stop", UNIT, check=False)
            outcome = "The files are as they were before, and it is stopped, as it was"
        elif self._started(timeout):
            outcome = "The files are as they were before, and it runs with them"
        else:
            outcome = "The files are as they were before, and it does not start with them either"
        raise HostError(
            f"The Docker daemon does not start with the wanted configuration. {outcome}. Its log says: {reason}."
            " Correct docker_daemon_options or docker_proxies, or see journalctl -u docker."
        )

    def _started(self, timeout: float) -> bool:
        """Start it anew. Not waited for by systemctl, which would wait without end: Docker's unit has no limit."""
        before = self._invocation()
        # Or systemd refuses after a few starts in a minute, and a failure of before looks like one of now.
        self._systemctl("reset-failed", UNIT, check=False)
        self._systemctl("restart", "--no-block", UNIT)
        return _wait(lambda: self._answers(before), timeout)

    def _answers(self, before: str) -> bool:
        """Raises HostError as soon as it is clear that it will not come."""
        state = unit(self._run, UNIT, "ActiveState", "SubState", "InvocationID")
        if state.get("ActiveState") == "failed" or state.get("SubState") == "auto-restart":
            raise HostError("failed")
        anew = state.get("InvocationID", "") not in ("", before)
        return anew and state.get("ActiveState") == "active" and bool(self.daemon.get("/version"))

    def _invocation(self) -> str:
        return unit(self._run, UNIT, "InvocationID").get("InvocationID", "")

    def _last_words(self, cursor: str) -> str:
        """The line of the daemon's log, of those since the cursor, that tells why it went."""
        after = [f"--after-cursor={cursor}"] if cursor else ["--lines=60"]
        out = output(self._run, "journalctl", f"--unit={UNIT}", "--output=cat", "--no-pager", *after)
        lines = [line.strip() for line in out.splitlines() if line.strip()]
        telling = [line for line in lines if "failed to start daemon" in line or "level=fatal" in line] or [
            line for line in lines if line.startswith(("unable to configure", "failed to")) or "level=error" in line
        ]
        return daemon_json.PASSWORD_IN_URL.sub(r"\1***", (telling or lines or ["nothing"])[-1]).rstrip(".")

    def _cursor(self) -> str:
        out = output(self._run, "journalctl", "--lines=0", "--show-cursor", "--no-pager")
        return out.partition("-- cursor: ")[2].strip()

    def _systemctl(self, *words: str, check: bool = True) -> None:
        status, out, errors = self._run(["systemctl", *words])
        if status != 0 and check:
            raise HostError(f"systemctl {' '.join(words)} failed: {(errors or out).strip()}")


def _wait(condition: Any, timeout: float) -> bool:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        try:
            if condition():
                return True
        except OSError:
            pass
        except HostError:
            return False
        time.sleep(POLL)
    return False


def _content(path: Path) -> str | None:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else None


def _write(path: Path, wanted: tuple[str, int] | None) -> None:
    """Whole or not at all, also when the host goes down in between."""
    if wanted is None:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.raywright")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, wanted[1])
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        os.fchmod(stream.fileno(), wanted[1])
        stream.write(wanted[0])
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(path)


def _quoted(value: str) -> str:
    """For systemd's EnvironmentFile: one line, in double quotes."""
    if "\n" in value or "\r" in value:
        raise HostError("docker_proxies has a line break in it; give one URL each for http and https.")
    return json.dumps(value, ensure_ascii=False).replace("$", "\\$").replace("`", "\\`")


def _masked(options: dict[str, Any]) -> str:
    return daemon_json.PASSWORD_IN_URL.sub(r"\1***", daemon_json.dump(options))
