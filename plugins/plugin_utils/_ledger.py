# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Private to this collection: opening the ledger, finding a run in it, and telling who is at the keyboard."""

from __future__ import annotations

import json
import os
import pwd
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible_collections.raywright.fleet.engine.errors import FleetError, LedgerError

# Here, for the process of the playbook: it imports the plugins before it makes a process for each task, and each of
# those would take a third of a second of CPU to import SQLAlchemy for itself.
try:
    from ansible_collections.raywright.fleet.engine.ledger import open_ledger
    from ansible_collections.raywright.fleet.engine.sealing.key import FleetKey
except ImportError as missing:
    _MISSING: ImportError | None = missing
else:
    _MISSING = None

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ansible_collections.raywright.fleet.engine.ledger import Ledger, Run

LEDGER_VARIABLE = "RAYWRIGHT_LEDGER_URL"


def ledger_url(option: str | None) -> str:
    """Return the ledger's URL: the option, else the environment's, else a file in the current directory.

    The current directory and not the playbook's: the playbooks of this collection lie elsewhere than the project.
    """
    default = f"sqlite:///{Path.cwd() / '.raywright' / 'ledger.db'}"
    return option or os.environ.get(LEDGER_VARIABLE, "").strip() or default


def has_ledger(option: str | None) -> bool:
    """Tell, without making anything, whether there is a ledger that can be opened."""
    scheme, _separator, path = ledger_url(option).partition(":///")
    return not scheme.startswith("sqlite") or Path(path).exists()


def chain_key() -> bytes:
    """Return the key that signs the ledger's events; makes the fleet key where there is none."""
    return FleetKey.from_environment().derive("ledger chain")


@contextmanager
def opened(option: str | None, *, read_only: bool = False, keyless: bool = False) -> Iterator[Ledger]:
    """Open the ledger for the length of a ``with``; whatever the engine raises in it becomes Ansible's failure.

    ``read_only`` makes no ledger where there is none; ``keyless`` makes no fleet key either, but can verify nothing.
    """
    if _MISSING:
        raise AnsibleActionFail(
            f"The ledger needs the Python package {_MISSING.name} beside Ansible on the controller: "
            "install what requirements/engine.txt of this collection lists."
        ) from _MISSING
    try:
        key = b"" if keyless else chain_key()
        ledger = open_ledger(ledger_url(option), chain_key=key, read_only=read_only)
        try:
            yield ledger
        finally:
            ledger.close()
    except FleetError as error:
        # Not chained: Ansible would say the same sentence once more.
        raise AnsibleActionFail(str(error)) from None


def find_run(ledger: Ledger, run: str) -> Run:
    """Return the run of that id, or the newest of that name, an unfinished one first."""
    try:
        return ledger.run(run)
    except LedgerError:
        found = ledger.open_run(run) or next((each for each in ledger.runs(limit=1000) if each.name == run), None)
        if found is None:
            raise
        return found


def identity(option: str | None, task_vars: Mapping[str, Any]) -> str:
    """Return who acts: who the option says, else AWX's user, else who is logged in, behind sudo as well."""
    for key in ("awx_user_name", "tower_user_name"):
        if not option and task_vars.get(key):
            option = str(task_vars[key])
    if option:
        return option
    try:
        return os.environ.get("SUDO_USER") or pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        raise AnsibleError(f"The user number {os.getuid()} has no name here: say who you are.") from None


def plain(value: Any) -> Any:
    """Return task arguments and records as plain JSON values: no tags, no dataclasses, times as ISO 8601."""
    return json.loads(json.dumps(value, default=_plain))


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    raise TypeError(f"{type(value).__name__} is not JSON")
