# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: pending
short_description: The hosts that a checkpoint of a run still has to do
version_added: 0.1.0
author:
  - raywright.fleet contributors (@raywright)
description:
  - Returns a host pattern for the C(hosts) of a play, so that a finished checkpoint is skipped without any output.
  - The pattern is V(all:!all), which matches no host, when the checkpoint has passed or was skipped, and when its run
    is parked, stopped or otherwise not going on.
  - It reads the ledger and changes nothing. Without a ledger, or before the run has begun, everything is to do.
options:
  _terms:
    description: The checkpoint.
    required: true
  run:
    description: The run, by its id or its name.
    type: str
    required: true
  hosts:
    description: The pattern of all hosts of the checkpoint.
    type: str
    default: all
  ledger_url:
    description:
      - The ledger, as in M(raywright.fleet.run).
    type: str
    env:
      - name: RAYWRIGHT_LEDGER_URL
"""

EXAMPLES = r"""
- name: Install Docker where that is still to do
  hosts: "{{ lookup('raywright.fleet.pending', 'docker-installation', run='deploy', hosts='nodes') }}"
  tasks: []
"""

RETURN = r"""
_raw:
  description: A host pattern.
  type: list
  elements: str
"""

from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible_collections.raywright.fleet.engine.errors import LedgerError
from ansible_collections.raywright.fleet.plugins.plugin_utils._ledger import find_run, has_ledger, opened

if TYPE_CHECKING:
    from ansible_collections.raywright.fleet.engine.ledger import Ledger

_NOBODY = "all:!all"
_GOING_ON = ("planning", "planned", "running", "waiting")
_DONE = ("changed", "unchanged")


class LookupModule(LookupBase):
    def run(self, terms: list[Any], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[str]:
        self.set_options(var_options=variables, direct=kwargs)
        if len(terms) != 1:
            raise AnsibleLookupError(f"The lookup pending takes one checkpoint, not {len(terms)}.")
        hosts = str(self.get_option("hosts"))
        if not has_ledger(self.get_option("ledger_url")):
            return [hosts]
        with opened(self.get_option("ledger_url"), read_only=True, keyless=True) as ledger:
            return [_pattern(ledger, str(self.get_option("run")), str(terms[0]), hosts)]


def _pattern(ledger: Ledger, run_name: str, name: str, hosts: str) -> str:
    try:
        run = find_run(ledger, run_name)
    except LedgerError:
        return hosts
    if run.state in {"completed", "rolled_back", "abandoned"} and run.id != run_name:
        # The next run of that name has not begun.
        return hosts
    checkpoint = next((each for each in ledger.checkpoints(run.id) if each.name == name), None)
    if run.state not in _GOING_ON or (checkpoint is not None and checkpoint.state in {"passed", "skipped"}):
        return _NOBODY
    if checkpoint is None:
        return hosts
    left = [each.name for each in ledger.targets(run.id, checkpoint=name) if each.outcome not in _DONE]
    total = sum(ledger.counts(run.id).get(name, {}).values())
    # Nobody left, but not passed either: it was cut off just before its end, which must still be told.
    return ",".join(left) if 0 < len(left) < total else hosts
