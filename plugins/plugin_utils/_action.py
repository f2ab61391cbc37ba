# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Private to this collection: what the ledger's action plugins have in common."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from ansible.plugins.action import ActionBase
from ansible_collections.raywright.fleet.plugins.plugin_utils._ledger import has_ledger, opened

if TYPE_CHECKING:
    from ansible_collections.raywright.fleet.engine.ledger import Ledger


class LedgerAction(ActionBase):
    """Runs once for the whole play, on the controller, with the ledger open."""

    BYPASS_HOST_LOOP = True
    _requires_connection = False

    SPEC: ClassVar[dict[str, Any]]
    RULES: ClassVar[dict[str, Any]] = {}
    READS_ONLY: ClassVar[bool] = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validation, args = self.validate_argument_spec(
            argument_spec={**self.SPEC, "ledger_url": {"type": "str", "no_log": True}}, **self.RULES
        )
        check_mode = bool(self._task.check_mode)
        if check_mode and not has_ledger(args["ledger_url"]) and (would := self.would(args)) is not None:
            return result | would
        with opened(args["ledger_url"], read_only=check_mode or self.READS_ONLY) as ledger:
            result.update(self.act(ledger, args, task_vars or {}))
        return result

    def would(self, args: dict[str, Any]) -> dict[str, Any] | None:  # noqa: ARG002 - for those that override it
        """Return what check mode reports where the run, or the whole ledger, is yet to be made."""
        return None

    @abstractmethod
    def act(self, ledger: Ledger, args: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Do it and return the result. ``FleetError`` becomes the task's failure."""
