# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Private to this collection: which of a host's variables hold secrets, for masking by value."""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from ansible.errors import AnsibleError
from ansible.parsing.vault import EncryptedString, is_encrypted_file

try:
    # There is no public way to ask where a value comes from or whether it was vaulted. Without these, the names of
    # variables and values vaulted one by one still count.
    from ansible._internal._datatag._tags import Origin, VaultedValue
except ImportError:
    Origin = VaultedValue = None

SHORTEST = 4
"""Anything shorter would be found everywhere in a configuration."""
_LONG_LINE = 16
"""Lines of a secret text (a key) that are at least this long are secrets of their own: they get indented one by one."""

_SECRET_KEY = re.compile(
    r"passw(or)?d|passphrase|(^|_)pass$|secret|token|communit(y|ies)|private_?key|pre_?shared|(^|_)psk(_|$)|credential"
    r"|(auth|api|md5|hmac|shared|encryption|tacacs(_plus)?|radius|ntp|bgp|ospf|isis|rip|eigrp|ldp|hsrp|vrrp)_?key(s|$)"
    r"|key_?(string|chain)",
    re.IGNORECASE,
)
# "_name" only at the end of a longer one: the name of an SNMP community is the community.
_ABOUT_A_SECRET = re.compile(
    r"_(file|path|dir|url|ttl|length|lifetime|encryption|policy|prompt|name|enabled)$"
    r"|(^|_)(access|acl|algorithm|description|mode|permission|port|type|user|username|version|view)$",
    re.IGNORECASE,
)
# BGP communities share their name with SNMP's, but are public, and masking 65000:100 would blank half a route map.
_BGP_COMMUNITY = re.compile(
    r"\d+(:\d+){1,2}|internet|additive|accept-own|blackhole|graceful-shutdown|local-as|no-(advertise|export|peer)",
    re.IGNORECASE,
)
# Maps of the whole fleet that every host carries: walking them for each host would be quadratic.
_NOT_THE_HOSTS = frozenset(
    {
        "ansible_play_batch",
        "ansible_play_hosts",
        "ansible_play_hosts_all",
        "environment",
        "groups",
        "hostvars",
        "play_hosts",
        "vars",
    }
)

Render = Callable[[str], Any]
_Found = tuple[str, bool]
"""A secret as it stands in a variable, and whether it is a template of it."""


def secret_values(host_vars: Mapping[str, Any], render: Render | None = None) -> set[str]:
    """Values of one host that must never be shown: vaulted ones, and those whose variable's name says so, at any depth.

    ``render`` turns a template into its value (``Templar.template``); without it, a secret that is set by a template
    counts only where that template's own sources do.
    """
    return SecretFinder().values(host_vars, render)


class SecretFinder:
    """``secret_values`` for one host after the other.

    What two hosts that follow each other share (the variables of the play, of roles and groups, and what a task
    registered for all of them, which may name the whole fleet) is looked through once.
    """

    def __init__(self) -> None:
        # By identity, which the value that is kept beside it holds on to.
        self._known: dict[tuple[int, bool], tuple[Any, tuple[_Found, ...]]] = {}

    def values(self, host_vars: Mapping[str, Any], render: Render | None = None) -> set[str]:
        known, self._known = self._known, {}
        found: set[str] = set()
        for key, value in host_vars.items():
            if key in _NOT_THE_HOSTS:
                continue
            secret = names_secret(key)
            if isinstance(value, (dict, list, tuple)):
                place = (id(value), secret)
                self._known[place] = known.get(place) or (value, tuple(_walk(value, secret=secret)))
                raw = self._known[place][1]
            else:
                raw = tuple(_walk(value, secret=secret))
            for text, template in raw:
                found.update(_rendered(text, render) if template else (text,))
        return {piece for value in found for piece in _pieces(value)}


def mask(text: str, values: set[str]) -> str:
    """Take ``values`` out of a message, the longest first so that no remainder of one is left by a shorter one."""
    for value in sorted(values, key=len, reverse=True):
        text = text.replace(value, "<masked>")
    return text


def _walk(value: Any, *, secret: bool) -> Iterator[_Found]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            inherited = secret and not _ABOUT_A_SECRET.search(str(key))
            yield from _walk(inner, secret=inherited or names_secret(key))
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _walk(inner, secret=secret)
    elif isinstance(value, EncryptedString):
        yield _decrypted(value), False
    elif isinstance(value, str):
        if secret or _is_vaulted(value):
            yield value, "{{" in value or "{%" in value
    elif secret and isinstance(value, int) and not isinstance(value, bool):
        yield str(value), False


def _rendered(template: str, render: Render | None) -> Iterator[str]:
    if render is None:
        return
    try:
        yield from _leaves(render(template))
    except AnsibleError:
        # It cannot be rendered, so no configuration can contain it either.
        return


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for inner in value:
            yield from _leaves(inner)
    elif isinstance(value, (str, int)) and not isinstance(value, bool):
        yield str(value)


def _decrypted(value: EncryptedString) -> str:
    try:
        return str(value)
    except AnsibleError:
        # Rendering will say that it cannot be decrypted, if it is used at all.
        return ""


def _pieces(value: str) -> Iterator[str]:
    # Ansible's strings carry tags; a plain copy can be pickled, compared and kept.
    value = "".join(value.strip())
    if len(value) < SHORTEST or _BGP_COMMUNITY.fullmatch(value):
        return
    yield value
    if "\n" in value:
        yield from (
            line.strip() for line in value.splitlines() if len(line.strip()) >= _LONG_LINE and "---" not in line
        )


@lru_cache(maxsize=4096)
def names_secret(key: object) -> bool:
    name = str(key)
    return bool(_SECRET_KEY.search(name)) and not _ABOUT_A_SECRET.search(name)


def _is_vaulted(value: str) -> bool:
    if Origin is None:
        return False
    if VaultedValue.is_tagged_on(value):
        return True
    origin = Origin.get_tag(value)
    return origin is not None and origin.path is not None and _is_vault_file(origin.path)


@lru_cache(maxsize=4096)
def _is_vault_file(path: str) -> bool:
    """Whether the file that a value was read from is vaulted as a whole: its values carry no mark of their own."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - what Ansible's own check takes
            return is_encrypted_file(file)
    except OSError:
        return False
