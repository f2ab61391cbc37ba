# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line of an embedded router: one line in, the answer and the next prompt out."""

import ipaddress
import itertools
import json
import re
from collections.abc import Callable, Mapping
from typing import TypeAlias

from . import views
from .config import Config, check, diff, load, parsed, render
from .grammar import ConfigError
from .router import Router

Handler: TypeAlias = Callable[["Cli", re.Match[str]], str]

_HOSTNAME = re.compile(r"^hostname (\S+)$", re.MULTILINE)
NOISE = "\x1b[2J\x07@@ 0x8f3a memory dump follows ~~~ \ufffd\ufffd 00 00 7f\n"
_FLOOD_LINE = "interface Ethernet0/0/0 is a line that a router gone mad repeats for ever and ever and ever\n"
_FLOOD_BYTES = 100_000_000

_sessions = itertools.count(1)


class Hang(Exception):
    """The command is never answered."""


class Bye(Exception):
    """The session ends, as asked."""


class Cli:
    """One session's view of a router: its mode, its private candidate, and what is being typed in."""

    helps = False
    """Whether a question mark is no text but asks for help."""

    def __init__(self, router: Router, fleet: Mapping[str, Router], origins: Mapping[str, str]) -> None:
        self.session = next(_sessions)
        self.router = router
        self.fleet = fleet
        self.origins = origins
        self.candidate: Config | None = None
        self.base = 0
        self.path: list[str] = []
        self._destination = ""
        self._typed: list[str] | None = None
        self._hostname: tuple[int, str] = (-1, "")

    @property
    def prompt(self) -> str:
        if self._typed is not None:
            return ""
        return self.hostname + (">" if self.candidate is None else "(config)#") + " "

    @property
    def hostname(self) -> str:
        """The name that runs now."""
        if self._hostname[0] != self.router.revision:
            found = _HOSTNAME.search(self.router.running)
            self._hostname = (self.router.revision, found[1] if found else self.router.node.name)
        return self._hostname[1]

    @property
    def typing(self) -> bool:
        """A configuration is being typed in: lines are collected, not run."""
        return self._typed is not None

    @property
    def paging(self) -> bool:
        """An answer is shown in part: the next key turns the page."""
        return False

    def turn(self, key: str) -> str:
        """Take a key while paging; without pages there is nothing to turn."""
        del key
        return ""

    def line(self, text: str) -> str:
        """Take one line and give its answer. Raises ``Hang``, ``Bye`` and the router's ``SessionCut``."""
        if self._typed is not None:
            if text.rstrip() != ".":
                self._typed.append(text)
                return ""
            return self.finish_input()
        command = " ".join(text.split())
        if not command or command.startswith("!"):
            return ""
        return self._faulty(command) or self._answer(command)

    def finish_input(self) -> str:
        """End the input of a configuration, at a full stop or the end-of-file key."""
        lines, self._typed = self._typed or [], None
        body = "\n".join(lines)
        try:
            if self._destination == "startup":
                self.router.write_startup(load(body))
            else:
                self.candidate = load(body, self.candidate if self._destination == "merge" else None)
        except ConfigError as exc:
            return f"% {exc}; nothing was loaded\n"
        return f"Loaded {len(lines)} lines\n"

    def _faulty(self, command: str) -> str:
        fault = self.router.fault
        if fault.hang and command.startswith(fault.hang) and fault.strike():
            raise Hang
        if fault.garbage and command.startswith(fault.garbage) and fault.strike():
            return NOISE
        if fault.flood and command.startswith(fault.flood) and fault.strike():
            return _flood()
        return ""

    def _answer(self, command: str) -> str:
        table = _EXEC if self.candidate is None else _CONFIGURE
        for pattern, handler in table:
            match = pattern.fullmatch(command)
            if match:
                try:
                    return handler(self, match)
                except ConfigError as exc:
                    return f"% {exc}\n"
        if self.candidate is not None:
            return self._edit(command)
        return "% Invalid input: unknown command\n"

    def _edit(self, command: str) -> str:
        """Take a configuration line typed at the prompt, inside the block that was entered last."""
        assert self.candidate is not None
        for depth in range(len(self.path), -1, -1):
            lines = [" " * level + header for level, header in enumerate([*self.path[:depth], command])]
            try:
                self.candidate = load("\n".join(lines), self.candidate)
            except ConfigError as exc:
                if depth == 0:
                    return f"% {str(exc).replace(' at line 1', '')}\n"
            else:
                self.path = self.path[:depth]
                if _opens_block(self.candidate, [*self.path, command]):
                    self.path.append(command)
                return ""
        return ""

    def begin_input(self, destination: str) -> str:
        self._destination = destination
        self._typed = []
        return "Enter the configuration; end with a line of a single '.' or with Ctrl-D.\n"

    def leave(self) -> None:
        self.candidate = None
        self.path = []

    def gone(self) -> None:
        """The connection is lost or closed."""


