# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An embedded router in the style of Cisco IOS-XR. A stand-in: its commands are those that the driver needs.

What is true to IOS-XR on purpose, because drivers stumble over it: what is typed in changes nothing before it is
committed, over what runs or in its place; a comment ends no submode, and a line that belongs elsewhere is taken
by the mode that one is in where that knows its first word; a set or a policy is left by its own end alone, of which
nothing is kept here; a warning looks like a refusal; a question before a replacement; the time before each answer; and
the reasons for a refused commit, which have to be asked for.
"""

import re
import time
from collections.abc import Iterator

from . import views
from .cli import Bye, Cli, Handler, calling, commands, show_bgp, show_route
from .config import Config, Line, parsed, render
from .grammar import ConfigError

_PLACE = "RP/0/RP0/CPU0:"
_HEAD = "!! Building configuration...\n!! IOS XR Configuration 24.3.1\n"
_INVALID = "                ^\n% Invalid input detected at '^' marker.\n"
_FAILED = (
    "\n% Failed to commit one or more configuration items during a pseudo-atomic operation. All changes made have been "
    "reverted. Please issue 'show configuration failed [inheritance]' from this session to view the errors\n"
)
_LOCKED = "Cannot enter exclusive mode. The Configuration Namespace is locked by another agent.\n"
_WARNING = (
    "% WARNING: Policy object {} exists! Reconfiguring it via CLI will replace current definition. "
    "Use abort to cancel.\n"
)
_REPLACE = (
    "\nThis commit will replace or remove the entire running configuration. This\n"
    "operation can be service affecting.\nDo you wish to proceed? [no]: "
)
_SUBMODES = (("interface ", "if"), ("router ", "bgp"), ("route-map ", "rmap"), ("key ", "keychain"))
_OPAQUE = re.compile(r"(?:route-policy|[a-z-]+-set) \S+")
_CLOSED = re.compile(r"end-(?:policy|set)")
_BANNER = re.compile(r"(?m)^(banner login )(.*)$")
_BANNER_TYPED = re.compile(r"(banner login )\^C(.*)\^C")


class IosxrCli(Cli):
    """One session."""

    helps = True

    def __init__(self, *given: object) -> None:
        super().__init__(*given)  # type: ignore[arg-type]  # the same as the base's, whatever they are
        self.target = Config()
        """What has been typed in, without what runs."""
        self._stamped = True
        self._asked = False
        self._inside = ""
        self._failed = ""

    @property
    def prompt(self) -> str:
        if self._asked:
            return ""
        name = f"{_PLACE}{self.hostname}"
        if self.candidate is None:
            return f"{name}#"
        sub = next((f"-{mode}" for start, mode in _SUBMODES if self.path and self.path[-1].startswith(start)), "")
        return f"{name}(config{'-rpl' if self._inside else sub * min(1, len(self.path))}{'-x' * (len(self.path) - 1)})#"

    def line(self, text: str) -> str:
        if not self._asked:
            return super().line(text)
        self._asked = False
        return self._commit(self.target) if text.strip() == "yes" else ""

    def gone(self) -> None:
        self.leave()

    def leave(self) -> None:
        if self.router.history == [self.session]:
            self.router.history.clear()
        self.target, self._inside = Config(), ""
        super().leave()

    def _answer(self, command: str) -> str:
        if self._inside:
            return self._policy(command)
        for pattern, handler in _EXEC if self.candidate is None else _CONFIGURE:
            match = pattern.fullmatch(command)
            if match:
                stamp = time.strftime("%a %b %d %H:%M:%S.000 UTC\n", time.gmtime()) if self._stamped else ""
                return stamp + handler(self, match)
        return _INVALID if self.candidate is None else self._typed_line(_BANNER_TYPED.sub(r"\1\2", command))

    def _policy(self, command: str) -> str:
        if _CLOSED.fullmatch(command) or command == "exit":
            self._inside = ""
        # Any other is a line of the policy, were it an interface.
        return "" if command not in ("root", "abort") else _INVALID

    def _typed_line(self, command: str) -> str:
        if not self.path and _OPAQUE.fullmatch(command):
            self._inside = command
            return _WARNING.format(command)
        words = tuple(command.split())
        for depth in range(len(self.path), -1, -1):
            try:
                opened = self._put(self.candidate, depth, words)
                self._put(self.target, depth, words)
            except ConfigError:
                if words[0] in self._level(self.candidate, depth).table.rules:
                    return _INVALID
                continue
            self.path = [*self.path[:depth], *([command] if opened else [])]
            return ""
        return _INVALID

    def _put(self, config: Config | None, depth: int, words: tuple[str, ...]) -> bool:
        level = self._level(config, depth)
        if words[0] == "no":
            level.remove(words[1:])
            return False
        return level.add(words).block is not None

    def _level(self, config: Config | None, depth: int) -> Config:
        assert config is not None
        for header in self.path[:depth]:
            config = config.add(tuple(header.split())).block or config
        return config

    def configure(self, exclusive: str | None) -> str:
        if self.router.history:
            return _LOCKED if exclusive else "The configuration is locked by another session.\n"
        if exclusive:
            self.router.history.append(self.session)
        self._begin()
        return ""

    def _begin(self) -> None:
        self.candidate, self.target, self.path = parsed(self.router.running).copy(), Config(), []

    def exit(self) -> str:
        if self.candidate is None:
            raise Bye
        if self.path:
            self.path.pop()
        else:
            self.leave()
        return ""

    def end(self) -> str:
        self.leave()
        return ""

    def commit(self, replace: str | None) -> str:
        if replace:
            self._asked = True
            return _REPLACE
        assert self.candidate is not None
        return self._commit(self.candidate)

    def _commit(self, config: Config) -> str:
        if render(config) == self.router.running:
            return "% No configuration changes to commit.\n"
        try:
            self.router.commit(config, self.router.revision, session=self.session)
        except ConfigError as exc:
            self._failed = str(exc)
            return _FAILED
        self._begin()
        return ""

    def show_failed(self) -> str:
        return (
            f"!! SEMANTIC ERRORS: This configuration was rejected by \n!! the system due to semantic errors.\n\n"
            f"!!% {self._failed}\n!\nend\n"
        )

    def show_running(self) -> str:
        return _shown(self.router.read_running(self.session))

    def show_merge(self) -> str:
        assert self.candidate is not None
        return _shown(render(self.candidate))

    def show_changes(self) -> str:
        lines = _changes(parsed(self.router.running), self.target)
        return f"{_HEAD}{''.join(lines)}end\n"

    def unstamped(self) -> str:
        self._stamped = False
        return ""


def _shown(text: str) -> str:
    stamp = time.strftime("%a %b %d %H:%M:%S %Y", time.gmtime())
    head = f"{_HEAD}!! Last configuration change at {stamp} by admin\n"
    return head + _BANNER.sub(r"\1^C\2^C", text)


def _changes(before: Config, after: Config, depth: int = 0) -> Iterator[str]:
    """The lines of a replacement: ``#`` marks a section in which something changes, and both values of such a line."""
    pad = " " * depth
    for key, old in before.lines.items():
        new = after.lines.get(key)
        if new is None:
            yield from _whole(old, "-", depth)
        elif old.words != new.words:
            yield from (f"#  {pad}{' '.join(line.words)}\n" for line in (old, new))
        elif old.block and new.block and (below := list(_changes(old.block, new.block, depth + 1))):
            yield f"#  {pad}{' '.join(new.words)}\n"
            yield from below
            yield f"   {pad}!\n"
    for key, new in after.lines.items():
        if key not in before.lines:
            yield from _whole(new, "+", depth)


