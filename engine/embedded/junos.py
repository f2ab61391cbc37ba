# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An embedded router that speaks in the style of Junos. A stand-in: its commands are those that the driver needs.

A candidate, loaded from the terminal up to Ctrl-D, compared, checked and committed, on trial where that is asked for;
what it holds is the embedded fleet's configuration in the shape of Junos.
"""

import time
from dataclasses import dataclass

from . import views
from .braces import compared, read, shown
from .cli import Bye, Cli, Handler, calling, commands, show_bgp, show_route
from .config import check, load, parsed
from .grammar import ConfigError

_KEPT = 5
_INVALID = "                ^\nunknown command.\n"


@dataclass(slots=True)
class Commit:
    """One entry of ``show system commit``."""

    when: str
    user: str
    via: str
    comment: str
    before: str
    """What ran before it."""
    trial: bool = False


class JunosCli(Cli):
    """One session."""

    @property
    def prompt(self) -> str:
        if self.typing:
            return ""
        return f"\nadmin@{self.hostname}> " if self.candidate is None else f"\n[edit]\nadmin@{self.hostname}# "

    def line(self, text: str) -> str:
        if self._typed is not None:
            self._typed.append(text)
            return ""
        command = " ".join(text.replace("| no-more", "").split())
        return (self._faulty(command) or self._answer(command)) if command else ""

    def finish_input(self) -> str:
        lines, self._typed = self._typed or [], None
        try:
            self.candidate = read(lines, self.candidate if self._destination == "merge" else None)
        except ConfigError as exc:
            return f"{exc}\nload complete (1 errors)\n"
        return "load complete\n"

    def _answer(self, command: str) -> str:
        for pattern, handler in _EXEC if self.candidate is None else _CONFIGURE:
            match = pattern.fullmatch(command)
            if match:
                try:
                    return handler(self, match)
                except ConfigError as exc:
                    return f"error: {exc}\n"
        return _INVALID

    def show_configuration(self) -> str:
        text = "\n".join(shown(load(self.router.read_running(self.session))))
        commits = self._history()
        when = commits[0].when if commits else "2026-01-01 00:00:00 UTC"
        return f"## Last commit: {when} by admin\n{text}\n"

    def _history(self) -> list[Commit]:
        """The commits; one on trial whose time was over has been followed by another, which took it back."""
        commits: list[Commit] = self.router.history
        if commits and commits[0].trial and not self.router.unconfirmed:
            commits[0].trial = False
            commits.insert(0, Commit(_now(), "root", "other", "", ""))
        return commits

    def show_commits(self) -> str:
        pending = self.router.pending
        rows = []
        for number, commit in enumerate(self._history()[:_KEPT]):
            trial = f" commit confirmed, rollback in {-(-pending[1] // 60):.0f}mins" if commit.trial and pending else ""
            rows.append(f"{number}   {commit.when} by {commit.user} via {commit.via}{trial}\n")
            rows += [f"    {commit.comment}\n"] if commit.comment else []
        return "".join(rows)

    def configure(self) -> str:
        self.candidate = parsed(self.router.running)
        self.base = self.router.revision
        return "Entering configuration mode\n"

    def begin(self, how: str) -> str:
        self._destination = how
        self._typed = []
        return "[Type ^D at a new line to end input]\n"

    def compare(self) -> str:
        assert self.candidate is not None
        return "".join(line + "\n" for line in compared(parsed(self.router.running), self.candidate))

    def check(self) -> str:
        assert self.candidate is not None
        check(self.candidate)
        # As on a device, which takes it for the confirmation.
        self._confirm()
        return "configuration check succeeds\n"

    def commit(self, minutes: str | None, confirmed: str | None, comment: str | None) -> str:
        assert self.candidate is not None
        before = self.router.running
        history = self._history()
        said = ""
        self._confirm()
        seconds = 60 * int(minutes or 10) if confirmed else None
        self.router.commit(self.candidate, self.base, seconds, session=self.session)
        history.insert(0, Commit(_now(), "admin", "cli", comment or "", before, trial=bool(confirmed)))
        del history[_KEPT:]
        self.base = self.router.revision
        if confirmed:
            said = f"commit confirmed will be automatically rolled back in {minutes or 10} minutes unless confirmed\n"
        return f"{said}commit complete\n"

    def _confirm(self) -> None:
        history = self._history()
        if self.router.unconfirmed:
            self.router.confirm(None)
            history[0].trial = False

    def rollback(self, number: str) -> str:
        history = self._history()
        if int(number) == 0:
            self.candidate = parsed(self.router.running)
        elif len(history) >= int(number) and history[int(number) - 1].before:
            self.candidate = parsed(history[int(number) - 1].before)
        else:
            raise ConfigError("rollback configuration does not exist")
        return "load complete\n"

    def quit(self) -> str:
        if self.candidate is None:
            raise Bye
        self.leave()
        return "Exiting configuration mode\n"


def _now() -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())


def _tables() -> tuple[dict[str, Handler], dict[str, Handler]]:
    version = f"{views.VERSION}\nIts command line is in the style of Junos, as far as a driver needs it.\n"
    execute: dict[str, Handler] = {
        r"show configuration": calling("show_configuration"),
        r"show system commit": calling("show_commits"),
        r"show version": lambda _cli, _match: version,
        r"show bgp summary( (?P<json>json))?": show_bgp,
        r"show route (?P<prefix>\S+)( (?P<json>json))?": show_route,
        r"set cli (screen-width|screen-length) \d+|set cli complete-on-space off": lambda _cli, _match: "",
        r"configure( exclusive| private)?": calling("configure"),
        r"exit|quit": calling("quit"),
    }
    configure: dict[str, Handler] = {
        r"load (?P<how>override|merge) terminal": calling("begin", "how"),
        r"show \| compare": calling("compare"),
        r"commit check": calling("check"),
        r"commit( (?P<confirmed>confirmed)( (?P<minutes>\d{1,5}))?)?( comment \"(?P<comment>[^\"]*)\")?": calling(
            "commit", "minutes", "confirmed", "comment"
        ),
        r"rollback (?P<number>\d{1,2})": calling("rollback", "number"),
        r"(exit|quit)( configuration-mode)?": calling("quit"),
    }
    return execute, configure


_EXEC, _CONFIGURE = (commands(rows) for rows in _tables())
