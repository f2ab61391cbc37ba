# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Private to this collection: how each device is reached, read from the usual connection variables."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible import constants as C  # noqa: N812 - the name that Ansible's own code gives it
from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.utils.display import Display
from ansible_collections.raywright.fleet.engine.rollout.paths import canonical
from ansible_collections.raywright.fleet.plugins.plugin_utils._hosts import host_variables, renderer, templated
from ansible_collections.raywright.fleet.plugins.plugin_utils._known_hosts import files_of, known_hosts, options_of
from ansible_collections.raywright.fleet.plugins.plugin_utils._secrets import SecretFinder
from ansible_collections.raywright.fleet.plugins.plugin_utils._slices import each

if TYPE_CHECKING:
    from ansible.playbook.play_context import PlayContext
    from ansible.playbook.task import Task

_FIRST_OF = {
    "host": ("ansible_host", "ansible_ssh_host"),
    "port": ("ansible_port", "ansible_ssh_port"),
    "user": ("ansible_user", "ansible_ssh_user"),
    "password": ("ansible_password", "ansible_ssh_password", "ansible_ssh_pass"),
    "private_key_file": ("ansible_ssh_private_key_file", "ansible_private_key_file"),
    "private_key_passphrase": ("ansible_ssh_private_key_passphrase", "ansible_private_key_passphrase"),
    "network_os": ("ansible_network_os",),
    "connection": ("ansible_connection",),
    "become": ("ansible_become",),
    "become_user": ("ansible_become_user",),
    "become_method": ("ansible_become_method",),
    "become_password": ("ansible_become_password", "ansible_become_pass"),
    "known_hosts_file": ("raywright_known_hosts",),
    "checking": ("ansible_ssh_host_key_checking", "ansible_host_key_checking"),
    "connect_timeout": ("ansible_ssh_timeout", "ansible_timeout"),
    "arguments": ("ansible_ssh_common_args",),
    "extra_arguments": ("ansible_ssh_extra_args",),
}
_display = Display()
_KEYS = tuple(name for names in _FIRST_OF.values() for name in names)


@dataclass(frozen=True)
class Reached:
    """One device: the engine's ``Device`` as a mapping, its secret values, and the variables that checks ask for."""

    device: dict[str, Any] = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)
    variables: dict[str, Any] = field(repr=False)
    traits: dict[str, Any] = field(default_factory=dict, repr=False)
    """Those of the variables that a plan may use and that need not be there."""

    @property
    def name(self) -> str:
        return str(self.device["name"])

    @property
    def address(self) -> str:
        """The same for every spelling of an address."""
        return f"{canonical(str(self.device['host']))}:{self.device['port']}"


