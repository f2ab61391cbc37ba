# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The controller half of ``run_report``: how far the checkpoints of a run are."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.raywright.fleet.plugins.plugin_utils import _ledger, _run_report
from ansible_collections.raywright.fleet.plugins.plugin_utils._marks import marks
from ansible_collections.raywright.fleet.plugins.plugin_utils._table import write_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_DONE = ("passed", "skipped", "checked")
_FINE = ("completed", "parked", "paused", "checked", "listed")
_display = Display()


class ActionModule(ActionBase):
    BYPASS_HOST_LOOP = True
    _requires_connection = False

    SPEC: ClassVar[dict[str, Any]] = {
        "begun": {"type": "dict"},
        "name": {"type": "str"},
        "checkpoints": {"type": "list", "elements": "str", "default": []},
        "hosts": {"type": "list", "elements": "str", "default": []},
        "checks": {"type": "dict"},
        "path": {"type": "path"},
        "show": {"type": "str", "choices": ["nothing", "text", "json"], "default": "text"},
        "ledger_url": {"type": "str", "no_log": True},
    }

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validation, args = self.validate_argument_spec(
            argument_spec=self.SPEC, required_one_of=[("begun", "name")], mutually_exclusive=[("begun", "name")]
        )
        marked = marks((task_vars or {})["hostvars"], args["hosts"])
        report = _of_begun(args, marked) if args["begun"] else _of_name(args)
        asked = args["begun"]["selected"] if args["begun"] else args["checkpoints"]
        report |= _judged(report, asked, lost=any(mark.lost for mark in marked.values()))
        if args["checks"]:
            report["checks"] = _ledger.plain(args["checks"])
        if args["path"]:
            write_json(args["path"], report)
        if args["show"] == "text":
            tail = f"\n  report: {args['path']}" if args["path"] else ""
            _display.display(_run_report.text(report) + tail)
        elif args["show"] == "json":
            _display.display(json.dumps(report))
        told = {key: report[key] for key in ("run", "name", "state", "ok")}
        stats = {"data": {"raywright_run": told}, "per_host": False, "aggregate": False}
        return {**result, "changed": False, "report": report, "ansible_stats": stats}


def _judged(report: Mapping[str, Any], asked: Sequence[str], *, lost: bool) -> dict[str, Any]:
    """Return whether all that was asked for is done, and whether something went wrong: what is parked is neither."""
    states = {row["name"]: row["state"] for row in report["checkpoints"]}
    left = [name for name in asked if states.get(name) not in _DONE]
    # A playbook that has come to its end leaves no checkpoint running, unless that was cut off; a list only looks.
    cut_off = report["state"] != "listed" and "running" in states.values()
    failed = lost or cut_off or report["state"] not in _FINE
    return {"left": left, "failed": failed, "ok": not failed and not left}


def _of_begun(args: dict[str, Any], marked: Any) -> dict[str, Any]:
    begun = _ledger.plain(args["begun"])
    seconds = (datetime.now(UTC) - datetime.fromisoformat(begun["began"])).total_seconds()
    if not begun["recorded"]:
        rows = _run_report.predicted(begun["selected"], marked)
        return {"run": None, "name": "Check", "state": "checked", "seconds": seconds, "checkpoints": rows}
    with _ledger.opened(args["ledger_url"], read_only=True, keyless=True) as ledger:
        run = ledger.run(begun["run"]["id"])
        rows = _run_report.of_run(ledger, run)
    return {
        "run": run.id,
        "name": run.name,
        "state": run.state,
        "requester": run.requester,
        "seconds": seconds,
        "checkpoints": rows,
    }


def _of_name(args: dict[str, Any]) -> dict[str, Any]:
    name, checkpoints = args["name"], args["checkpoints"]
    nothing = {"run": None, "name": f"Checkpoints of {name}", "state": "listed"}
    if not _ledger.has_ledger(args["ledger_url"]):
        return {**nothing, "checkpoints": _run_report.unknown(checkpoints)}
    with _ledger.opened(args["ledger_url"], read_only=True, keyless=True) as ledger:
        return {**nothing, "checkpoints": _run_report.newest(ledger, name, checkpoints)}
