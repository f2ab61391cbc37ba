# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The CDI specification of a host's NVIDIA GPUs."""

from __future__ import annotations

DOCUMENTATION = r"""
module: nvidia_cdi
short_description: Have the NVIDIA GPUs of a host specified for containers
version_added: 0.1.0
author: raywright.fleet contributors (@raywright)
description:
  - Makes sure that there is a specification of the GPUs for the Container Device Interface (CDI), and that it follows the
    driver. A toolkit of 1.18 or later does that with its unit C(nvidia-cdi-refresh); for an older one the module writes
    C(/etc/cdi/nvidia.yaml) whenever it differs from what the tool says.
  - Without a driver there is nothing to specify, and the module does nothing.
requirements:
  - NVIDIA Container Toolkit
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without touching the host.
    support: full
  diff_mode:
    description: Returns no difference; the specification is the tool's.
    support: none
  idempotence:
    description: When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
    support: full
"""

EXAMPLES = r"""
- name: Let containers have the GPUs
  raywright.fleet.nvidia_cdi:
"""

RETURN = r"""
actions:
  description: What was done, or would be done in check mode; one sentence each.
  returned: success
  type: list
  elements: str
devices:
  description: The names by which containers ask for GPUs.
  returned: success
  type: list
  elements: str
  sample: ["nvidia.com/gpu=0", "nvidia.com/gpu=all"]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.raywright.fleet.plugins.module_utils._host import HostError
from ansible_collections.raywright.fleet.plugins.module_utils._nvidia_cdi import CdiSpecification


def main() -> None:
    module = AnsibleModule(argument_spec={}, supports_check_mode=True)
    try:
        specification = CdiSpecification(module.run_command)
        if not specification.installed:
            module.fail_json(msg="nvidia-ctk is not on this host: install the NVIDIA Container Toolkit first.")
        actions = specification.actions()
        if actions and not module.check_mode:
            specification.apply()
        devices = specification.devices()
    except (HostError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=bool(actions), actions=actions, devices=devices)


if __name__ == "__main__":
    main()
