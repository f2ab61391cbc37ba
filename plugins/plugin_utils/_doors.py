# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Private to this collection: the doors through which a decision comes in while a run waits for it.

The ledger's own door needs nothing here: whoever decides writes to the ledger, and the wait sees it.
"""

from __future__ import annotations

import os
import pwd
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml
from ansible.errors import AnsiblePromptNoninteractive
from ansible_collections.raywright.fleet.engine.errors import InvalidInput
from ansible_collections.raywright.fleet.engine.gates import Approval, Decision

if TYPE_CHECKING:
    from pathlib import Path

    from ansible.utils.display import Display

_LARGEST = 64 * 1024
_TEXTS = ("approver", "digest", "verdict", "reason")
_FLAGS = ("risk_acknowledged", "break_glass")
_TRIES = 3
RISK_PHRASE = "risk acknowledged"


@dataclass
class FileDoor:
    """Reads ``<approval id>.yml``, ``.yaml`` or ``.json`` in one directory."""

    directory: Path
    _seen: set[tuple[str, int, int]] = field(default_factory=set)

    def look(self, approval: Approval) -> Decision | None:
        """Return the decision that a new or changed file holds. Raises ``InvalidInput`` for anything wrong in it."""
        found = [
            path for suffix in ("yml", "yaml", "json") if (path := self.directory / f"{approval.id}.{suffix}").exists()
        ]
        if not found:
            return None
        status = found[0].lstat()
        version = (found[0].name, status.st_mtime_ns, status.st_ino)
        if version in self._seen:
            return None
        self._seen.add(version)
        if len(found) > 1:
            raise InvalidInput(f"Both {found[0]} and {found[1]} are there; keep one.")
        return _read(found[0])


def _read(path: Path) -> Decision:
    folder = path.parent.stat()
    if folder.st_mode & stat.S_IWOTH and not folder.st_mode & stat.S_ISVTX:
        raise InvalidInput(f"Everybody may write to {path.parent}: anybody could approve; run: chmod o-w {path.parent}")
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise InvalidInput(f"The approval file {path} cannot be read: {error.strerror}.") from error
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise InvalidInput(f"{path} is not a plain file.")
        if status.st_mode & stat.S_IWOTH:
            raise InvalidInput(f"Everybody may write to {path}: anybody could approve; run: chmod o-w {path}")
        text = file.read(_LARGEST + 1)
    if len(text) > _LARGEST:
        raise InvalidInput(f"{path} is larger than {_LARGEST} bytes; that is no decision.")
    try:
        content = yaml.safe_load(text)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} is neither YAML nor JSON: {' '.join(str(error).split())}") from error
    return _decision(path, content, owner=status.st_uid)


def _decision(path: Path, content: Any, *, owner: int) -> Decision:
    if not isinstance(content, dict):
        raise InvalidInput(f"{path} must hold a mapping with digest, verdict and reason.")
    unknown = sorted(str(key) for key in content if key not in (*_TEXTS, *_FLAGS))
    if unknown:
        raise InvalidInput(f"{path}: there is no {', '.join(unknown)}; there are {', '.join((*_TEXTS, *_FLAGS))}.")
    missing = [key for key in _TEXTS[1:] if content.get(key) in (None, "")]
    if missing:
        raise InvalidInput(f"{path}: {', '.join(missing)} missing.")
    wrong = [key for key in _TEXTS if key in content and not isinstance(content[key], str)]
    if wrong:
        raise InvalidInput(f"{path}: {wrong[0]} must be a text; put it into quotes.")
    wrong = [key for key in _FLAGS if not isinstance(content.get(key, False), bool)]
    if wrong:
        raise InvalidInput(f"{path}: {wrong[0]} must be true or false.")
    try:
        approver = content.get("approver") or pwd.getpwuid(owner).pw_name
    except KeyError:
        raise InvalidInput(f"{path}: its owner, number {owner}, has no name here; add approver.") from None
    return Decision(
        approver=approver,
        verdict=content["verdict"],
        reason=content["reason"],
        digest=content["digest"],
        risk_acknowledged=content.get("risk_acknowledged", False),
        break_glass=content.get("break_glass", False),
        door="file",
    )


class TerminalDoor:
    """Asks at the terminal. Only where somebody opted in: under a job runner, too, the standard input is a terminal."""

    def __init__(self, display: Display) -> None:
        self._display = display

    def ask(self, approval: Approval, *, seconds: int) -> Decision | None:
        """Return the decision, or None where nobody decided here."""
        try:
            return self._ask(approval, seconds)
        except (AnsiblePromptNoninteractive, OSError):
            # OSError: the standard input is a terminal, but not the one of this session.
            self._display.warning("The terminal door is open, but there is no terminal; the other doors stay open.")
            return None

    def _ask(self, approval: Approval, seconds: int) -> Decision | None:
        approver = self._line("Approver's name (empty: not decided here): ", seconds)
        if not approver:
            return None
        reason = self._line("Reason: ", seconds)
        # One key would do for a time-out as well: only a whole phrase is an answer.
        phrase = self._phrase(
            f"Type '{approval.checkpoint}' to approve, 'reject' to reject: ", (approval.checkpoint, "reject"), seconds
        )
        if phrase is None:
            return None
        risk = False
        if approval.destructive and phrase != "reject":
            asked = f"This checkpoint destroys data. Type '{RISK_PHRASE}': "
            risk = self._phrase(asked, (RISK_PHRASE,), seconds) is not None
        return Decision(
            approver=approver,
            verdict="reject" if phrase == "reject" else "approve",
            reason=reason,
            digest=approval.digest,
            risk_acknowledged=risk,
            door="terminal",
        )

    def _phrase(self, question: str, accepted: tuple[str, ...], seconds: int) -> str | None:
        for _attempt in range(_TRIES):
            answer = self._line(question, seconds)
            if answer in accepted:
                return answer
            self._display.display(f"That is not it: {answer!r}.")
        return None

    def _line(self, question: str, seconds: int) -> str:
        # A time limit turns off the end of line as the end of the answer, unless it is named.
        answer = self._display.prompt_until(f"{question}\r", seconds=seconds, complete_input=(b"\r", b"\n"))
        return str(answer, "utf-8", "replace").strip()
