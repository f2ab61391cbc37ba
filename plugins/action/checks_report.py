# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The controller half of ``checks_report``: what many hosts' checks found, as one table."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.raywright.fleet.engine.wording import listed
from ansible_collections.raywright.fleet.plugins.plugin_utils._ledger import plain
from ansible_collections.raywright.fleet.plugins.plugin_utils._marks import marks
from ansible_collections.raywright.fleet.plugins.plugin_utils._table import table, write_json

_FIELDS = ("checkpoint", "check", "severity", "found", "wanted", "fix")
_NAMED = 6
_display = Display()

Row = dict[str, Any]


class ActionModule(ActionBase):
    BYPASS_HOST_LOOP = True
    _requires_connection = False

    SPEC: ClassVar[dict[str, Any]] = {
        "facts": {"type": "list", "elements": "str", "required": True},
        "hosts": {"type": "list", "elements": "str", "required": True},
        "checkpoints": {"type": "list", "elements": "str", "default": []},
        "path": {"type": "path"},
        "show": {"type": "str", "choices": ["nothing", "text", "json"], "default": "text"},
        "fail": {"type": "bool", "default": True},
    }

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validation, args = self.validate_argument_spec(argument_spec=self.SPEC)
        rows = _rows((task_vars or {})["hostvars"], args)
        report = _report(rows, args["hosts"])
        if args["path"]:
            write_json(args["path"], report)
        if args["show"] == "text":
            _display.display(_text(report, args["path"]))
        elif args["show"] == "json":
            _display.display(json.dumps(report))
        if args["fail"] and not report["ok"]:
            failed = [row for row in rows if _is_error(row)]
            named = listed([f"{row['host']}: {row['check']}" for row in failed], most=_NAMED, between="; ")
            raise AnsibleActionFail(f"{len(failed)} checks failed: {named}. The table above has the fixes.")
        told = {key: report[key] for key in ("ok", "checks", "errors", "warnings")}
        stats = {"data": {"raywright_checks": told}, "per_host": False, "aggregate": False}
        return {**result, "changed": False, "report": report, "ansible_stats": stats}


def _rows(hostvars: Any, args: dict[str, Any]) -> list[Row]:
    """Every row of every host, in the order of the facts; a host that was lost is a row as well."""
    rows: list[Row] = []
    marked = marks(hostvars, args["hosts"])
    for host in args["hosts"]:
        variables = hostvars.raw_get(host)
        for fact in args["facts"]:
            found = variables.get(fact, []) if isinstance(variables, dict) else []
            rows += [_row(host, fact, each) for each in plain(found)]
        if marked[host].lost:
            rows.append(_lost(host, marked[host].task, marked[host].reason, args["checkpoints"]))
    wanted = set(args["checkpoints"])
    return [row for row in rows if not wanted or row["checkpoint"] in wanted]


def _row(host: str, fact: str, row: Any) -> Row:
    if not isinstance(row, dict) or not isinstance(row.get("ok"), bool) or "check" not in row:
        raise AnsibleActionFail(f"The fact {fact} of {host} holds what is no check: it needs at least check and ok.")
    filled = {key: str(row.get(key) or "") for key in _FIELDS}
    return {"host": host, "ok": row["ok"], **filled, "severity": row.get("severity") or "error"}


def _lost(host: str, task: str, reason: str, checkpoints: list[str]) -> Row:
    return {
        "host": host,
        "ok": False,
        "checkpoint": checkpoints[0] if len(checkpoints) == 1 else "",
        "check": "The checks could be made",
        "severity": "error",
        "found": f"{task}: {reason}" if task else reason,
        "wanted": "no error",
        "fix": "",
    }


def _is_error(row: Row) -> bool:
    return not row["ok"] and row["severity"] == "error"


def _report(rows: list[Row], hosts: list[str]) -> dict[str, Any]:
    by_checkpoint: dict[str, list[Row]] = {}
    for row in rows:
        by_checkpoint.setdefault(row["checkpoint"], []).append(row)
    errors = [row for row in rows if _is_error(row)]
    return {
        "ok": not errors and bool(rows),
        "hosts": list(hosts),
        "checks": len(rows),
        "errors": len(errors),
        "warnings": sum(not row["ok"] for row in rows) - len(errors),
        "checkpoints": {
            name: {"ok": not any(map(_is_error, of)), "checks": len(of), "errors": sum(map(_is_error, of))}
            for name, of in by_checkpoint.items()
        },
        "failed_hosts": {
            host: "; ".join(row["check"] for row in errors if row["host"] == host)
            for host in hosts
            if any(row["host"] == host for row in errors)
        },
        "rows": rows,
    }


def _text(report: dict[str, Any], path: str | None) -> str:
    counted = f"{report['checks']} checks on {len(report['hosts'])} hosts"
    tail = [f"  report: {path}"] if path else []
    if not report["checks"]:
        return "\n".join([f"No checks were made on {len(report['hosts'])} hosts.", *tail])
    failed = [row for row in report["rows"] if not row["ok"]]
    if not failed:
        return "\n".join([f"{counted}: all is well", *tail])
    groups: dict[tuple[str, ...], list[str]] = {}
    for row in sorted(failed, key=lambda row: not _is_error(row)):
        groups.setdefault(tuple(row[key] for key in _FIELDS), []).append(row["host"])
    lines = [f"{counted}: {report['errors']} errors, {report['warnings']} warnings"]
    shown = [
        (severity.upper(), listed(hosts, most=_NAMED), check, found, wanted, fix)
        for (_checkpoint, check, severity, found, wanted, fix), hosts in groups.items()
    ]
    return "\n".join([*lines, *table(("", "HOSTS", "CHECK", "FOUND", "WANTED", "FIX"), shown), *tail])
