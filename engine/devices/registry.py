# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which driver serves which ``ansible_network_os``, and over which ``ansible_connection``."""

import importlib
import os
from collections.abc import Iterator
from functools import cache
from types import ModuleType
from typing import cast

from ..errors import InvalidInput
from .base import Driver

_MODULES = ("frr", "embedded", "netconf", "cli")

_OWN_VARIABLE = "RAYWRIGHT_DRIVERS"
"""Modules with a driver of one's own, by commas; they must be importable wherever workers run."""

_PORTS = {"netconf": 830}


@cache
def _drivers() -> dict[str, Driver]:
    found: dict[str, Driver] = {}
    modules = [importlib.import_module(f".{name}", __package__) for name in _MODULES]
    for module in (*modules, *_own()):
        for driver in cast("tuple[Driver, ...]", getattr(module, "DRIVERS", None) or (module.DRIVER,)):
            found.update(dict.fromkeys(driver.network_os, driver))
    return found


def _own() -> Iterator[ModuleType]:
    for name in filter(None, map(str.strip, os.environ.get(_OWN_VARIABLE, "").split(","))):
        try:
            yield importlib.import_module(name)
        except ImportError as exc:
            raise InvalidInput(f"{_OWN_VARIABLE} names {name!r}, which cannot be imported: {exc}") from exc


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


def become_method(network_os: str) -> str:
    """How more rights are had on a platform: ``sudo`` on a host, ``enable`` on a network device's CLI."""
    return getattr(_drivers().get(network_os), "become_method", "sudo")
