# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which driver serves which ``ansible_network_os``, and over which ``ansible_connection``."""

import importlib
from functools import cache
from typing import cast

from ..errors import InvalidInput
from .base import Driver

_MODULES = ("frr", "embedded", "netconf")

_PORTS = {"netconf": 830}


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


def platform(network_os: str, connection: str) -> str:
    """Name what a device is spoken to by: NETCONF is asked for by the connection, whatever the system is."""
    return "netconf" if connection.rpartition(".")[2] == "netconf" else network_os


def port(network_os: str) -> int:
    """The port on which a platform listens unless something else is said."""
    return _PORTS.get(network_os.rpartition(".")[2], 22)
