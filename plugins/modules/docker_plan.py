# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the role docker would do to a host, and whether Docker is as it should be."""

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_plan
short_description: Compare a host's Docker Engine with the wanted one
version_added: 0.1.0
author: raywright.fleet contributors (@raywright)
description:
  - Reads only. Tells all that the role P(raywright.fleet.docker#role) would do to the host, and the role does just that.
  - Works on a bare host.
options:
  source:
    description: Where the packages come from.
    type: str
    choices: [distribution, official, mirror]
    default: distribution
  apt_repository:
    description: The mirror, on Debian and Ubuntu. See M(raywright.fleet.apt_source).
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
    description: The mirror, in the RHEL family.
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
    description: The Engine's version as the package manager writes it, with wildcards. Empty for any.
    type: str
    default: ""
  keep_installed:
    description: Whether an Engine that came from elsewhere is kept, and only configured.
    type: bool
    default: true
  extra_packages:
    description: More packages to install with the Engine.
    type: list
    elements: str
    default: []
  options:
    description: As in M(raywright.fleet.docker_daemon).
    type: dict
    default: {}
  proxies:
    description: As in M(raywright.fleet.docker_daemon).
    type: dict
    suboptions:
      http:
        description: URL of the proxy for HTTP.
        type: str
      https:
        description: URL of the proxy for HTTPS.
        type: str
      no_proxy:
        description: Names and networks that are reached without it.
        type: str
  users:
    description: Users who shall be in the group C(docker).
    type: list
    elements: str
    default: []
  nvidia:
    description: How containers get NVIDIA GPUs, on a host that has any. See M(raywright.fleet.docker_daemon).
    type: str
    choices: [none, cdi, legacy]
    default: cdi
  gpu:
    description: Whether the host is a GPU node. V(auto) looks for an NVIDIA GPU on the PCI bus.
    type: str
    choices: [auto, 'true', 'false']
    default: auto
  predict:
    description: Whether to report, in check mode, what the role would do as a change of this task, with the difference.
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
    description: Returns C(daemon.json) before and after.
    support: full
  idempotence:
    description: When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
    support: full
"""

EXAMPLES = r"""
- name: See what the role would do
  raywright.fleet.docker_plan:
    source: official
  register: docker
"""

RETURN = r"""
actions:
  description: What the role would do, sorted; empty if there is nothing to do.
  returned: success
  type: list
  elements: str
  sample: ["install docker.io", "set live-restore to true in /etc/docker/daemon.json", "start the Docker daemon"]
checks:
  description: Whether Docker is as it should be, a row for each check.
  returned: success
  type: list
  elements: dict
package_manager:
  description: V(apt) or V(dnf).
  returned: success
  type: str
apt_source:
  description: Arguments for M(raywright.fleet.apt_source), if the repository is not described as it should be.
  returned: success
  type: dict
yum_file:
  description: C(path) and C(text) of the repository's file, if it is not as it should be.
  returned: success
  type: dict
install:
  description: Packages to install, as the package manager wants them.
  returned: success
  type: list
  elements: str
remove:
  description: Packages to remove first.
  returned: success
  type: list
  elements: str
users:
  description: Users to add to the group.
  returned: success
  type: list
  elements: str
nvidia:
  description: The value for M(raywright.fleet.docker_daemon).
  returned: success
  type: str
"""

import grp
import pwd
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.raywright.fleet.plugins.module_utils import _apt_source, _docker_packages, _yum_source
from ansible_collections.raywright.fleet.plugins.module_utils._docker_checks import checks
from ansible_collections.raywright.fleet.plugins.module_utils._docker_configuration import DockerConfiguration
from ansible_collections.raywright.fleet.plugins.module_utils._docker_options import CDI_BY_DEFAULT_SINCE
from ansible_collections.raywright.fleet.plugins.module_utils._host import (
    Distribution,
    HostError,
    given,
    has_gpu,
    impossible,
    installed,
    output,
)

SNAP = Path("/var/snap/docker")


class DockerPlan:
    """One call of the module."""

    def __init__(self, module: AnsibleModule) -> None:
        self._module = module
        self._params = module.params
        self._distribution = Distribution.here()
        self._nvidia = self._params["nvidia"] if has_gpu(self._params["gpu"]) else "none"

    def run(self) -> dict[str, Any]:
        params = self._params
        if SNAP.is_dir():
            raise HostError(
                "Docker is installed as a snap, whose daemon.json and data are elsewhere: move what you need of it, then"
                " snap remove docker."
            )
        manager = self._distribution.manager
        names = _docker_packages.wanted(params["source"], self._distribution, params["extra_packages"])
        found = installed(self._module.run_command, manager, _docker_packages.interesting(names))
        engines = [name for name in _docker_packages.ENGINES if name in found]
        configuration = DockerConfiguration(
            self._module.run_command,
            options=params["options"],
            proxies=given(params["proxies"] or {}),
            nvidia=self._nvidia,
            candidate="" if engines else self._candidate(names[0]),
        )
        if engines and not configuration.daemon.installed:
            raise HostError(
                f"This host has the package {engines[0]}, but no usable unit docker.service. If it is masked, say systemctl"
                " unmask docker.service; otherwise reinstall the package."
            )
        configuration.validate()
        packages = _docker_packages.plan(
            names,
            found=found,
            pin=params["version"],
            keep=params["keep_installed"],
            manager=manager,
            unpackaged=configuration.daemon.installed and not engines,
        )
        repository = {} if packages.kept else self._repository(installing=bool(packages.install))
        users = self._users_to_add()
        actions = [*packages.actions, *repository.pop("actions", []), *configuration.actions()]
        actions += [f"add {user} to the group docker (as good as root)" for user in users]
        if self._nvidia == "cdi" and not configuration.version:
            newest = ".".join(map(str, CDI_BY_DEFAULT_SINCE))
            actions.append(f"switch CDI on in {configuration.daemon.path}, if the Engine is older than {newest}")
        return {
            "actions": sorted(actions),
            "checks": checks(configuration, version=params["version"], installed=found, nvidia=self._nvidia),
            "package_manager": manager,
            "install": packages.install,
            "remove": packages.remove,
            "users": users,
            "nvidia": self._nvidia,
            "apt_source": repository.get("apt_source", {}),
            "yum_file": repository.get("yum_file", {}),
            "diff": configuration.diff(),
        }

    def _repository(self, *, installing: bool) -> dict[str, Any]:
        """What to do about the repository. The distribution's own is not ours to describe."""
        source = self._params["source"]
        if source == "distribution":
            return {}
        option = f"{self._distribution.manager.replace('dnf', 'yum')}_repository"
        if source == "mirror" and not self._params[option]:
            raise HostError(f"docker_source is mirror, so docker_{option} must say where it is.")
        if self._distribution.manager == "apt":
            wanted = (
                given(self._params[option]) if source == "mirror" else _docker_packages.official_apt(self._distribution)
            )
            repository: Any = _apt_source.AptSource("docker", wanted)
            arguments = {"apt_source": {"name": "docker", **wanted}}
        else:
            wanted = self._params[option] if source == "mirror" else _docker_packages.official_yum(self._distribution)
            repository = _yum_source.YumSource("docker-ce-stable", "Docker Engine", wanted)
            arguments = {"yum_file": {"path": str(repository.path), "text": repository.text}}
        if not repository.needed(installing=installing):
            return {}
        return {**arguments, "actions": [f"use the package repository {repository}, described in {repository.path}"]}

    def _candidate(self, engine: str) -> str:
        """The version that apt would install, if it knows; only used to refuse early what could not work."""
        if self._distribution.manager != "apt":
            return ""
        lines = output(self._module.run_command, "apt-cache", "show", "--no-all-versions", engine).splitlines()
        return next((line.split(" ", 1)[1] for line in lines if line.startswith("Version: ")), "")

    def _users_to_add(self) -> list[str]:
        try:
            members = set(grp.getgrnam("docker").gr_mem)
        except KeyError:
            members = set()
        wanted = set(self._params["users"])
        strangers = sorted(user for user in wanted if not _exists(user))
        if strangers:
            raise HostError(f"docker_users names {', '.join(strangers)}, and this host has no such user.")
        return sorted(wanted - members)


def _exists(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "source": {"type": "str", "choices": ["distribution", "official", "mirror"], "default": "distribution"},
            "apt_repository": {"type": "dict", "options": _apt_source.REPOSITORY_OPTIONS},
            "yum_repository": {"type": "dict", "options": _yum_source.REPOSITORY_OPTIONS},
            "version": {"type": "str", "default": ""},
            "keep_installed": {"type": "bool", "default": True},
            "extra_packages": {"type": "list", "elements": "str", "default": []},
            "options": {"type": "dict", "default": {}},
            "proxies": {
                "type": "dict",
                "options": {
                    "http": {"type": "str", "no_log": True},
                    "https": {"type": "str", "no_log": True},
                    "no_proxy": {"type": "str"},
                },
            },
            "users": {"type": "list", "elements": "str", "default": []},
            "nvidia": {"type": "str", "choices": ["none", "cdi", "legacy"], "default": "cdi"},
            "gpu": {"type": "str", "choices": ["auto", "true", "false"], "default": "auto"},
            "predict": {"type": "bool", "default": False},
            "checks_only": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    try:
        result = DockerPlan(module).run()
    except (HostError, ValueError, OSError) as error:
        if module.params["checks_only"]:
            module.exit_json(changed=False, actions=[], checks=[impossible("Docker", error)])
        module.fail_json(msg=str(error))
    predict = module.check_mode and module.params["predict"]
    if not predict:
        result.pop("diff")
    module.exit_json(changed=predict and bool(result["actions"]), **result)


if __name__ == "__main__":
    main()
