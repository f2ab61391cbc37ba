# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The controller half of ``prerequisites``: it measures the host's clock through the call of the module."""

from __future__ import annotations

import time
from typing import Any

from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        began = time.time()
        result.update(self._execute_module(task_vars=task_vars))
        ended = time.time()
        clock = result.pop("clock", None)
        if clock:
            # The module began after us and ended before us, by the true time: that bounds the offset on both sides.
            result["offset"] = [round(clock["ended"] - ended, 3), round(clock["began"] - began, 3)]
        return result
