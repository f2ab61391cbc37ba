# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loads the callback raywright.fleet.progress by itself for the playbooks of this collection."""

from __future__ import annotations

from ansible_collections.raywright.fleet.plugins.callback import progress

# Ansible takes the options from the documentation of the file that it loads.
DOCUMENTATION = progress.DOCUMENTATION


class CallbackModule(progress.CallbackModule):
    CALLBACK_NEEDS_ENABLED = False
