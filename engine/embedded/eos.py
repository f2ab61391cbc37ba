# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An embedded router that speaks in the style of Arista EOS. A stand-in: its commands are those that the driver needs.

What is true to EOS on purpose, because drivers stumble over it: configuration sessions that have names, outlive the
connection and are at most five; a text that is copied into one line by line, with the lines that it does not take
said afterwards, words of them included; banners that end with ``EOF``; a commit that says nothing; and two ways in
which releases tell what is on trial. Where it is not known what EOS says, this says nothing.
"""

import difflib
import re
import time
from dataclasses import dataclass

from . import views
from .cli import Cli, Handler, calling, commands, leave_level, show_bgp, show_route
from .config import Config, load, parsed, render
from .grammar import ConfigError

_MOST = 5
_SHOWN = 6
_INVALID = "% Invalid input\n"
_INVITATION = "enter input line by line; when done enter one or more control-d\n"
_COPIED = "Copy completed successfully.\n"
_NEWLINE = "\u2424"
"""Stands for the ends of lines in a banner, which the embedded fleet's own language knows as one line."""
_BANNER = "banner login"
_HEAD = "! device: {name} (vEOS-lab, EOS-4.35.0F)\n!\n! boot system flash:/vEOS-lab.swi\n!\n"
_LINE = re.compile(r"at line (\d+)")


@dataclass(slots=True)
class Waiting:
    """A configuration session that is neither committed nor aborted, or is committed on trial."""

    name: str
    candidate: Config
    inside: int = 0
    """Whose terminal is in it; 0: nobody's."""
    trial: bool = False


class EosCli(Cli):
    """One session."""

    modern = True
    """Whether what is on trial is told as by EOS 4.35 or as by releases before."""

    @property
    def prompt(self) -> str:
        if self.typing:
            return ""
        inside = self._inside
        return self.hostname + (f"(config-s-{inside.name[:_SHOWN]})#" if inside else "#")

    def line(self, text: str) -> str:
        if self._typed is not None:
            self._typed.append(text)
            return ""
        return super().line(text)

    def finish_input(self) -> str:
        lines, self._typed = self._typed or [], None
        config, refused = _taken(lines, None if self._destination == "startup" else self.candidate)
        if self._destination == "startup":
            self.router.write_startup(config)
        else:
            self.candidate = config
        return "".join(refused) + _COPIED

    def gone(self) -> None:
        if self._inside is not None:
            self.leave()

    def leave(self) -> None:
        inside = self._inside
        if inside is not None and self.candidate is not None:
            inside.candidate, inside.inside = self.candidate, 0
        super().leave()

    @property
    def _inside(self) -> Waiting | None:
        return next((each for each in self._waiting() if each.inside == self.session), None)

    def _waiting(self) -> list[Waiting]:
        """The sessions; one on trial whose time was over has been taken back."""
        pending = self.router.pending
        waiting: list[Waiting] = self.router.history
        waiting[:] = [each for each in waiting if not each.trial or (pending and pending[0] == each.name)]
        return waiting

    def _named(self, name: str) -> Waiting | None:
        return next((each for each in self._waiting() if each.name == name), None)

    def _answer(self, command: str) -> str:
        for pattern, handler in _EXEC if self.candidate is None else _SESSION:
            match = pattern.fullmatch(command)
            if match:
                try:
                    return handler(self, match)
                except ConfigError as exc:
                    return f"% {exc}\n"
        return _INVALID if self.candidate is None else self._edit(command)

    def show_running(self) -> str:
        head = _HEAD.format(name=self.hostname)
        return f"! Command: show running-config\n{head}{_shown(self.router.read_running(self.session))}"

    def show_startup(self) -> str:
        stamp = time.strftime("%a %b %d %H:%M:%S %Y", time.gmtime())
        head = f"! Startup-config last modified at  {stamp} by admin\n{_HEAD.format(name=self.hostname)}"
        return f"! Command: show startup-config\n{head}{_shown(self.router.startup)}"

    def show_sessions(self) -> str:
        trial, left = self.router.pending or (None, 0.0)
        clock = f"{left // 3600:.0f}:{left // 60 % 60:02.0f}:{int(left) % 60:02}"
        head = f"Maximum number of completed sessions: 1\nMaximum number of pending sessions: {_MOST}\n"
        if self.modern and trial:
            head += f"\nSession with pending commit timer: {trial}\nTime left until commit timer expiry: in {clock}\n"
        rows = [
            "  Name   State   User   Terminal   Commit Time Left",
            "- ------ ------- ------ ---------- ----------------",
        ]
        for each in self._waiting():
            mark = "*" if each.inside == self.session else " "
            if each.trial:
                state = (
                    "committed" if self.modern else f"pendingCommitTimer          {left // 60:.0f}m{int(left) % 60}s"
                )
            else:
                state = f"pending   {f'admin vty{each.inside}' if each.inside else ''}".rstrip()
            rows.append(f"{mark} {each.name}   {state}  ")
        return head + "\n" + "\n".join(rows) + "\n"

    def configure(self, name: str) -> str:
        waiting = self._named(name)
        if waiting is None:
            if sum(not each.trial for each in self._waiting()) >= _MOST:
                return "Maximum number of pending sessions has been reached. Please commit or abort one of them.\n"
            waiting = Waiting(name, parsed(self.router.running))
            self._waiting().append(waiting)
        if waiting.trial:
            return f"% Session {name} is in state pendingCommitTimer\n"
        waiting.inside, self.candidate = self.session, waiting.candidate
        return ""

    def settle(self, name: str, verb: str) -> str:
        pending = self.router.pending
        if pending and pending[0] == name:
            (self.router.confirm if verb == "commit" else self.router.cancel)(name)
        elif (waiting := self._named(name)) is not None:
            self._waiting().remove(waiting)
            if verb == "commit":
                self.router.commit(waiting.candidate, self.router.revision, session=self.session)
        return ""

    def clean(self) -> str:
        self.candidate = Config()
        return ""

    def copy(self, destination: str) -> str:
        self._destination = destination
        self._typed = []
        return _INVITATION

    def diffs(self) -> str:
        assert self.candidate is not None
        inside = self._inside
        before, after = (_shown(text).splitlines() for text in (self.router.running, render(self.candidate)))
        name = f"session:/{inside.name if inside else ''}-session-config"
        found = difflib.unified_diff(before, after, "system:/running-config", name, lineterm="")
        return "".join(f"{line}\n" for line in found)

    def commit(self, timer: str | None) -> str:
        inside = self._inside
        assert inside is not None
        assert self.candidate is not None
        if (pending := self.router.pending) is not None:
            return f"% Cannot commit: another session {pending[0]} is pending commit timer\n"
        seconds = None
        if timer:
            hours, minutes, rest = (int(part) for part in timer.split(":"))
            seconds = 3600 * hours + 60 * minutes + rest
        before = self.router.revision
        try:
            self.router.commit(self.candidate, before, seconds, inside.name, session=self.session)
        finally:
            # Also where the connection is cut: what is committed waits no more.
            if self.router.revision != before:
                self.leave()
                inside.trial = seconds is not None
                if not inside.trial:
                    self._waiting().remove(inside)
        return ""

    def abort(self) -> str:
        inside = self._inside
        self.leave()
        if inside is not None:
            self._waiting().remove(inside)
        return ""

    def end(self) -> str:
        self.leave()
        return ""

    def save(self) -> str:
        self.router.save()
        return _COPIED


