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
  roles:
    description:
      - Roles of this collection whose options are known as well. A name that begins like those of one of them, but is
        none of its options, is an error. Of one that is an option but for that beginning, a warning is shown.
    type: list
    elements: str
    default: []
  strict:
    description:
      - Whether every unknown name is an error. V(false) leaves those alone that neither resemble a known name nor begin
        with O(reserved), for they may be the user's own.
    type: bool
    default: true
  names:
    description:
      - Names to look at besides those that were given with C(-e), such as those of an inventory's variables.
    type: list
    elements: str
    default: []
  reserved:
    description: Beginnings of names that are never the user's own.
    type: list
    elements: str
    default: []
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
from pathlib import Path
from typing import Any

from ansible.plugins.lookup import LookupBase
from ansible.utils.display import Display
from ansible.utils.vars import load_extra_vars

_display = Display()

_NOT_OURS = ("awx_", "tower_", "ansible_")
_WORDS = "_raw_params"
"""Where Ansible puts words of an -e option that have no name."""


_ROLES = Path(__file__).parents[2] / "roles"
_CLOSE = 0.8
_SHOWN = 12


class LookupModule(LookupBase):
    def run(self, terms: list[Any], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[str]:
        self.set_options(var_options=variables, direct=kwargs)
        prefix = str(self.get_option("prefix"))
        known = [str(name) for term in terms for name in (term if isinstance(term, list) else [term])]
        given = dict.fromkeys(self.get_option("names")) | load_extra_vars(self._loader)
        extra = [
            (name, value)
            for name, value in given.items()
            if name not in known and (name.startswith(prefix) or name == _WORDS) and not name.startswith(_NOT_OURS)
        ]
        if not extra:
            return []
        of_roles = self._of_roles(self.get_option("roles"))
        begins = tuple([f"{role}_" for role in self.get_option("roles")] + list(self.get_option("reserved")))
        for name, _value in extra:
            self._warn(name, of_roles)
        strict = self.get_option("strict")
        return [
            _sentence(name, value, known, of_roles)
            for name, value in extra
            if name not in of_roles and (strict or name == _WORDS or _is_meant(name, known, of_roles, begins))
        ]

    def _warn(self, name: str, of_roles: list[str]) -> None:
        """Whoever leaves out the prefix means an option, or a variable of their own: that is for them to say."""
        for role in self.get_option("roles"):
            if f"{role}_{name}" in of_roles:
                _display.warning(
                    f"{name} is no option, and is used as a variable of your own; the option is {role}_{name}."
                )

    def _of_roles(self, roles: list[str]) -> list[str]:
        """Return the names of all options that the roles' specifications list."""
        names = []
        for role in roles:
            specification = self._loader.load_from_file(str(_ROLES / role / "meta" / "argument_specs.yml"))
            for entry in specification["argument_specs"].values():
                names += [str(option) for option in entry.get("options", {})]
        return names


def _is_meant(name: str, known: list[str], of_roles: list[str], begins: tuple[str, ...]) -> bool:
    """Whether a name is a mistyped one of ours rather than the user's own."""
    return name.startswith(begins) or bool(get_close_matches(name, known + of_roles, n=1, cutoff=_CLOSE))


def _sentence(name: str, value: Any, known: list[str], of_roles: list[str]) -> str:
    if name == _WORDS:
        return (
            f"The words '{value}' belong to no option; a value of several words needs quotes inside: -e \"name='...'\"."
        )
    close = get_close_matches(name, known, n=1) or get_close_matches(name, of_roles, n=1)
    meant = f"did you mean {close[0]}?" if close else f"there are {', '.join((known or of_roles)[:_SHOWN])}."
    return f"There is no option {name}; {meant}"
