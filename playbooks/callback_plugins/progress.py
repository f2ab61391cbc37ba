# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loads the callback raywright.fleet.progress by itself for the playbooks of this collection."""

from __future__ import annotations

# Ansible takes the options from the documentation of the file that it loads.
from ansible_collections.raywright.fleet.plugins.callback.progress import (
    DOCUMENTATION as DOCUMENTATION,  # noqa: PLC0414
)
from ansible_collections.raywright.fleet.plugins.callback.progress import (
    CallbackModule as Progress,
)


class CallbackModule(Progress):
    CALLBACK_NEEDS_ENABLED = False
