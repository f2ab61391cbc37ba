# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which packages make a Docker Engine, from where, and what stands in their way. Pure. Private."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from ._host import HostError

if TYPE_CHECKING:
    from ._host import Distribution

OFFICIAL = "https://download.docker.com/linux"
DOCKERS_OWN = ("docker-ce", "docker-ce-cli", "containerd.io")
# The packages that hold a dockerd: whoever has one of them has an Engine.
ENGINES = ("docker-ce", "docker.io", "moby-engine", "docker-engine", "docker")
# Debian 13 and its successors have the client in a package of its own.
CLIENT_SPLIT_SINCE = {"debian": 13}
CONFLICTS = {
    "docker-ce": (
        "docker.io",
        "docker-doc",
        "docker-cli",
        "docker-compose",
        "docker-compose-v2",
        "docker-buildx",
        "podman-docker",
        "containerd",
        "runc",
        "moby-engine",
        "docker-engine",
        "docker-client",
        "docker-common",
    ),
    "docker.io": (
        "docker-ce",
        "docker-ce-cli",
        "docker-ce-rootless-extras",
        "docker-buildx-plugin",
        "docker-compose-plugin",
        "containerd.io",
        "podman-docker",
        "moby-engine",
    ),
}


@dataclass
class Packages:
    """What to install and to remove, and why."""

    engine: str
    install: list[str] = field(default_factory=list)
    remove: list[str] = field(default_factory=list)
    actions: list[str] = field(default_factory=list)
    kept: str = ""


def wanted(source: str, distribution: Distribution, extra: list[str]) -> list[str]:
    if source != "distribution":
        return [*DOCKERS_OWN, *extra]
    if distribution.manager != "apt":
        raise HostError(
            f"{distribution.id} {distribution.version} has no package of the Docker Engine: set docker_source to"
            " official, or to mirror with docker_yum_repository."
        )
    split = distribution.major >= CLIENT_SPLIT_SINCE.get(distribution.id, 1 << 16)
    return ["docker.io", *(["docker-cli"] if split else []), *extra]


def matches(version: str, pin: str) -> bool:
    """Whether an installed version is the pinned one; with or without epoch, and with wildcards."""
    return fnmatchcase(version, pin) or fnmatchcase(version.rpartition(":")[2], pin)


def plan(
    names: list[str], *, found: dict[str, str], pin: str, keep: bool, manager: str, unpackaged: bool = False
) -> Packages:
    """Compare the wanted packages, the Engine's first, with the versions of all those of interest that are installed.

    ``unpackaged`` tells of an Engine that no known package brought.
    """
    engine = names[0]
    result = Packages(engine=engine)
    other = next((name for name in ENGINES if name in found and name != engine), "")
    if engine not in found and keep and (other or unpackaged):
        result.kept = other or "an Engine that no package brought"
        version = found.get(other, "")
        if pin and not (version and matches(version, pin)):
            raise HostError(
                f"docker_version asks for {engine} {pin}, but this host has {result.kept} {version}".rstrip()
                + ", which is kept by default. Set docker_keep_installed: false to have it replaced, or drop"
                " docker_version."
            )
        return result
    if unpackaged and engine not in found and not other:
        raise HostError(
            "This host has a Docker Engine that no known package brought, so it cannot be replaced: remove it by hand,"
            " or set docker_keep_installed: true."
        )
    missing = [name for name in names if name not in found]
    pinned = [name for name in names if name in (engine, "docker-ce-cli")]
    wrong = [name for name in pinned if pin and name in found and not matches(found[name], pin)]
    if missing or wrong:
        result.remove = [name for name in CONFLICTS[engine] if name in found and name not in names]
    for name in names:
        spec = _spec(name, pin if name in pinned else "", manager)
        if name in missing:
            result.install.append(spec)
            result.actions.append(f"install {name}" + (f" {pin}" if pin and name in pinned else ""))
        elif name in wrong:
            result.install.append(spec)
            result.actions.append(f"replace {name} {found[name]} by {pin}")
    for name in result.remove:
        stops = " (its containers stop; images and volumes stay)" if name in ENGINES else ""
        result.actions.append(f"remove {name} {found[name]}, which conflicts with {engine}{stops}")
    return result


def interesting(names: list[str]) -> list[str]:
    return sorted({*names, *ENGINES, *(name for conflicts in CONFLICTS.values() for name in conflicts)})


def official_apt(distribution: Distribution) -> dict[str, Any]:
    if distribution.id not in ("debian", "ubuntu") or not distribution.codename:
        raise HostError(
            f"Docker has no apt repository for {distribution.id}: set docker_source: mirror and docker_apt_repository"
            " to the one of the Debian or Ubuntu release that it is made from."
        )
    return {
        "uris": [f"{OFFICIAL}/{distribution.id}"],
        "suites": [distribution.codename],
        "components": ["stable"],
        "signed_by": f"{OFFICIAL}/{distribution.id}/gpg",
    }


def official_yum(distribution: Distribution) -> dict[str, Any]:
    family = {"rhel": "rhel", "fedora": "fedora"}.get(distribution.id, "centos")
    return {"baseurl": f"{OFFICIAL}/{family}/$releasever/$basearch/stable", "gpgkey": f"{OFFICIAL}/{family}/gpg"}


def _spec(name: str, pin: str, manager: str) -> str:
    if not pin:
        return name
    return f"{name}={pin}" if manager == "apt" else f"{name}-{pin}"
