# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""When each task began and ended on each host, a JSON line each, for ``benchmarks/deployment.py``."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible.plugins.callback import CallbackBase
from ansible.plugins.loader import action_loader

if TYPE_CHECKING:
    from ansible.executor.stats import AggregateStats
    from ansible.executor.task_result import CallbackTaskResult
    from ansible.playbook import Playbook
    from ansible.playbook.play import Play
    from ansible.playbook.task import Task

DOCUMENTATION = r"""
name: task_times
type: aggregate
short_description: When each task began and ended on each host
description:
  - Appends to the file that E(TASK_TIMES) names.
author:
  - raywright.fleet contributors (@raywright)
"""

_GLUE = {"assert", "debug", "fail", "meta", "set_fact", "set_stats", "validate_argument_spec"}
_INCLUDES = ("include_", "import_")


def _kind(task: Task) -> str:
    """``glue`` is Ansible's own bookkeeping, ``controller`` does its work without a module, ``module`` is all else."""
    name = task.action.rpartition(".")[2]
    if name in _GLUE or name.startswith(_INCLUDES):
        return "glue"
    plugin = action_loader.get(task.action, class_only=True, collection_list=task.collections)
    return "module" if plugin is None or getattr(plugin, "_requires_connection", True) else "controller"


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "task_times"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._file = Path(os.environ["TASK_TIMES"]).open("a", encoding="utf-8")  # noqa: SIM115 - open as long as the play

    def _write(self, event: str, **fields: Any) -> None:
        self._file.write(json.dumps({"time": time.monotonic(), "event": event, **fields}) + "\n")
        self._file.flush()

    def v2_playbook_on_start(self, playbook: Playbook) -> None:  # noqa: ARG002 - Ansible's signature
        self._write("start")

    def v2_playbook_on_play_start(self, play: Play) -> None:
        self._write("play", name=play.get_name(), part=play.vars.get("deploy_checkpoint") or play.get_name())

    def v2_playbook_on_task_start(self, task: Task, is_conditional: bool) -> None:  # noqa: ARG002, FBT001 - Ansible's signature
        self._write("task", name=task.get_name(), action=task.action, kind=_kind(task), path=task.get_path())

    def v2_playbook_on_handler_task_start(self, task: Task) -> None:
        self.v2_playbook_on_task_start(task, is_conditional=False)

    def _item(self, result: CallbackTaskResult) -> None:
        self._write("item", host=result.host.get_name())

    def _end(self, result: CallbackTaskResult, how: str) -> None:
        delegated = (result.result.get("_ansible_delegated_vars") or {}).get("ansible_delegated_host")
        local = delegated in ("localhost", "127.0.0.1") or (not delegated and result.host.get_name() == "localhost")
        self._write("end", host=result.host.get_name(), how=how, local=local)

    v2_runner_item_on_ok = v2_runner_item_on_failed = _item

    def v2_runner_on_ok(self, result: CallbackTaskResult) -> None:
        self._end(result, "ok")

    def v2_runner_on_failed(self, result: CallbackTaskResult, ignore_errors: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002
        self._end(result, "failed")

    def v2_runner_on_skipped(self, result: CallbackTaskResult) -> None:
        self._end(result, "skipped")

    def v2_runner_on_unreachable(self, result: CallbackTaskResult) -> None:
        self._end(result, "unreachable")

    def v2_playbook_on_stats(self, stats: AggregateStats) -> None:
        self._write("stats", hosts={host: stats.summarize(host) for host in sorted(stats.processed)})
        self._file.close()