class Devices:
    """Reads the connection variables of devices; each host's variables are merged once.

    ``platform``: what all devices are, whatever their own variables say.
    """

    def __init__(
        self,
        task_vars: Mapping[str, Any],
        play_context: PlayContext,
        task: Task,
        *,
        timeout: float,
        wanted_variables: Sequence[str] = (),
        traits: Sequence[str] = (),
        platform: str = "",
    ) -> None:
        self._task_vars = task_vars
        self._defaults = play_context
        self._task = task
        self._timeout = timeout
        self._wanted = tuple(wanted_variables)
        self._traits = tuple(traits)
        self._platform = platform
        self._keys: dict[str, str] = {}
        self._secrets = SecretFinder()

    def reach(self, names: Sequence[str]) -> list[Reached]:
        """Read the devices, in as many processes as there are cores: nothing else can be done before.

        Raises ``AnsibleActionFail`` naming the host and the variable that is wrong.
        """
        # The first one here: what it compiles and loads, forked processes find done, and its warnings reach the user.
        first = [self._reached(name) for name in names[:1]]
        return first + each(
            names[1:], self._reached, lambda done: _display.display(f"read {done} of {len(names)} hosts")
        )

    def _reached(self, name: str) -> Reached:
        variables = host_variables(self._task_vars, name, self._task)
        own = templated(self._task_vars, name, (*_KEYS, *self._wanted), variables)
        return Reached(
            device=self._device(plain(name), own),
            secrets=tuple(sorted(self._secrets.values(variables, renderer(self._task_vars, variables)))),
            variables={key: plain(own[key]) for key in self._wanted if key in own},
            traits=dict(self._found(variables)),
        )

    def _found(self, variables: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        render = renderer(self._task_vars, variables)
        for key in self._traits:
            if key in variables:
                # Nobody asked for these by name: what cannot be rendered is not there.
                with contextlib.suppress(AnsibleError):
                    yield key, plain(render(variables[key]))

    def _device(self, name: str, own: Mapping[str, Any]) -> dict[str, Any]:
        from ansible_collections.raywright.fleet.engine.devices import registry

        found = {option: _first(own, names) for option, names in _FIRST_OF.items()}
        network_os = self._platform or registry.platform(str(found["network_os"] or ""), str(found["connection"] or ""))
        if not network_os:
            raise AnsibleActionFail(
                f"{name}: ansible_network_os is not set, so it is not known how to talk to it; set it, "
                "or choose the devices with network_rollout_hosts or --limit"
            )
        host, port = str(found["host"] or name), self._port(name, found["port"], registry.port(network_os))
        user = str(found["user"] or self._defaults.remote_user or C.DEFAULT_REMOTE_USER or "")
        if not user and not self._platform:
            raise AnsibleActionFail(f"{name}: no user to log in as; set ansible_user, or give --user")
        # A platform that is given has Ansible itself do what its own variables say.
        become = {} if self._platform else self._become(name, found, registry.become_method(network_os))
        return {
            "name": name,
            "network_os": network_os,
            "host": host,
            "port": port,
            "user": user,
            "password": _text(found["password"] or self._defaults.password),
            "private_key": self._key(name, found["private_key_file"] or self._defaults.private_key_file),
            "private_key_passphrase": _text(found["private_key_passphrase"]),
            "known_hosts": self._known_hosts(found, host, port),
            "timeout": self._timeout,
            "connect_timeout": float(found["connect_timeout"] or self._defaults.timeout),
            **become,
        }

    def _port(self, name: str, value: Any, usual: int) -> int:
        value = value if value is not None else self._defaults.port or usual
        if not str(value).isdigit() or not 0 < int(value) < 1 << 16:
            raise AnsibleActionFail(f"{name}: ansible_port is {value!r}; expected a number from 1 to 65535")
        return int(value)

    def _become(self, name: str, found: Mapping[str, Any], known: str) -> dict[str, Any]:
        become = boolean(found["become"] if found["become"] is not None else self._defaults.become)
        given = str(found["become_method"] or self._defaults.become_method or "sudo").rpartition(".")[2]
        if become and given != known:
            raise AnsibleActionFail(
                f"{name}: ansible_become_method is {given!r}; its ansible_network_os knows only {known!r}; set "
                "that, or ansible_become to false"
            )
        return {
            "become": become,
            "become_user": str(found["become_user"] or self._defaults.become_user or "root"),
            "become_password": _text(found["become_password"] or self._defaults.become_pass) if become else None,
        }

    def _key(self, name: str, file: Any) -> str | None:
        if not file:
            return None
        if file not in self._keys:
            try:
                self._keys[file] = Path(str(file)).expanduser().read_text(encoding="ascii")
            except (OSError, UnicodeDecodeError) as exc:
                raise AnsibleActionFail(f"{name}: the private key file {file} cannot be read: {exc}") from None
        return self._keys[file]

    def _known_hosts(self, found: Mapping[str, Any], host: str, port: int) -> str | None:
        options = options_of(" ".join(str(found[name]) for name in ("arguments", "extra_arguments") if found[name]))
        checking = (
            found["checking"] if found["checking"] is not None else C.config.get_config_value("HOST_KEY_CHECKING")
        )
        if not boolean(checking) or options.get("stricthostkeychecking", "").lower() in {"no", "off"}:
            return None
        return known_hosts(files_of(options, found["known_hosts_file"])).lines(host, port)


def _first(own: Mapping[str, Any], names: Sequence[str]) -> Any:
    return next((own[name] for name in names if own.get(name) is not None), None)


def _text(value: Any) -> str | None:
    return None if value is None or value == "" else str(value)


def plain(value: Any) -> Any:
    """Ansible's values carry tags that neither JSON nor the engine knows."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, bool) or value is None:
        return value
    return next((kind(value) for kind in (int, float, str) if isinstance(value, kind)), str(value))
