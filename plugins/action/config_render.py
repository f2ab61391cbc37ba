# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The controller half of ``config_render``: the whole fleet's configurations in one action."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.raywright.fleet.engine.errors import FleetError
from ansible_collections.raywright.fleet.engine.processes import Process
from ansible_collections.raywright.fleet.engine.render.store import SUFFIX, Staging, file_name, owned
from ansible_collections.raywright.fleet.plugins.plugin_utils._hosts import (
    device_names,
    host_variables,
    unknown_names,
)
from ansible_collections.raywright.fleet.plugins.plugin_utils._render import FleetTemplate
from ansible_collections.raywright.fleet.plugins.plugin_utils._render_failures import Failure, explain, sentence
from ansible_collections.raywright.fleet.plugins.plugin_utils._slices import each

_NAMES_SHOWN = 5
_display = Display()


class ActionModule(ActionBase):
    BYPASS_HOST_LOOP = True
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        task_vars = task_vars or {}
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validation, args = self.validate_argument_spec(
            argument_spec={
                "hosts": {"type": "list", "elements": "str"},
                "template": {"type": "str"},
                "config_dir": {"type": "str"},
                "dest": {"type": "path", "required": True},
                "transient": {"type": "bool", "default": False},
                "trim_blocks": {"type": "bool", "default": True},
                "lstrip_blocks": {"type": "bool", "default": False},
                "allow_empty": {"type": "bool", "default": False},
            },
            mutually_exclusive=[("template", "config_dir")],
            required_one_of=[("template", "config_dir")],
        )
        try:
            names = device_names(task_vars, args["hosts"])
            for name in names:
                file_name(name)
            dest = Path(args["dest"]).absolute()
            if args["transient"]:
                # The playbook's process, our parent: this one ends with the task.
                dest = owned(dest, Process.of(os.getppid()))
            with Staging(dest) as staging:
                if args["template"]:
                    source = self._from_template(args, task_vars, names, staging)
                else:
                    source = self._from_files(args, task_vars, names, staging)
                changed = staging.commit(names)
        except (FleetError, OSError) as error:
            # Not chained: Ansible would say the same sentence once more.
            raise AnsibleActionFail(str(error)) from None
        result.update(
            changed=changed > 0,
            configs=str(dest),
            count=len(names),
            changed_count=changed,
            msg=f"{len(names)} configurations from {source} are in {dest}, {changed} of them new or different.",
        )
        return result

    def _from_template(
        self, args: Mapping[str, Any], task_vars: dict[str, Any], names: list[str], staging: Staging
    ) -> str:
        template = FleetTemplate(
            self._find("templates", args["template"], "template"),
            loader=self._loader,
            templar=self._templar,
            search=list(task_vars.get("ansible_search_path", [])),
            trim_blocks=args["trim_blocks"],
            lstrip_blocks=args["lstrip_blocks"],
        )

        def render(name: str) -> Failure | None:
            variables = host_variables(task_vars, name, self._task)
            try:
                # Below the option, not the owner's directory: the same text again has to be the same.
                text = template.render(variables, str(Path(args["dest"]).absolute() / file_name(name)))
            except AnsibleError as error:
                return explain(template, name, variables, error)
            if not args["allow_empty"] and not text.strip():
                return _empty(f"template {Path(template.path).name}", name)
            try:
                staging.write(name, text)
            except UnicodeEncodeError:
                return Failure(name, f"template {Path(template.path).name}", "the text cannot be written as UTF-8")
            return None

        # The first one is rendered here: what it compiles and loads, the forked processes find done, and its warnings
        # reach the user, which those of forked processes do not.
        failures = [failure] if (failure := render(names[0])) else []
        failures += each(names[1:], render, lambda done: _display.display(f"rendered {done} of {len(names)} hosts"))
        if failures:
            # Raised without the template: Ansible would print its lines, and they may hold secrets.
            raise AnsibleActionFail(sentence(failures, len(names)))
        return template.path

    def _from_files(
        self, args: Mapping[str, Any], task_vars: dict[str, Any], names: list[str], staging: Staging
    ) -> str:
        folder = Path(self._find("files", args["config_dir"], "config_dir"))
        if not folder.is_dir():
            raise AnsibleActionFail(
                f"The config_dir {folder} is not a directory; it must hold a file <host>{SUFFIX} a host."
            )
        if missing := [name for name in names if not (folder / file_name(name)).is_file()]:
            raise AnsibleActionFail(
                f"The config_dir {folder} has no file for {len(missing)} of {len(names)} hosts: "
                f"{_listed(missing)}; add them, or leave these hosts out (option hosts, or --limit)."
            )
        strangers = unknown_names(task_vars, sorted(path.stem for path in folder.glob("*" + SUFFIX)))
        if strangers:
            _display.warning(
                f"The config_dir {folder} has files of hosts that the inventory does not know; nothing is done with "
                f"{len(strangers)} of them: {_listed(strangers)}."
            )
        for name in names:
            _copy(folder, name, staging, allow_empty=args["allow_empty"])
        return str(folder)

    def _find(self, kind: str, wanted: str, option: str) -> str:
        try:
            return str(self._find_needle(kind, wanted))
        except AnsibleError:
            # A playbook that a collection ships looks beside itself; people mean the directory that they are in.
            here = Path(wanted).expanduser().absolute()
            if here.exists():
                return str(here)
            raise AnsibleActionFail(
                f"The {option} '{wanted}' was found neither where Ansible looks for {kind} nor in the current "
                "directory; give an absolute path, or put it there (-vvvv shows where Ansible looked)."
            ) from None  # the cause lists the places once more


def _copy(folder: Path, name: str, staging: Staging, *, allow_empty: bool) -> None:
    path = folder / file_name(name)
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        # The decoder's own message shows what the file holds.
        raise AnsibleActionFail(f"The configuration {path} is not UTF-8 text; save it as such.") from None
    if not allow_empty and not text.strip():
        raise AnsibleActionFail(sentence([_empty(f"file {path}", name)], 1))
    staging.write(name, text)


def _empty(where: str, name: str) -> Failure:
    return Failure(name, where, "the configuration is empty, which would erase a device (allow_empty accepts it)")


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return ", ".join(names[:_NAMES_SHOWN]) + more
