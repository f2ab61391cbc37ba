# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way from where sessions are opened to the devices: a device that carries it must come last.

Only the first hop is known here, from the routing table of this machine. A device that is further along the way is
named by the user (``network_rollout_last``).
"""

import contextlib
import ipaddress
import json
import re
import socket
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait

_NAMES_ASKED = 512
"""Names that are looked up, at the most: devices behind the same router are many, and a resolver may be slow."""
_RESOLVERS = 32
_RESOLVER_SECONDS = 15.0
_SECONDS = 30
_DOTTED = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}")
_ADDRESS = r"([0-9A-Fa-f.:]{2,45})"
_INTERFACE = re.compile(
    rf"^[ \t]*(?:(?:ip|ipv4|ipv6)[ \t]+address[ \t]+(?:virtual[ \t]+)?{_ADDRESS}(?:[/ \t]|$)"
    rf"|(?:set[ \t]+interfaces?[ \t].*[ \t])?address[ \t]+{_ADDRESS}/)",
    re.MULTILINE,
)
"""A line that gives an interface an address: ``ip address 192.0.2.1/24``, ``ip address 192.0.2.1 255.255.255.0``,
``address 192.0.2.1/24;``, ``set interfaces ... address 192.0.2.1/24``.
"""


def next_hops(hosts: Sequence[str]) -> tuple[str, ...]:
    """Addresses of the routers that the routing table sends packets for these hosts to; sorted.

    Hosts on this machine or on a network of its own have none. Empty, too, where the system's ``ip`` cannot be asked.
    """
    addresses = sorted(set(_addresses(hosts)))
    if not addresses:
        return ()
    asked = "".join(f"route get {address}\n" for address in addresses)
    try:
        done = subprocess.run(
            ["ip", "-json", "-force", "-batch", "-"],  # noqa: S607 - where it is differs between systems
            input=asked,
            capture_output=True,
            text=True,
            check=False,
            timeout=_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return tuple(sorted(set(_gateways(done.stdout))))


def carried(hops: Iterable[str], host: str, running: str) -> tuple[str, ...]:
    """Those of ``hops`` that a device has: as the address that it is reached at, or on an interface."""
    hops = tuple(hops)
    if not hops:
        return ()
    own = {canonical(host)} | {canonical(one or other) for one, other in _INTERFACE.findall(running)}
    return tuple(hop for hop in hops if hop in own)


def _addresses(hosts: Iterable[str]) -> Iterator[str]:
    names = []
    for host in dict.fromkeys(hosts):
        with contextlib.suppress(ValueError):
            yield str(ipaddress.ip_address(host))
            continue
        names.append(host)
    # Spread over the fleet, so that every part of it has a say.
    some = names[:: max(1, -(-len(names) // _NAMES_ASKED))]
    if some:
        pool = ThreadPoolExecutor(_RESOLVERS)
        asked = [pool.submit(_resolved, name) for name in some]
        # A resolver that does not answer must not hold a plan up, which finds out by itself who cannot be reached.
        answered, _late = wait(asked, _RESOLVER_SECONDS)
        pool.shutdown(wait=False, cancel_futures=True)
        for each in answered:
            yield from each.result()


def _resolved(name: str) -> set[str]:
    try:
        return {str(found[4][0]).partition("%")[0] for found in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)}
    except OSError:
        return set()


def _gateways(output: str) -> Iterator[str]:
    """``ip`` prints a JSON list for each question; for one without an answer, nothing."""
    for line in output.splitlines():
        with contextlib.suppress(ValueError):
            for route in json.loads(line):
                via = route.get("gateway") or route.get("via", {}).get("host")
                if via:
                    yield canonical(via)


def canonical(host: str) -> str:
    """Return an address as it is commonly spelled, and a name as it is."""
    if _DOTTED.fullmatch(host):
        # Not ip_address: with a zero in front the system takes a part for an octal number, and that refuses it.
        with contextlib.suppress(OSError):
            return socket.inet_ntoa(socket.inet_aton(host))
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    return str(getattr(address, "ipv4_mapped", None) or address)
