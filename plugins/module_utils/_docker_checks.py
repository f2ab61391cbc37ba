# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether Docker is as it should be, as rows of a report. Never raises. Private."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._docker_options import shown
from ._docker_packages import ENGINES, matches
from ._host import row

if TYPE_CHECKING:
    from ._docker_configuration import DockerConfiguration

AGAIN = "run the checkpoint docker-installation"


def checks(
    wanted: DockerConfiguration, *, version: str, installed: dict[str, str], nvidia: str
) -> list[dict[str, Any]]:
    daemon = wanted.daemon
    info, answer = _info(wanted)
    package = next((f"{name} {installed[name]}" for name in ENGINES if name in installed), "")
    rows = [
        row(
            "Docker Engine answers",
            ok=bool(info),
            found=f"version {info.get('ServerVersion')}" if info else answer,
            wanted="an answer on /run/docker.sock",
            fix=f"see journalctl -u docker, then {AGAIN}" if daemon.installed else AGAIN,
        ),
        row(
            "Docker starts with the host",
            ok=daemon.enabled,
            found="enabled" if daemon.enabled else "not enabled",
            wanted="enabled",
            fix="systemctl enable docker",
        ),
        _daemon_json(wanted),
    ]
    if version:
        ok = any(name in installed and matches(installed[name], version) for name in ENGINES)
        rows.append(row("Docker Engine's version", ok=ok, found=package or "no package", wanted=version, fix=AGAIN))
    if not info:
        return rows
    for title, key, option in (
        ("containers survive a restart of Docker", "LiveRestoreEnabled", "live-restore"),
        ("containers' log driver", "LoggingDriver", "log-driver"),
    ):
        if option in wanted.options:
            ok = info.get(key) == wanted.options[option]
            fix = f"{AGAIN}, which restarts the daemon"
            rows.append(row(title, ok=ok, found=shown(info.get(key)), wanted=shown(wanted.options[option]), fix=fix))
    if nvidia == "cdi":
        directories = info.get("CDISpecDirs") or []
        found = ", ".join(directories) or "CDI is off"
        rows.append(row("Docker knows CDI", ok=bool(directories), found=found, wanted="CDI is on", fix=AGAIN))
    if nvidia == "legacy":
        runtimes = sorted(info.get("Runtimes") or {})
        found = ", ".join(runtimes)
        ok = "nvidia" in runtimes
        rows.append(row("Docker knows the runtime nvidia", ok=ok, found=found, wanted="nvidia", fix=AGAIN))
    return rows


def _daemon_json(wanted: DockerConfiguration) -> dict[str, Any]:
    differing = sorted(
        key
        for key in {*(wanted.before or {}), *wanted.options}
        if (wanted.before or {}).get(key) != wanted.options.get(key)
    )
    found = f"differs in {', '.join(differing)}" if differing else "as configured"
    if wanted.before is None:
        found = "not valid JSON"
    return row(
        "Docker's daemon.json",
        ok=wanted.before == wanted.options,
        found=found,
        wanted="as configured",
        fix=AGAIN,
    )


def _info(wanted: DockerConfiguration) -> tuple[dict[str, Any], str]:
    if not wanted.daemon.installed:
        return {}, "no Docker Engine is installed"
    try:
        return wanted.daemon.get("/info"), ""
    except OSError as error:
        return {}, f"no answer: {error}"
