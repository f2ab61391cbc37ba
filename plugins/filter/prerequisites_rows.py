# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The table of the prerequisites of one host, put together from what it and the others found."""

from __future__ import annotations

DOCUMENTATION = r"""
name: prerequisites_rows
short_description: The prerequisites of a host as rows of a table
version_added: 0.1.0
author: raywright.fleet contributors (@raywright)
description:
  - Adds to the rows of M(raywright.fleet.prerequisites) what only shows between hosts, the reachability of ports,
    the clocks, and whether Python, kernel and architecture agree with a host of reference.
positional: _input
options:
  _input:
    description: The result of M(raywright.fleet.prerequisites) for this host.
    type: dict
    required: true
  reach:
    description: Result of M(raywright.fleet.port_probe) with C(state=connecting); empty if nothing was tried.
    type: dict
    default: {}
  peers:
    description: The peers that it was given.
    type: list
    elements: dict
    default: []
  reference:
    description: Result of M(raywright.fleet.prerequisites) for the host to compare with; empty for that host itself.
    type: dict
    default: {}
  reference_name:
    description: Name of the host to compare with.
    type: str
    default: ""
  clock_offset:
    description: Most seconds that clocks may differ.
    type: float
    default: 2
"""

EXAMPLES = r"""
- name: Say what was found
  ansible.builtin.set_fact:
    prerequisites_checks: "{{ host | raywright.fleet.prerequisites_rows(reach=reached, peers=peers) }}"
"""

RETURN = r"""
_value:
  description: Rows with C(checkpoint), C(check), C(ok), C(severity), C(found), C(wanted) and C(fix).
  type: list
  elements: dict
"""

from typing import TYPE_CHECKING, Any

from ansible_collections.raywright.fleet.plugins.plugin_utils._prerequisites_rows import prerequisites_rows

if TYPE_CHECKING:
    from collections.abc import Callable


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"prerequisites_rows": prerequisites_rows}
