# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all unit tests share, and the checkout under the name by which its plugins import each other."""

import tempfile
from pathlib import Path

import ansible_collections
from hypothesis import settings

# A busy machine is slow, and that is no failure: no example has a deadline.
settings.register_profile("raywright", deadline=None)
settings.load_profile("raywright")

_ROOT = Path(__file__).parents[2]
_FOLDER = tempfile.TemporaryDirectory(prefix="raywright-collections-")

(Path(_FOLDER.name) / "raywright").mkdir()
(Path(_FOLDER.name) / "raywright" / "fleet").symlink_to(_ROOT)
ansible_collections.__path__ = [*ansible_collections.__path__, _FOLDER.name]