def _shown(text: str) -> str:
    """The configuration in the shape of EOS: three spaces a level, and banners that end with a line of their own."""
    lines = []
    for line in text.splitlines():
        if line.startswith(f"{_BANNER} "):
            lines += [_BANNER, *line.removeprefix(f"{_BANNER} ").split(_NEWLINE), "EOF"]
        else:
            depth = len(line) - len(line.lstrip(" "))
            lines.append("   " * depth + line.lstrip(" "))
    return "".join(f"{line}\n" for line in lines)


def _folded(lines: list[str]) -> list[str]:
    """The lines with each banner as one, and empty ones after it: numbers stay what they are."""
    folded: list[str] = []
    start = None
    for number, line in enumerate(lines):
        if start is None and line.strip() == _BANNER:
            start = number
        elif start is not None and line.strip() == "EOF":
            text = _NEWLINE.join(lines[start + 1 : number])
            folded += [f"{_BANNER} {text}", *[""] * (number - start)]
            start = None
        elif start is None:
            folded.append(line)
    # A banner that nothing ends takes the rest.
    return folded if start is None else [*folded, f"{_BANNER} {_NEWLINE.join(lines[start + 1 :])}"]


def _taken(lines: list[str], base: Config | None) -> tuple[Config, list[str]]:
    """Take the lines that are taken; gives what EOS says of the others."""
    left = _folded(lines)
    refused: list[str] = []
    while True:
        try:
            return load("\n".join(left), base), refused
        except ConfigError as exc:
            found = _LINE.search(str(exc))
            assert found is not None
            number = int(found[1])
            words = left[number - 1].split()
            where = f"(at token {len(words) - 1}: '{words[-1]}') at line {number}"
            refused.append(f"> {left[number - 1].strip()}\n% Invalid input {where}\n")
            left[number - 1] = ""


def _tables() -> tuple[dict[str, Handler], dict[str, Handler]]:
    version = f"{views.VERSION}\nIts command line is in the style of Arista EOS, as far as a driver needs it.\n"
    both: dict[str, Handler] = {
        r"show running-config": calling("show_running"),
        r"show startup-config": calling("show_startup"),
        r"show version": lambda _cli, _match: version,
        r"show configuration sessions detail": calling("show_sessions"),
        r"show bgp summary( (?P<json>json))?": show_bgp,
        r"show route (?P<prefix>\S+)( (?P<json>json))?": show_route,
    }
    execute: dict[str, Handler] = {
        **both,
        r"enable|terminal (length|width) \d+": lambda _cli, _match: "",
        r"configure session (?P<name>\S+)": calling("configure", "name"),
        r"configure session (?P<name>\S+) (?P<verb>commit|abort)": calling("settle", "name", "verb"),
        r"copy terminal: (?P<destination>startup)-config": calling("copy", "destination"),
        r"write( memory)?|copy running-config startup-config": calling("save"),
        r"exit": leave_level,
    }
    session: dict[str, Handler] = {
        **both,
        r"rollback clean-config": calling("clean"),
        r"copy terminal: (?P<destination>session)-config": calling("copy", "destination"),
        r"show session-config diffs": calling("diffs"),
        r"commit( timer (?P<timer>\d+:\d\d:\d\d))?": calling("commit", "timer"),
        r"abort": calling("abort"),
        r"end|exit": calling("end"),
    }
    return execute, session


_EXEC, _SESSION = (commands(rows) for rows in _tables())
