# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""By what processes, commands and containers are known to be Ray's: pure functions. Private to this collection."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MARK = "raywright.fleet"
LABEL = "raywright.fleet.cluster"
_TITLES = ("ray::", "ray-dashboard-")
_DAEMONS = ("raylet", "gcs_server", "plasma_store", "plasma_store_server")
_INSIDE_PACKAGE = re.compile(r"/(?:site|dist)-packages/ray/(?:.*/)?([\w.-]+)$")
_SESSION = re.compile(r"(/[^\s=,:]*/session_\d{4}-\d{2}-\d{2}_[\d-]+_\d+_\d+)")
# `ray start`, also behind a path, a quotation mark or an assignment, but not `x-ray start` or `/srv/array start`.
_COMMAND = re.compile(
    r"(?:^|[\s/'\"=;&|(])ray\s+(?:start|up)\b|-m\s+ray\.scripts\b|(?:^|[\s/'\"])(?:raylet|gcs_server)(?:\s|$)"
    r"|\brayproject/|\b(?:docker|podman)\s+(?:container\s+)?(?:start|restart|run)\b.*\bray[-_](?:head|worker|node)"
)
_NODE_NAME = re.compile(r"(?:.*[-_])?ray[-_](?:head|worker|node)s?(?:[-_.]?\w{1,12})?|ray")
_RAY_NAME = re.compile(r"(?:.*[-_])?ray(?:[-_].*)?")
_IMAGE = re.compile(r"(?:.*/)?rayproject/.+|(?:.*/)?ray(?:-ml|-llm)?")
_MONITORING = re.compile(r"(?:.*/)?(prometheus|grafana|grafana-oss|alertmanager|node-exporter|cadvisor|dcgm-exporter)")
_WORD = re.compile(r"(?<![A-Za-z0-9])ray(?![A-Za-z0-9])", re.IGNORECASE)
_ENVIRONMENT = re.compile(r"RAY_[A-Z0-9_]+=")


def process_role(name: str, argv: Sequence[str]) -> str:
    """Give what a process does for Ray, or an empty string."""
    if not argv:
        return ""
    first = PurePosixPath(argv[0].split(" ", 1)[0]).name
    if first in _DAEMONS:
        return first
    for each in argv[:4]:
        found = _INSIDE_PACKAGE.search(each)
        if found:
            return found.group(1)
    if _starts_ray(argv):
        return "ray start"
    is_module = any(option == "-m" and module.startswith("ray.") for option, module in zip(argv, argv[1:]))
    return "worker" if is_module or argv[0].startswith(_TITLES) or name.startswith(_TITLES) else ""


def session_of(argv: Sequence[str]) -> str:
    """Give the directory of the Ray session that a command line names, or an empty string."""
    found = _SESSION.search(" ".join(argv))
    return found.group(1) if found else ""


def is_ray_command(text: str) -> bool:
    """Whether a shell command, as in a unit or a crontab, starts Ray."""
    return _COMMAND.search(text) is not None


def mentions_ray(text: str) -> bool:
    return _WORD.search(text) is not None


def repository(image: str) -> str:
    """Give an image's name without digest and tag."""
    plain = image.split("@", 1)[0]
    head, unused, tail = plain.rpartition(":")
    return head if unused and "/" not in tail else plain


def container_evidence(container: Mapping[str, Any], inside: Sequence[str]) -> str:
    """Say why a container, as ``docker inspect`` shows it, is one of Ray, or nothing."""
    config = container["Config"]
    image = str(config["Image"])
    name = str(container["Name"]).lstrip("/")
    command = " ".join([*(config.get("Entrypoint") or []), *(config.get("Cmd") or [])])
    reasons = []
    if _IMAGE.fullmatch(repository(image)):
        reasons.append(f"its image is {image}")
    if is_ray_command(command):
        reasons.append(f"its command is {command[:80]}")
    if inside:
        reasons.append(f"{', '.join(sorted(set(inside))[:3])} runs inside it")
    has_environment = any(_ENVIRONMENT.match(each) for each in config.get("Env") or [])
    if _NODE_NAME.fullmatch(name) or (_RAY_NAME.fullmatch(name) and (has_environment or mentions_ray(image))):
        reasons.append(f"its name is {name}")
    return " and ".join(reasons)


def monitoring_image(image: str) -> str:
    """Give which of the monitoring programs an image holds, or an empty string."""
    found = _MONITORING.fullmatch(repository(image))
    return found.group(1) if found else ""


def monitoring_evidence(
    container: Mapping[str, Any], ray: Sequence[Mapping[str, Any]], texts: Mapping[str, str]
) -> str:
    """Say what ties a monitoring container to Ray; one that nothing ties is somebody else's.

    ``ray``: the containers of Ray on this host. ``texts``: configuration of this container, by name.
    """
    name = str(container["Name"]).lstrip("/")
    reasons = [f"its name is {name}"] if _speaks_of_ray(name) else []
    reasons += _beside_ray(container, ray)
    reasons += [
        f"it mounts {mount['Source']}"
        for mount in container.get("Mounts") or []
        if mount.get("Type") == "bind" and _speaks_of_ray(str(mount.get("Source", "")))
    ]
    reasons += [
        f"it is given {each.split('=', 1)[0]}"
        for each in container["Config"].get("Env") or []
        if _ENVIRONMENT.match(each)
    ]
    reasons += [f"{path} in it speaks of Ray" for path, text in texts.items() if _speaks_of_ray(text)]
    return reasons[0] if reasons else ""


def _beside_ray(container: Mapping[str, Any], ray: Sequence[Mapping[str, Any]]) -> list[str]:
    reasons = []
    for other in ray:
        beside = str(other["Name"]).lstrip("/")
        if _project(container) and _project(container) == _project(other):
            reasons.append(f"it is of the same compose project as {beside}")
        shared = _networks(container) & _networks(other)
        if shared:
            reasons.append(f"it shares the network {min(shared)} with {beside}")
    return reasons


def _speaks_of_ray(text: str) -> bool:
    return mentions_ray(text.replace("_", "-"))


def _project(container: Mapping[str, Any]) -> str:
    return str((container["Config"].get("Labels") or {}).get("com.docker.compose.project", ""))


def _starts_ray(argv: Sequence[str]) -> bool:
    for place, each in enumerate(argv[:-1]):
        if PurePosixPath(each).name == "ray" and argv[place + 1] in ("start", "up"):
            return True
    return False


def _networks(container: Mapping[str, Any]) -> set[str]:
    networks = (container.get("NetworkSettings") or {}).get("Networks") or {}
    return set(networks) - {"bridge", "host", "none"}