def _whole(line: Line, mark: str, depth: int) -> Iterator[str]:
    yield f"{mark}  {' ' * depth}{' '.join(line.words)}\n"
    for below in line.block.lines.values() if line.block else ():
        yield from _whole(below, mark, depth + 1)


def _tables() -> tuple[dict[str, Handler], dict[str, Handler]]:
    version = f"{views.VERSION}\nIts command line is in the style of Cisco IOS-XR, as far as a driver needs it.\n"
    execute: dict[str, Handler] = {
        r"show running-config": calling("show_running"),
        r"show version": lambda _cli, _match: version,
        r"show bgp summary( (?P<json>json))?": show_bgp,
        r"show route (?P<prefix>\S+)( (?P<json>json))?": show_route,
        r"terminal (length|width) \d+": lambda _cli, _match: "",
        r"terminal exec prompt no-timestamp": calling("unstamped"),
        r"configure( (?P<exclusive>exclusive))?": calling("configure", "exclusive"),
        r"exit": calling("exit"),
    }
    configure: dict[str, Handler] = {
        r"do show running-config": calling("show_running"),
        r"show configuration merge": calling("show_merge"),
        r"show configuration changes diff": calling("show_changes"),
        r"show configuration failed": calling("show_failed"),
        r"commit( (?P<replace>replace))?": calling("commit", "replace"),
        r"exit": calling("exit"),
        r"end|abort": calling("end"),
    }
    return execute, configure


_EXEC, _CONFIGURE = (commands(rows) for rows in _tables())
