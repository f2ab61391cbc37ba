# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checkout under the name by which its plugins import each other."""

import tempfile
from pathlib import Path

import ansible_collections

_ROOT = Path(__file__).parents[3]
_FOLDER = tempfile.TemporaryDirectory(prefix="raywright-collections-")

(Path(_FOLDER.name) / "raywright").mkdir()
(Path(_FOLDER.name) / "raywright" / "fleet").symlink_to(_ROOT)
ansible_collections.__path__ = [*ansible_collections.__path__, _FOLDER.name]
