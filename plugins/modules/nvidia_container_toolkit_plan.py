# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the role nvidia_container_toolkit would do to a host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: nvidia_container_toolkit_plan
short_description: Compare a GPU node's NVIDIA Container Toolkit with the wanted one
version_added: 0.1.0
author: raywright.fleet contributors (@raywright)
description:
  - Reads only. Tells all that the role P(raywright.fleet.nvidia_container_toolkit#role) would do to the host, and the role does
    just that. Nothing on a host without an NVIDIA GPU.
  - Works on a bare host.
options:
  gpu:
    description: Whether the host is a GPU node. V(auto) looks for an NVIDIA GPU on the PCI bus.
    type: str
    choices: [auto, 'true', 'false']
    default: auto
  runtime:
    description: How containers get the GPUs.
    type: str
    choices: [cdi, legacy]
    default: cdi
  apt_repository:
    description: A mirror of NVIDIA's repository, on Debian and Ubuntu. See M(raywright.fleet.apt_source).
    type: dict
    suboptions:
      uris:
        description: Where it is.
        type: list
        elements: str
        required: true
      suites:
        description: Suites.
        type: list
        elements: str
        required: true
      components:
        description: Components.
        type: list
        elements: str
      architectures:
        description: Architectures.
        type: list
        elements: str
      signed_by:
        description: The key, as URL, path on the host or text.
        type: str
      trusted:
        description: Whether to accept packages without signatures.
        type: bool
  yum_repository:
    description: A mirror of NVIDIA's repository, in the RHEL family.
    type: dict
    suboptions:
      baseurl:
        description: Where it is.
        type: str
        required: true
      gpgkey:
        description: URL of the key.
        type: str
      gpgcheck:
        description: Whether to check signatures.
        type: bool
        default: true
  version:
    description: The toolkit's version as the package manager writes it, with wildcards. Empty for any.
    type: str
    default: ""
  driver:
    description: Whether to install NVIDIA's driver, with the open kernel modules. On Debian and Ubuntu.
    type: bool
    default: false
  driver_branch:
    description: The branch that the driver is pinned to.
    type: str
    default: "580"
  driver_packages:
    description: The driver's packages, if not those of O(driver_branch) in NVIDIA's CUDA repository.
    type: list
    elements: str
    default: []
  driver_apt_repository:
    description: Where the driver comes from, if not from NVIDIA's CUDA repository.
    type: dict
    suboptions:
      uris:
        description: Where it is.
        type: list
        elements: str
        required: true
      suites:
        description: Suites.
        type: list
        elements: str
        required: true
      components:
        description: Components.
        type: list
        elements: str
      architectures:
        description: Architectures.
        type: list
        elements: str
      signed_by:
        description: The key, as URL, path on the host or text.
        type: str
      trusted:
        description: Whether to accept packages without signatures.
        type: bool
  predict:
    description: Whether to report, in check mode, what the role would do as a change of this task.
    type: bool
    default: false
  checks_only:
    description: Whether to report what makes it impossible to plan as a check that is not ok, instead of failing.
    type: bool
    default: false
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without touching the host.
    support: full
  diff_mode:
    description: Returns no difference; O(ignore:actions) says all.
    support: none
  idempotence:
    description: When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
    support: full
"""

EXAMPLES = r"""
- name: See what the role would do
  raywright.fleet.nvidia_container_toolkit_plan:
  register: toolkit
"""

RETURN = r"""
actions:
  description: What the role would do, sorted; empty if there is nothing to do.
  returned: success
  type: list
  elements: str
  sample: ["install nvidia-container-toolkit"]
checks:
  description: Whether it is as it should be, a row for each check; empty on a host without a GPU.
  returned: success
  type: list
  elements: dict
gpu:
  description: Whether the host is a GPU node.
  returned: success
  type: bool
package_manager:
  description: V(apt) or V(dnf).
  returned: success
  type: str
apt_sources:
  description: Arguments for M(raywright.fleet.apt_source), for each repository that is not described as it should be.
  returned: success
  type: list
  elements: dict
yum_file:
  description: C(path) and C(text) of the repository's file, if it is not as it should be.
  returned: success
  type: dict
install:
  description: Packages to install, as the package manager wants them.
  returned: success
  type: list
  elements: str
load_driver:
  description: Whether the driver has to be loaded.
  returned: success
  type: bool
cdi:
  description: Whether there is something to do about the CDI specification.
  returned: success
  type: bool
"""

import os
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.raywright.fleet.plugins.module_utils import _apt_source, _nvidia_packages, _yum_source
from ansible_collections.raywright.fleet.plugins.module_utils._host import (
    Distribution,
    HostError,
    given,
    has_gpu,
    impossible,
    installed,
    nvidia_gpus,
    row,
)
from ansible_collections.raywright.fleet.plugins.module_utils._nvidia_cdi import CdiSpecification

AGAIN = "run the checkpoint docker-installation"
DRIVER = Path("/proc/driver/nvidia/version")
NOTHING: dict[str, Any] = {
    "actions": [],
    "checks": [],
    "gpu": False,
    "package_manager": "",
    "apt_sources": [],
    "yum_file": {},
    "install": [],
    "load_driver": False,
    "cdi": False,
}


class ToolkitPlan:
    """One call of the module."""

    def __init__(self, module: AnsibleModule) -> None:
        self._run = module.run_command
        self._params = module.params

    def run(self) -> dict[str, Any]:
        params = self._params
        if not has_gpu(params["gpu"]):
            return NOTHING
        distribution = Distribution.here()
        manager = distribution.manager
        toolkit = _nvidia_packages.toolkit(params["version"])
        driver = self._driver_packages(distribution) if params["driver"] else []
        found = installed(self._run, manager, [*toolkit, *driver])
        install, actions = _nvidia_packages.plan(toolkit, driver, found=found, pin=params["version"], manager=manager)
        specification = CdiSpecification(self._run)
        cdi = specification.actions() if params["runtime"] == "cdi" else []
        repositories = self._repositories(
            distribution, [name for name in [*toolkit, *driver] if name not in found], driver
        )
        load = bool(driver) and not DRIVER.is_file()
        return {
            "actions": sorted(
                [*actions, *repositories.pop("actions"), *cdi, *(["load the NVIDIA driver"] if load else [])]
            ),
            "checks": self._checks(specification, found),
            "gpu": True,
            "package_manager": manager,
            "install": install,
            "load_driver": load,
            "cdi": bool(cdi),
            **repositories,
        }

    def _driver_packages(self, distribution: Distribution) -> list[str]:
        if distribution.manager != "apt":
            raise HostError(
                "nvidia_container_toolkit_driver is for Debian and Ubuntu: on this host install NVIDIA's driver yourself, for"
                f" example dnf module install nvidia-driver:{self._params['driver_branch']}-open."
            )
        packages = self._params["driver_packages"] or _nvidia_packages.driver(self._params["driver_branch"])
        return [*packages, f"linux-headers-{os.uname().release}"]

    def _repositories(self, distribution: Distribution, missing: list[str], driver: list[str]) -> dict[str, Any]:
        params = self._params
        result: dict[str, Any] = {"apt_sources": [], "yum_file": {}, "actions": []}
        if distribution.manager == "dnf":
            wanted = params["yum_repository"] or _nvidia_packages.OFFICIAL_YUM
            yum = _yum_source.YumSource("nvidia-container-toolkit", "NVIDIA Container Toolkit", wanted)
            if yum.needed(installing=bool(missing)):
                result["yum_file"] = {"path": str(yum.path), "text": yum.text}
                result["actions"].append(f"use the package repository {yum}, described in {yum.path}")
            return result
        wanted = {
            "nvidia-container-toolkit": (
                given(params["apt_repository"] or _nvidia_packages.OFFICIAL_APT),
                any(name not in driver for name in missing),
            ),
        }
        if driver:
            wanted["nvidia-driver"] = (
                given(params["driver_apt_repository"] or _nvidia_packages.cuda_apt(distribution, os.uname().machine)),
                any(name in driver for name in missing),
            )
        for name, (repository, installing) in wanted.items():
            source = _apt_source.AptSource(name, repository)
            if source.needed(installing=installing):
                result["apt_sources"].append({"name": name, **repository})
                result["actions"].append(f"use the package repository {source}, described in {source.path}")
        return result

    def _checks(self, specification: CdiSpecification, found: dict[str, str]) -> list[dict[str, Any]]:
        status, out, errors = self._run(["nvidia-smi", "-L"], handle_exceptions=False) if _smi() else (1, "", "")
        working = len([line for line in out.splitlines() if line.startswith("GPU ")]) if status == 0 else 0
        expected = max(len(nvidia_gpus()), 1)
        trouble = (errors or out).strip().splitlines()[:1] or ["no nvidia-smi: no driver is installed"]
        package = _nvidia_packages.TOOLKIT
        rows = [
            row(
                "the NVIDIA driver works",
                ok=working >= expected,
                found=f"{working} of {expected} GPUs" if status == 0 else trouble[0],
                wanted=f"{expected} of {expected} GPUs",
                fix="install a driver and reboot; nvidia_container_toolkit_driver: true has this role install one",
            ),
            row(
                "NVIDIA Container Toolkit",
                ok=package in found,
                found=found.get(package, "not installed"),
                wanted=self._params["version"] or "installed",
                fix=AGAIN,
            ),
        ]
        if self._params["runtime"] == "cdi":
            devices = specification.devices()
            rows.append(
                row(
                    "GPUs are specified for containers (CDI)",
                    ok="nvidia.com/gpu=all" in devices,
                    found=", ".join(devices) or "none",
                    wanted="nvidia.com/gpu=all",
                    fix=f"{AGAIN}, once the driver works",
                )
            )
        return rows


def _smi() -> bool:
    return any(Path(folder, "nvidia-smi").is_file() for folder in ("/usr/bin", "/usr/local/bin", "/bin"))


def main() -> None:
    apt = {"type": "dict", "options": _apt_source.REPOSITORY_OPTIONS}
    module = AnsibleModule(
        argument_spec={
            "gpu": {"type": "str", "choices": ["auto", "true", "false"], "default": "auto"},
            "runtime": {"type": "str", "choices": ["cdi", "legacy"], "default": "cdi"},
            "apt_repository": apt,
            "yum_repository": {"type": "dict", "options": _yum_source.REPOSITORY_OPTIONS},
            "version": {"type": "str", "default": ""},
            "driver": {"type": "bool", "default": False},
            "driver_branch": {"type": "str", "default": "580"},
            "driver_packages": {"type": "list", "elements": "str", "default": []},
            "driver_apt_repository": apt,
            "predict": {"type": "bool", "default": False},
            "checks_only": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    try:
        result = ToolkitPlan(module).run()
    except (HostError, ValueError, OSError) as error:
        if module.params["checks_only"]:
            module.exit_json(changed=False, actions=[], checks=[impossible("NVIDIA Container Toolkit", error)])
        module.fail_json(msg=str(error))
    predict = module.check_mode and module.params["predict"]
    module.exit_json(changed=predict and bool(result["actions"]), **result)


if __name__ == "__main__":
    main()
