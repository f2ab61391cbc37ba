# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A role that installs itself by a file, without a process for it: what is tested is how roles are composed."""

from pathlib import Path

from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        host, role = task_vars["inventory_hostname"], self._task.args["role"]
        if self._task.args["fails"] in {f"{role}@{host}", f"{role}@all"}:
            return {**result, "failed": True, "msg": "broken by the test"}
        file = Path(self._task.args["state"], f"{host}.{role}")
        wanted = str(self._task.args["setting"])
        changed = not file.exists() or file.read_text() != wanted
        if changed and not self._task.check_mode:
            file.write_text(wanted)
        return {**result, "changed": changed}
