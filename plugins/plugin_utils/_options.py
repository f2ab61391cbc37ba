# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Private to this collection: options as people give them on a command line."""

from __future__ import annotations

from typing import Any

import yaml
from ansible_collections.raywright.fleet.engine.errors import InvalidInput


def listed_option(value: Any) -> Any:
    """Read what ``-e name='["10%", "100%"]'`` sets, which is a text."""
    if not isinstance(value, str) or not value.lstrip().startswith("["):
        return value
    try:
        return yaml.safe_load(value)
    except yaml.YAMLError as exc:
        raise InvalidInput(f"{value!r} looks like a list but is none: {exc}") from exc
