# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: unknown_extra_vars
short_description: What was given with -e and nobody reads
version_added: 0.1.0
author:
  - raywright.fleet contributors (@raywright)
description:
  - Ansible accepts any variable with C(-e), so a mistyped option silently does nothing.
  - Returns a sentence for each extra variable that is not among the known names, with the name that was probably meant.
  - Variables that a job runner adds (C(awx_*), C(tower_*)) and Ansible's own (C(ansible_*)) are left alone.
options:
  _terms:
    description: Names that are known.
    required: true
  prefix:
    description: Look only at variables whose name begins so.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Refuse mistyped options
  ansible.builtin.assert:
    that: unknown | length == 0
    fail_msg: "{{ unknown | join(' ') }}"
  vars:
    unknown: "{{ query('raywright.fleet.unknown_extra_vars', 'approval', 'digest', 'reason') }}"
"""

RETURN = r"""
_raw:
  description: Sentences, none when everything is known.
  type: list
  elements: str
"""

from difflib import get_close_matches
from typing import Any

from ansible.plugins.lookup import LookupBase
from ansible.utils.vars import load_extra_vars

_NOT_OURS = ("awx_", "tower_", "ansible_")
_WORDS = "_raw_params"
"""Where Ansible puts words of an -e option that have no name."""


class LookupModule(LookupBase):
    def run(self, terms: list[Any], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[str]:
        self.set_options(var_options=variables, direct=kwargs)
        prefix = str(self.get_option("prefix"))
        known = [str(name) for term in terms for name in (term if isinstance(term, list) else [term])]
        return [
            _sentence(name, value, known)
            for name, value in load_extra_vars(self._loader).items()
            if name not in known and (name.startswith(prefix) or name == _WORDS) and not name.startswith(_NOT_OURS)
        ]


def _sentence(name: str, value: Any, known: list[str]) -> str:
    if name == _WORDS:
        return (
            f"The words '{value}' belong to no option; a value of several words needs quotes inside: -e \"name='...'\"."
        )
    close = get_close_matches(name, known, n=1)
    meant = f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}."
    return f"There is no option {name}; {meant}"
