# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rendered configurations: their canonical text, and the directory that holds a fleet's.

The templating itself is Ansible's and lives on its side of the house (``plugins/plugin_utils``).
"""
