# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: leader
short_description: The one host on which a play for a whole fleet runs
version_added: 0.1.0
author:
  - raywright.fleet contributors (@raywright)
description:
  - A play over 10,000 hosts costs Ansible seconds for every task, even for tasks that run once.
  - A play on the first of them costs nothing, still sees that host's variables, and still holds C(--limit).
  - Returns the first host that a pattern selects within C(--limit), as a pattern that selects it alone.
options:
  _terms:
    description: Host patterns, as in C(hosts); lists of them as well.
    required: true
"""

EXAMPLES = r"""
- name: Roll configuration out
  hosts: "{{ lookup('raywright.fleet.leader', 'routers') }}"
  gather_facts: false
  roles:
    - role: raywright.fleet.network_rollout
      network_rollout_hosts: routers
"""

RETURN = r"""
_raw:
  description: The host's name, with a comma where the name alone would be taken for several patterns.
  type: list
  elements: str
"""

from typing import Any

from ansible import context
from ansible.errors import AnsibleLookupError
from ansible.inventory.manager import split_host_pattern
from ansible.plugins.lookup import LookupBase
from ansible_collections.raywright.fleet.plugins.plugin_utils._patterns import matching


class LookupModule(LookupBase):
    def run(self, terms: list[Any], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[str]:
        self.set_options(var_options=variables, direct=kwargs)
        known = variables or {}
        limit = known.get("ansible_limit")
        pattern = ",".join(str(each) for term in terms for each in (term if isinstance(term, list) else [term]))
        found = matching(self._loader, known["groups"], pattern, limit=limit)
        if not found and context.CLIARGS.get("syntax"):
            # A playbook's form can be checked without the inventory that it will run on.
            return terms
        if not found:
            within = f" within --limit {limit}" if limit else ""
            raise AnsibleLookupError(
                f"The pattern '{pattern}' matches no host{within}; check it against the inventory "
                "(ansible-inventory --graph)."
            )
        # A name with a space is several patterns, but where a comma divides them.
        return [name if split_host_pattern(name) == [name] else f"{name}," for name in found[:1]]
