# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: failures
short_description: The devices that a rollout failed on
version_added: 0.1.0
author:
  - raywright.fleet contributors (@raywright)
description:
  - Returns the names of a run's devices that ended in one of some outcomes, in the order of its plan.
  - It reads the ledger and changes nothing.
options:
  _terms:
    description: The run, by its id or its name.
    required: true
  outcomes:
    description: Which outcomes count.
    type: list
    elements: str
    choices: [pending, unchanged, changed, failed, rejected, unreachable, unknown, held_back, rolled_back]
    default: [failed, rejected, unreachable, unknown, held_back]
  ledger_url:
    description:
      - The ledger, as in M(raywright.fleet.run).
    type: str
    env:
      - name: RAYWRIGHT_LEDGER_URL
"""

EXAMPLES = r"""
- name: Roll out to those that could not be reached
  hosts: "{{ lookup('raywright.fleet.leader', 'all') }}"
  gather_facts: false
  roles:
    - role: raywright.fleet.network_rollout
      network_rollout_hosts: "{{ query('raywright.fleet.failures', 'r-abcdefghij', outcomes=['unreachable']) }}"
"""

RETURN = r"""
_raw:
  description: Inventory names.
  type: list
  elements: str
"""

from typing import Any

import yaml
from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible_collections.raywright.fleet.plugins.plugin_utils._ledger import find_run, has_ledger, opened


class LookupModule(LookupBase):
    def run(self, terms: list[Any], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[str]:
        outcomes = kwargs.get("outcomes")
        if isinstance(outcomes, str) and outcomes.startswith("["):
            # What -e outcomes='["unreachable"]' sets is a text.
            kwargs["outcomes"] = yaml.safe_load(outcomes)
        self.set_options(var_options=variables, direct=kwargs)
        url = self.get_option("ledger_url")
        if len(terms) != 1:
            raise AnsibleLookupError("failures: name one run, by its id or its name.")
        if not has_ledger(url):
            raise AnsibleLookupError(f"failures: there is no ledger here, and so no run {terms[0]}.")
        with opened(url, read_only=True, keyless=True) as ledger:
            found = find_run(ledger, str(terms[0]))
            return [target.name for target in ledger.targets(found.id, outcomes=self.get_option("outcomes"))]