def _flood() -> str:
    return _FLOOD_LINE * (_FLOOD_BYTES // len(_FLOOD_LINE))


def _opens_block(config: Config, path: list[str]) -> bool:
    level: Config | None = config
    for header in path:
        words = tuple(header.split())
        line = level.lines.get(words) if level else None
        level = line.block if line else None
    return level is not None


def _configure(cli: Cli, _match: re.Match[str]) -> str:
    cli.router.must_be_free()
    cli.candidate = parsed(cli.router.running)
    cli.base = cli.router.revision
    return ""


def _commit(cli: Cli, match: re.Match[str]) -> str:
    assert cli.candidate is not None
    seconds = int(match["seconds"] or 600) if match["confirmed"] else None
    try:
        if cli.router.unconfirmed and not match["confirmed"]:
            cli.router.confirm(None)
            if render(cli.candidate) == cli.router.running:
                return "Commit complete.\n"
        cli.router.commit(cli.candidate, cli.base, seconds, match["persist"], session=cli.session)
    except ConfigError as exc:
        return f"% Commit refused: {exc}\n"
    cli.base = cli.router.revision
    return f"Commit complete{f'; it is undone in {seconds} s unless it is confirmed' if seconds else ''}.\n"


def _commit_persist(cli: Cli, match: re.Match[str]) -> str:
    """Confirm the commit of another session, by its id; the candidate of this one is left alone."""
    cli.router.confirm(match["persist"])
    return "Commit confirmed.\n"


def _commit_abort(cli: Cli, match: re.Match[str]) -> str:
    if match["persist"] or cli.router.unconfirmed:
        cli.router.cancel(match["persist"])
    cli.candidate = parsed(cli.router.running)
    cli.base = cli.router.revision
    cli.path = []
    return "Commit undone.\n" if match["persist"] else ""


def _show_commit(cli: Cli, _match: re.Match[str]) -> str:
    pending = cli.router.pending
    if pending is None:
        return "No commit waits for its confirmation\n"
    persist, seconds = pending
    return f"Persist id {persist or 'none'}: the commit is undone in {seconds:.0f} s unless it is confirmed\n"


def _check(cli: Cli, _match: re.Match[str]) -> str:
    assert cli.candidate is not None
    check(cli.candidate)
    return "Configuration check succeeded.\n"


def _compare(cli: Cli, _match: re.Match[str]) -> str:
    assert cli.candidate is not None
    return "".join(line + "\n" for line in diff(parsed(cli.router.running), cli.candidate))


def leave_level(cli: Cli, _match: re.Match[str]) -> str:
    if cli.candidate is None:
        raise Bye
    if cli.path:
        cli.path.pop()
    else:
        cli.leave()
    return ""


def _end(cli: Cli, _match: re.Match[str]) -> str:
    cli.leave()
    return ""


def _save(cli: Cli, _match: re.Match[str]) -> str:
    cli.router.save()
    return "Startup configuration written.\n"


def show_bgp(cli: Cli, match: re.Match[str]) -> str:
    summary = views.bgp_summary(cli.router, cli.fleet)
    if match["json"]:
        return json.dumps(summary, indent=1) + "\n"
    rows = (f"{address:<16}{peer['remoteAs']:<12}{peer['state']}\n" for address, peer in summary["peers"].items())
    return f"{'Neighbor':<16}{'AS':<12}State\n" + "".join(rows)


def show_route(cli: Cli, match: re.Match[str]) -> str:
    try:
        prefix = str(ipaddress.IPv4Network(match["prefix"]))
    except ValueError:
        raise ConfigError("Invalid input: show route ^ expected <prefix>") from None
    answer = views.route(cli.router, prefix, cli.fleet, cli.origins)
    if match["json"]:
        return json.dumps(answer) + "\n"
    return f"{prefix} {'is known' if answer['found'] else 'is not in the table'}\n"


def _show_version(cli: Cli, _match: re.Match[str]) -> str:
    return f"{views.VERSION}\n{cli.router.node.name}, {cli.router.node.role} of {cli.router.node.site}\n"


def calling(method: str, *groups: str) -> Handler:
    """Call a dialect's method with what these groups of the pattern have matched."""
    return lambda cli, match: getattr(cli, method)(*(match[group] for group in groups))


def commands(rows: Mapping[str, Handler]) -> list[tuple[re.Pattern[str], Handler]]:
    return [(re.compile(pattern), handler) for pattern, handler in rows.items()]


_SHOW: dict[str, Handler] = {
    r"show running-config": lambda cli, _match: cli.router.read_running(cli.session),
    r"show startup-config": lambda cli, _match: cli.router.startup,
    r"show version": _show_version,
    r"show commit": _show_commit,
    r"show bgp summary( (?P<json>json))?": show_bgp,
    r"show route (?P<prefix>\S+)( (?P<json>json))?": show_route,
    r"terminal (length|width) \d+": lambda _cli, _match: "",
    r"exit|quit": leave_level,
}
_EXEC = commands(
    {
        **_SHOW,
        r"enable": lambda _cli, _match: "",
        r"configure( terminal)?": _configure,
        r"write( memory)?|copy running-config startup-config": _save,
        r"copy terminal: startup-config": lambda cli, _match: cli.begin_input("startup"),
    },
)
_CONFIGURE = commands(
    {
        **_SHOW,
        r"load (?P<how>replace|merge)": lambda cli, match: cli.begin_input(match["how"]),
        r"compare": _compare,
        r"check": _check,
        r"commit abort( persist (?P<persist>\S{1,64}))?": _commit_abort,
        r"commit persist (?P<persist>\S{1,64})": _commit_persist,
        r"end|abort": _end,
        r"commit( (?P<confirmed>confirmed)( (?P<seconds>\d{1,6}))?( persist (?P<persist>\S{1,64}))?)?": _commit,
    },
)
