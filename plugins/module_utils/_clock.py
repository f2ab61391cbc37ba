# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who keeps a host's clock, and what to do about it. Pure. Private."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ._host import HostError

CHRONY = "chrony"
TIMESYNCD = "systemd-timesyncd"


@dataclass(frozen=True)
class Service:
    """A program that keeps the clock, in both families of distributions."""

    name: str
    package: str
    units: tuple[str, ...]
    servers_file: str = ""

    def servers(self, servers: list[str]) -> str:
        if self.name == CHRONY:
            return "# Managed by raywright.fleet.\n" + "".join(f"server {server} iburst\n" for server in servers)
        return f"# Managed by raywright.fleet.\n[Time]\nNTP={' '.join(servers)}\n"


SERVICES = (
    Service(CHRONY, "chrony", ("chrony.service", "chronyd.service"), "/etc/chrony/sources.d/raywright.sources"),
    Service(
        TIMESYNCD, "systemd-timesyncd", ("systemd-timesyncd.service",), "/etc/systemd/timesyncd.conf.d/raywright.conf"
    ),
    Service("ntpsec", "ntpsec", ("ntpsec.service",)),
    Service("ntpd", "ntp", ("ntp.service", "ntpd.service")),
    Service("openntpd", "openntpd", ("openntpd.service",)),
)
UNITS = tuple(unit for service in SERVICES for unit in service.units)


@dataclass
class TimePlan:
    """What to do, as the role wants it; empty if the clock is kept, or is not this host's to keep."""

    service: str = ""
    package: str = ""
    unit: str = ""
    servers_file: str = ""
    servers_text: str = ""
    actions: list[str] = field(default_factory=list)


def plan(
    wanted: str, *, servers: list[str], active: set[str], present: set[str], manager: str, settable: bool
) -> TimePlan:
    """Decide.

    ``active`` and ``present`` are the units that run, and those that exist; ``settable`` says whether the host may set
    its clock, which a container may not.
    """
    if wanted == "none" or not settable:
        return TimePlan()
    service = _choose(wanted, active, present)
    running = next((unit for unit in service.units if unit in active), "")
    result = TimePlan(service=service.name)
    if servers and manager != "apt":
        raise HostError("common_time_servers is for Debian and Ubuntu; in the RHEL family, edit /etc/chrony.conf.")
    if servers and not service.servers_file:
        raise HostError(
            f"common_time_servers is for {CHRONY} and {TIMESYNCD}, but {service.name} keeps this host's clock: give it"
            f" its servers yourself, or set common_time_service: {CHRONY} to have it replaced."
        )
    if not any(unit in present for unit in service.units):
        result.package = service.package
        result.actions.append(f"install {service.package}, which keeps the clock")
    result.unit = running or next((unit for unit in service.units if unit in present), _unit(service, manager))
    if not running:
        result.actions.append(f"start {service.name}, now and at every boot")
    if service.servers_file:
        result.servers_file = service.servers_file
        result.servers_text = service.servers(servers) if servers else ""
        if _content(Path(service.servers_file)) != result.servers_text:
            what = f"take the time from {', '.join(servers)}" if servers else f"remove {service.servers_file}"
            result.actions.append(what)
    return result


def _choose(wanted: str, active: set[str], present: set[str]) -> Service:
    if wanted != "auto":
        return next(service for service in SERVICES if service.name == wanted)
    for units in (active, present):
        for service in SERVICES:
            if any(unit in units for unit in service.units):
                return service
    return SERVICES[0]


def _unit(service: Service, manager: str) -> str:
    return service.units[-1] if manager == "dnf" else service.units[0]


def _content(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
