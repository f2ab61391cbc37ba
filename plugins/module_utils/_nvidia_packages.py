# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The packages of NVIDIA's toolkit and driver, and where they come from. Pure. Private."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._docker_packages import matches
from ._host import HostError

if TYPE_CHECKING:
    from ._host import Distribution

TOOLKIT = "nvidia-container-toolkit"
# They depend on each other's exact version, and apt would take the newest of each.
PINNED_TOGETHER = (TOOLKIT, "nvidia-container-toolkit-base", "libnvidia-container-tools", "libnvidia-container1")

_TOOLKIT_URL = "https://nvidia.github.io/libnvidia-container"
OFFICIAL_APT: dict[str, Any] = {
    "uris": [f"{_TOOLKIT_URL}/stable/deb/$(ARCH)"],
    "suites": ["/"],
    "signed_by": f"{_TOOLKIT_URL}/gpgkey",
}
OFFICIAL_YUM: dict[str, Any] = {
    "baseurl": f"{_TOOLKIT_URL}/stable/rpm/$basearch",
    "gpgkey": f"{_TOOLKIT_URL}/gpgkey",
}
_CUDA_URL = "https://developer.download.nvidia.com/compute/cuda/repos"
_CUDA_ARCHITECTURES = {"x86_64": "x86_64", "aarch64": "sbsa"}


def toolkit(pin: str) -> list[str]:
    return list(PINNED_TOGETHER) if pin else [TOOLKIT]


def driver(branch: str) -> list[str]:
    """As NVIDIA's driver installation guide has it for Debian and Ubuntu: the branch's pin, then the open modules."""
    if not branch.isdigit():
        raise HostError(f"nvidia_container_toolkit_driver_branch must be a number such as 580, not {branch!r}.")
    return [f"nvidia-driver-pinning-{branch}", "nvidia-open"]


def cuda_apt(distribution: Distribution, machine: str) -> dict[str, Any]:
    release = distribution.version.replace(".", "")
    if distribution.id not in ("debian", "ubuntu") or machine not in _CUDA_ARCHITECTURES:
        raise HostError(
            f"NVIDIA has no driver repository for {distribution.id} {distribution.version} on {machine}: give"
            " nvidia_container_toolkit_driver_apt_repository, or install the driver yourself."
        )
    url = f"{_CUDA_URL}/{distribution.id}{release}/{_CUDA_ARCHITECTURES[machine]}"
    return {"uris": [url], "suites": ["/"], "signed_by": f"{url}/3bf863cc.pub"}


def plan(
    toolkit_names: list[str], driver_names: list[str], *, found: dict[str, str], pin: str, manager: str
) -> tuple[list[str], list[str]]:
    """What to install, as the package manager wants it, and the sentences about it."""
    install, actions = [], []
    for name in toolkit_names:
        spec = f"{name}{'=' if manager == 'apt' else '-'}{pin}" if pin else name
        if name not in found:
            install.append(spec)
            actions.append(f"install {name} {pin}".rstrip())
        elif pin and not matches(found[name], pin):
            install.append(spec)
            actions.append(f"replace {name} {found[name]} by {pin}")
    # The pin of the branch first: it must hold before apt chooses the driver.
    for name in driver_names:
        if name not in found:
            install.append(name)
            actions.append(f"install {name}")
    return install, actions
