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
    description: The run, by its id or its name. Either this or O(begun) is required.
    type: str
  begun:
    description:
      - The result of M(raywright.fleet.run) with C(state=begin) in an earlier play of this playbook, instead of O(run).
      - Then nobody is to do anything before the run has begun, or for a checkpoint that is not selected; and a host
        that an earlier play of this playbook has marked as lost is left out, see M(raywright.fleet.checkpoint).
      - An empty one means that the run has not begun. Where C(--limit) is the reason, because it leaves out the host on
        which the run begins, that is an error.
    type: dict
  hosts:
    description: The pattern of all hosts of the checkpoint.
    type: str
    default: all
  running:
    description:
      - Whether the checkpoint must have begun, for a play behind its begin. When its gate stayed closed, nobody is to
        do anything then. Ignored in check mode.
    type: bool
    default: false
  narrow:
    description:
      - Whether hosts that are done, or lost, are left out. V(false) is for a play on the controller, which is to run as
        long as the checkpoint is not finished.
    type: bool
    default: true
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

from ansible import context
from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible_collections.raywright.fleet.engine.errors import LedgerError
from ansible_collections.raywright.fleet.plugins.plugin_utils._ledger import find_run, has_ledger, opened
from ansible_collections.raywright.fleet.plugins.plugin_utils._marks import marks
from ansible_collections.raywright.fleet.plugins.plugin_utils._patterns import matching

if TYPE_CHECKING:
    from ansible_collections.raywright.fleet.engine.ledger import Ledger, Run

_NOBODY = "all:!all"
_GOING_ON = ("planning", "planned", "running", "waiting")
_FINISHED = ("completed", "rolled_back", "abandoned")
_DONE = ("changed", "unchanged")


class LookupModule(LookupBase):
    def run(self, terms: list[Any], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[str]:
        self.set_options(var_options=variables, direct=kwargs)
        if len(terms) != 1:
            raise AnsibleLookupError(f"The lookup pending takes one checkpoint, not {len(terms)}.")
        known = variables or {}
        name, begun = str(terms[0]), self.get_option("begun")
        hosts = str(self.get_option("hosts")) or _NOBODY
        if begun is None:
            return [self._of_run(name, hosts, self.get_option("run"), known)]
        if not begun and (context.CLIARGS.get("listhosts") or context.CLIARGS.get("syntax")):
            return [hosts]
        if not begun:
            _must_not_be_limited_away(known)
            return [_NOBODY]
        if name not in begun["selected"]:
            return [_NOBODY]
        lost = {host for host, mark in marks(known["hostvars"], self._matching(hosts, known)).items() if mark.lost}
        if not begun["run"]:
            return [self._without(hosts, lost, known)]
        run_id = str(begun["run"]["id"])
        return [self._of_run(name, hosts, run_id, known, lost=lost, recorded=bool(begun["recorded"]))]

    def _of_run(
        self,
        name: str,
        hosts: str,
        run: str | None,
        known: dict[str, Any],
        *,
        lost: set[str] | None = None,
        recorded: bool = True,
    ) -> str:
        if not run:
            raise AnsibleLookupError("The lookup pending needs the run: run=NAME, or begun=RESULT of its begin.")
        if not has_ledger(self.get_option("ledger_url")):
            return hosts
        with opened(self.get_option("ledger_url"), read_only=True, keyless=True) as ledger:
            try:
                found = find_run(ledger, str(run))
            except LedgerError:
                return hosts
            if found.state in _FINISHED and found.id != run:
                # The next run of that name has not begun.
                return hosts
            if _is_over(ledger, found, name, recorded=recorded):
                return _NOBODY
            if recorded and self.get_option("running") and not _is_running(ledger, found, name):
                return _NOBODY
            done = {each.name for each in ledger.targets(found.id, checkpoint=name) if each.outcome in _DONE}
        return self._without(hosts, done | (lost or set()), known)

    def _without(self, hosts: str, done: set[str], known: dict[str, Any]) -> str:
        if not done or not self.get_option("narrow"):
            return hosts
        names = self._matching(hosts, known)
        left = [name for name in names if name not in done]
        if not left and self.get_option("begun") is None:
            # Nobody left, but not passed either: it was cut off just before its end, which must still be told.
            return hosts
        return hosts if len(left) == len(names) else ",".join(left) or _NOBODY

    def _matching(self, hosts: str, known: dict[str, Any]) -> list[str]:
        return matching(self._loader, known["groups"], hosts)


def _is_over(ledger: Ledger, run: Run, name: str, *, recorded: bool) -> bool:
    """Whether nothing of the checkpoint is to be done now.

    In check mode, ``recorded`` false, an unfinished run is as if it had been resumed.
    """
    if run.state in _FINISHED or (recorded and run.state not in _GOING_ON):
        return True
    checkpoint = next((each for each in ledger.checkpoints(run.id) if each.name == name), None)
    return checkpoint is not None and checkpoint.state in {"passed", "skipped"}


def _is_running(ledger: Ledger, run: Run, name: str) -> bool:
    return any(each.name == name and each.state == "running" for each in ledger.checkpoints(run.id))


def _must_not_be_limited_away(known: dict[str, Any]) -> None:
    limit = known.get("ansible_limit")
    if limit:
        raise AnsibleLookupError(
            f"The run has not begun, for --limit {limit} leaves out localhost, where it is recorded. Add it: "
            f"--limit '{limit},localhost'. Nothing was done."
        )
