# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The controller half of ``survey_report``: what would be done to each host, as one thing that can be approved."""

from __future__ import annotations

import hashlib
from typing import Any, ClassVar

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.raywright.fleet.engine.plan.digest import canonical
from ansible_collections.raywright.fleet.engine.wording import listed
from ansible_collections.raywright.fleet.plugins.plugin_utils._ledger import plain
from ansible_collections.raywright.fleet.plugins.plugin_utils._marks import marks
from ansible_collections.raywright.fleet.plugins.plugin_utils._text import clean

_NAMED = 12
_display = Display()


class ActionModule(ActionBase):
    BYPASS_HOST_LOOP = True
    _requires_connection = False

    SPEC: ClassVar[dict[str, Any]] = {
        "checkpoint": {"type": "str", "required": True},
        "facts": {"type": "list", "elements": "str", "required": True},
        "hosts": {"type": "list", "elements": "str", "required": True},
        "show": {"type": "bool", "default": False},
    }

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validation, args = self.validate_argument_spec(argument_spec=self.SPEC)
        hostvars = (task_vars or {})["hostvars"]
        lost = [host for host, mark in marks(hostvars, args["hosts"]).items() if mark.lost]
        found = {host: _survey(hostvars.raw_get(host), args["facts"]) for host in args["hosts"]}
        surveys = {host: items for host, items in found.items() if items is not None and host not in lost}
        summary = _summary(surveys)
        # Hosts without anything to do are none of what is approved: that they are done cannot void it.
        approved = sorted((host, items) for host, items in surveys.items() if items)
        if args["show"]:
            _display.display(f"What checkpoint {args['checkpoint']} would do:\n{summary}")
        return {
            **result,
            "changed": False,
            "digest": hashlib.sha256(canonical([args["checkpoint"], approved])).hexdigest(),
            "empty": not any(surveys.values()),
            "lost": lost,
            "missing": [host for host, items in found.items() if items is None and host not in lost],
            "idle": [host for host, items in surveys.items() if not items],
            "surveys": surveys,
            "summary": summary,
        }


def _survey(variables: Any, facts: list[str]) -> list[str] | None:
    """Return what all facts of a host list, in their order; None where it has none of them."""
    known = [variables[fact] for fact in facts if fact in variables] if isinstance(variables, dict) else []
    return [str(item) for fact in known for item in plain(fact)] if known else None


def _summary(surveys: dict[str, list[str]]) -> str:
    alike: dict[tuple[str, ...], list[str]] = {}
    for host, items in surveys.items():
        alike.setdefault(tuple(items), []).append(host)
    lines = []
    for items, hosts in alike.items():
        lines.append(f"{listed(hosts, most=_NAMED)}:")
        lines += [f"  - {clean(item)}" for item in items] or ["  nothing to do"]
    return "\n".join(lines)
