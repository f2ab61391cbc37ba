# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which driver serves which ``ansible_network_os``."""

import importlib
from functools import cache
from typing import cast

from ..errors import InvalidInput
from .base import Driver

_MODULES = ("frr", "embedded")


@cache
def _drivers() -> dict[str, Driver]:
    found: dict[str, Driver] = {}
    for name in _MODULES:
        driver = cast("Driver", importlib.import_module(f".{name}", __package__).DRIVER)
        found.update(dict.fromkeys(driver.network_os, driver))
    return found


def known() -> list[str]:
    """Values of ``ansible_network_os`` that have a driver."""
    return sorted(_drivers())


def driver(network_os: str) -> Driver:
    """Find the driver. Raises ``InvalidInput`` listing the known ones."""
    try:
        return _drivers()[network_os]
    except KeyError:
        raise InvalidInput(f"ansible_network_os {network_os!r} has no driver; known are {', '.join(known())}") from None
