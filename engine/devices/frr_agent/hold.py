# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes on trial: held under a token, confirmed or cancelled by whoever knows it, else taken back by a timer.

Everything here is called under the router's lock.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import timer
from .held import STATE, boot, read, state, where
from .restoring import nothing_saved, saved
from .router import Idle, Trouble
from .workspace import remove

if TYPE_CHECKING:
    from .workspace import Workspace

_LOGIND = ("/usr/lib/systemd", "/etc/systemd", "/run/systemd")
_KILLS = re.compile(r"^\s*KillUserProcesses\s*=\s*(\w+)", re.MULTILINE)


class Timer:
    """The timer of one held change."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def count_from_now(self, seconds: float) -> None:
        found = read(self.folder / STATE)
        if found is not None:
            timer.write(self.folder / STATE, {**found, "until": timer.now() + seconds})
            timer.wake(self.folder)

    def disarm(self) -> None:
        timer.end(self.folder)


def arm(token: str, running: str, seconds: float) -> Timer:
    """Have what runs and what is saved now put back when the time is over."""
    folder = where()
    if state() is not None:
        remove(folder)
    try:
        folder.mkdir(mode=0o700)
        timer.write(folder / timer.BEFORE, {"running": running, "saved": saved(), "unsaved": nothing_saved()})
        timer.reserve(folder, running)
        until = timer.now() + seconds
        timer.write(folder / STATE, {"token": token, "until": until, "boot": boot()})
        timer.start(folder)
    except OSError as exc:
        remove(folder)
        raise Idle(
            f"taking the change back cannot be prepared ({exc.strerror}, in {folder.parent}); nothing was sent"
        ) from None
    except BaseException:
        remove(folder)
        raise
    return Timer(folder)


def held(_work: Workspace, _job: dict[str, Any]) -> dict[str, Any]:
    if reason := unable():
        return {"unable": reason}
    found = state()
    if found is None or "token" not in found:
        return {}
    return {"token": found["token"], "remaining": found["until"] - timer.now()}


def confirm(_work: Workspace, job: dict[str, Any]) -> dict[str, Any]:
    """Keep what is held. Too late is too late, whatever kept the timer from seeing it: it is taken back here then."""
    found = state()
    if gone := missing(found, job["token"]):
        return {"gone": gone}
    assert found is not None
    if found["until"] > timer.now():
        timer.end(where())
        return {"kept": True}
    if not timer.bring_back(where()):
        raise Trouble("the time of its change is over, and not all of it could be taken back yet")
    timer.leave_note(where())
    return {"gone": "its time was over, and it was taken back"}


def cancel(_work: Workspace, job: dict[str, Any]) -> dict[str, Any]:
    """Take back what is held now, as the timer would."""
    if gone := missing(state(), job["token"]):
        return {"gone": gone}
    same = timer.bring_back(where())
    if same:
        timer.end(where())
    return {"put_back": same}


def missing(found: dict[str, Any] | None, token: str) -> str:
    """Why there is nothing held under a token."""
    if found is None:
        return "nothing is held: it was confirmed or cancelled, or the router has started anew since"
    if found.get("was") == token:
        return "its time was over, and the router has taken it back by itself"
    if found.get("token", token) != token:
        return f"what is held is a change of {found['token']}"
    return "" if "token" in found else f"nothing is held; the last change was one of {found['was']}"


def unable() -> str:
    """Why this router could not hold a change, or nothing."""
    if not Path("/run/systemd/system").exists():
        return ""
    said = ["no"]
    for folder in _LOGIND:
        for file in (Path(folder) / "logind.conf", *sorted(Path(folder).glob("logind.conf.d/*.conf"))):
            try:
                said += _KILLS.findall(file.read_text())
            except OSError:
                continue
    if said[-1].lower() in ("yes", "true", "on", "1"):
        return "KillUserProcesses is set in its logind.conf, so its timer would be ended at the logout"
    return ""
