# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An embedded router that speaks in the style of Cisco IOS. A stand-in: its commands are those that the driver needs.

Every line takes effect at once; there is no candidate. What is true to IOS on purpose, because drivers stumble over it:
pages unless the terminal's length is 0, host names cut off in the prompt, a neighbour that goes with its remote-as, the
line of the last change, and a revert timer that wants an archive.
"""

import re
import time

from . import views
from .cli import Cli, Handler, calling, commands, leave_level, show_bgp, show_route
from .config import Config, parsed
from .grammar import ConfigError

_PAGE = 24
_MORE = " --More-- "
_ERASE = "\b" * len(_MORE) + " " * len(_MORE) + "\b" * len(_MORE)
_SHOWN = 20
_INVALID = "                ^\n% Invalid input detected at '^' marker.\n\n"
_NOT_PENDING = "%No Rollback Confirmed Change pending\n"
_BANNER = re.compile(r"(?m)^(banner login )(.*)$")
_BANNER_TYPED = re.compile(r"^(banner login )\^C(.*)\^C$")
_SUBMODES = (("interface ", "if"), ("router ", "router"), ("route-map ", "route-map"), ("key ", "keychain"))


class IosCli(Cli):
    """One session."""

    helps = True

    archive = True
    """Whether an archive is configured, which a revert timer needs."""
    enable_password = ""
    """What ``enable`` asks for; empty: the login gives all rights."""

    def __init__(self, *given: object) -> None:
        super().__init__(*given)  # type: ignore[arg-type]  # the same as the base's, whatever they are
        self._length = _PAGE
        self._rest: list[str] = []
        self._enabled = not self.enable_password
        self._asked = False

    @property
    def prompt(self) -> str:
        if self._rest:
            return ""
        if self._asked:
            return "Password: "
        if self.candidate is None:
            return self.hostname + ("#" if self._enabled else ">")
        name = self.candidate.value("hostname") or self.router.node.name
        sub = next((f"-{mode}" for start, mode in _SUBMODES if self.path and self.path[-1].startswith(start)), "")
        return f"{name[:_SHOWN]}(config{sub})#"

    @property
    def paging(self) -> bool:
        return bool(self._rest)

    def turn(self, key: str) -> str:
        if key in "qQ\x03":
            self._rest = []
            return _ERASE
        return _ERASE + self._page(self._rest, 1 if key == "\r" else self._length - 1)

    def _page(self, lines: list[str], length: int) -> str:
        shown, self._rest = lines[:length], lines[length:]
        return "".join(shown) + (_MORE if self._rest else "")

    def line(self, text: str) -> str:
        if not self._asked:
            return super().line(text)
        self._asked, self._enabled = False, text == self.enable_password
        return "" if self._enabled else "% Bad secrets\n\n"

    def enable(self) -> str:
        self._asked = not self._enabled
        return ""

    def _answer(self, command: str) -> str:
        if not self._enabled and command != "enable" and not command.startswith("terminal "):
            return _INVALID
        for pattern, handler in _EXEC if self.candidate is None else _CONFIGURE:
            match = pattern.fullmatch(command)
            if match:
                answer = handler(self, match)
                lines = answer.splitlines(keepends=True)
                return self._page(lines, self._length - 1) if 0 < self._length <= len(lines) else answer
        return _INVALID if self.candidate is None else self._typed_line(command)

    def _typed_line(self, command: str) -> str:
        command = _BANNER_TYPED.sub(r"\1\2", command)
        if self.candidate is None or self.base != self.router.revision:
            self.candidate = parsed(self.router.running).copy()
        # Until the line has been taken, whatever it did to the candidate is not so.
        self.base = -1
        words = tuple(command.split())
        if not self._put(words):
            return _INVALID
        try:
            _check(words, self.candidate)
            if words[0] == "no":
                _drop_orphans(self.candidate)
            self.router.edit(self.candidate, self.session)
        except ConfigError as exc:
            return f"% {exc}\n"
        self.base = self.router.revision
        return ""

    def _put(self, words: tuple[str, ...]) -> bool:
        """Take a line into the innermost block that knows it, of those that were entered."""
        for depth in range(len(self.path), -1, -1):
            level = self._level(self.path[:depth])
            try:
                if words[0] == "no":
                    level.remove(words[1:])
                    opened = None
                else:
                    opened = level.add(words).block
            except ConfigError:
                continue
            self.path = [*self.path[:depth], *([" ".join(words)] if opened is not None else [])]
            return True
        return False

    def _level(self, path: list[str]) -> Config:
        assert self.candidate is not None
        level = self.candidate
        for header in path:
            # Somebody else may have removed it: then it is there again, as on a router.
            level = level.add(tuple(header.split())).block or level
        return level

    def show_running(self) -> str:
        text = _BANNER.sub(r"\1^C\2^C", self.router.read_running(self.session))
        stamp = time.strftime("%H:%M:%S UTC %a %b %d %Y", time.gmtime())
        head = f"!\n! Last configuration change at {stamp} by admin\n!\nversion 17.9\n"
        return f"Building configuration...\n\nCurrent configuration : {len(text)} bytes\n{head}{text}"

    def show_startup(self) -> str:
        text = _BANNER.sub(r"\1^C\2^C", self.router.startup)
        return f"Using {len(text)} out of 524288 bytes\n!\nversion 17.9\n{text}"

    def configure(self, minutes: str | None) -> str:
        answer = ""
        if minutes:
            if not self.archive:
                return "% The archive feature is not enabled\n"
            try:
                self.router.begin_trial(60 * int(minutes))
            except ConfigError as exc:
                return f"% {exc}\n"
            self.router.history[:] = [(time.strftime("%H:%M:%S UTC %a %b %d %Y", time.gmtime()), int(minutes))]
            answer = "Rollback Confirmed Change: Backing up current running config to flash:archive-1\n\n"
        self.candidate = parsed(self.router.running).copy()
        self.base = self.router.revision
        return f"{answer}Enter configuration commands, one per line.  End with CNTL/Z.\n"

    def show_timer(self) -> str:
        if self.router.pending is None or not self.router.history:
            return ""
        since, minutes = self.router.history[0]
        return (
            f"  Time configured(or reconfigured): {since}\n  Timer type: absolute timer\n  Timer value: {minutes} min\n"
        )

    def confirm(self) -> str:
        if not self.router.unconfirmed:
            return _NOT_PENDING
        self.router.confirm(None)
        return ""

    def revert(self) -> str:
        if not self.router.unconfirmed:
            return _NOT_PENDING
        self.router.cancel(None)
        return "Rollback Confirmed Change: rolling to:flash:archive-1\n\nTotal number of passes: 1\nRollback Done\n\n"

    def end(self) -> str:
        self.leave()
        return ""

    def save(self) -> str:
        self.router.save()
        return "Building configuration...\n[OK]\n"

    def set_length(self, lines: str) -> str:
        self._length = int(lines)
        return ""

    def show_archive(self) -> str:
        return (
            "The maximum archive configurations allowed is 10.\n" if self.archive else "Archive feature not enabled\n"
        )


def _check(words: tuple[str, ...], config: Config) -> None:
    """Refuse at once what IOS refuses at once."""
    instances = list(config.select("router", "bgp"))
    if len(instances) > 1:
        raise ConfigError(f"BGP is already running; AS is {instances[0].words[2]}")
    if words[0] == "neighbor" and words[2:3] != ("remote-as",):
        known = [line for bgp in instances if bgp.block for line in bgp.block.select("neighbor", words[1], "remote-as")]
        if not known:
            raise ConfigError("Specify remote-as or peer-group commands first")


def _drop_orphans(config: Config) -> None:
    for bgp in config.select("router", "bgp"):
        if bgp.block is None:
            continue
        known = {line.words[1] for line in bgp.block.select("neighbor") if line.words[2] == "remote-as"}
        gone = [
            key for key, line in bgp.block.lines.items() if line.words[0] == "neighbor" and line.words[1] not in known
        ]
        for key in gone:
            del bgp.block.lines[key]


def _handlers() -> tuple[dict[str, Handler], dict[str, Handler]]:
    version = f"{views.VERSION}\nIts command line is in the style of Cisco IOS, as far as a driver needs it.\n"
    both: dict[str, Handler] = {
        r"(do )?show running-config": calling("show_running"),
        r"(do )?show startup-config": calling("show_startup"),
        r"(do )?show version": lambda _cli, _match: version,
        r"(do )?show clock": lambda _cli, _match: time.strftime("*%H:%M:%S.000 UTC %a %b %d %Y\n", time.gmtime()),
        r"(do )?show bgp summary( (?P<json>json))?": show_bgp,
        r"(do )?show route (?P<prefix>\S+)( (?P<json>json))?": show_route,
        r"exit": leave_level,
        r"end": calling("end"),
    }
    execute: dict[str, Handler] = {
        **both,
        r"terminal length (?P<lines>\d{1,3})": calling("set_length", "lines"),
        r"enable": calling("enable"),
        r"terminal width \d{1,3}": lambda _cli, _match: "",
        r"configure terminal( revert timer (?P<minutes>\d{1,3}))?": calling("configure", "minutes"),
        r"configure confirm": calling("confirm"),
        r"configure revert now": calling("revert"),
        r"show archive config rollback timer": calling("show_timer"),
        r"show archive": calling("show_archive"),
        r"write( memory)?|copy running-config startup-config": calling("save"),
    }
    return execute, both


_EXEC, _CONFIGURE = (commands(rows) for rows in _handlers())
