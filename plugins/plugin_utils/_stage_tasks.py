# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Private to this collection: the files of tasks that are included around a stage, looked at before there is one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ansible.errors import AnsibleError
from ansible.playbook.helpers import load_list_of_tasks
from ansible_collections.raywright.fleet.engine.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ansible.parsing.dataloader import DataLoader
    from ansible.playbook.task import Task


def found(loader: DataLoader, task: Task, names: Iterable[str]) -> dict[str, str]:
    """Find each file. Raises ``InvalidInput`` for one that could not be included when devices are changed already.

    It is looked for where ``include_tasks`` looks, in the role's own tasks and beside the playbook, and then, like all
    that is named on the command line, in the current directory.
    """
    files = {}
    for name in names:
        places = [loader.path_dwim(name), str(Path.cwd() / name)]
        role = task._role  # noqa: SLF001 - Ansible's own way to a task's role
        if role:
            places.insert(0, str(Path(role._role_path) / "tasks" / name))  # noqa: SLF001 - as above
        file = next((place for place in places if loader.is_file(place)), None)
        if file is None:
            looked = " and ".join(dict.fromkeys(places))
            raise InvalidInput(f"There is no file of tasks {name} (looked for at {looked})")
        try:
            tasks = loader.load_from_file(file)
        except AnsibleError as exc:
            raise InvalidInput(f"The file of tasks {file} cannot be read: {exc}") from None
        if not isinstance(tasks, list) or not all(isinstance(each, dict) and "hosts" not in each for each in tasks):
            raise InvalidInput(f"{file} is no file of tasks: it has to be a list of tasks, without plays around them")
        try:
            load_list_of_tasks(tasks, play=task.play, role=role, loader=loader, variable_manager=task._variable_manager)  # noqa: SLF001 - as above
        except AnsibleError as exc:
            raise InvalidInput(f"The file of tasks {file} cannot be used: {exc}") from None
        files[name] = file
    return files
