# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Private to this collection: what went wrong in which line of a template, and for which hosts."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import jinja2
from ansible.template import AnsibleUndefined, Templar
from ansible_collections.raywright.fleet.plugins.plugin_utils._render import FleetTemplate
from ansible_collections.raywright.fleet.plugins.plugin_utils._secrets import (
    Origin,
    mask,
    secret_values,
)

_HOSTS_SHOWN = 4
_KINDS_SHOWN = 5
_LONGEST = 400


@dataclass(frozen=True, slots=True)
class Failure:
    """Why one host has no configuration; equal reasons compare equal."""

    host: str
    where: str
    reason: str


def explain(template: FleetTemplate, host: str, variables: Mapping[str, Any], error: Exception) -> Failure:
    """Render once more, watched, to learn the line; what the host keeps secret is masked in the reason."""
    spot = _Spot()
    watched = template.new_templar()
    _watch(watched, spot)
    try:
        template.render(variables, "", watched)
    except Exception as again:  # noqa: BLE001 - whatever a filter raised, the first error is the one to report
        _from_syntax_error(again, spot)
    reason = " ".join(str(error).split()).removesuffix(".") + _elsewhere(template, error)
    unwatched = template.new_templar()
    unwatched.available_variables = dict(variables)
    values = secret_values(variables, unwatched.template)
    name = spot.name or Path(template.path).name
    where = f"template {name}, line {spot.line}" if spot.line else f"template {name}"
    return Failure(host, where, mask(reason, values)[:_LONGEST])


def _elsewhere(template: FleetTemplate, error: Exception) -> str:
    """Say where the failing text stands when it is no line of the template but a variable that it uses."""
    origin = Origin.get_tag(getattr(error, "obj", None)) if Origin is not None else None
    if origin is None or origin.path in (None, template.path):
        return ""
    return f" (used by a variable that is set in {origin.path}, line {origin.line_num or '?'})"


def sentence(failures: Iterable[Failure], total: int) -> str:
    """Return one message for all of them: each reason once, with the hosts it holds for."""
    kinds: dict[tuple[str, str], list[str]] = {}
    for failure in failures:
        kinds.setdefault((failure.where, failure.reason), []).append(failure.host)
    shown = [f"{where}: {reason} for {_names(hosts)}" for (where, reason), hosts in list(kinds.items())[:_KINDS_SHOWN]]
    if len(kinds) > _KINDS_SHOWN:
        shown.append(f"and {len(kinds) - _KINDS_SHOWN} more kinds of error")
    count = len({host for hosts in kinds.values() for host in hosts})
    return (
        f"{'; '.join(shown)}. No configuration was written: {count} of {total} hosts cannot be rendered; "
        "correct the template or these hosts' variables."
    )


def _names(hosts: list[str]) -> str:
    if len(hosts) == 1:
        return hosts[0]
    rest = hosts[1:]
    shown = ", ".join(rest[:_HOSTS_SHOWN]) + (", ..." if len(rest) > _HOSTS_SHOWN else "")
    return f"{hosts[0]} (and {len(rest)} more: {shown})"


Place = tuple[jinja2.Template, int]
"""A template and the line of its compiled code."""


@dataclass(slots=True)
class _Spot:
    """Where a template failed, as soon as that is known."""

    name: str | None = None
    line: int | None = None

    def note(self, places: list[Place]) -> None:
        """Take the spot from the places that led to it, innermost first."""
        if self.line is not None or not places:
            return
        # Variables can be templates too, nameless as the main one is: a named one is an include, the outermost is ours.
        named = [place for place in places if place[0].name is not None]
        ours = [place for place in places if place[0] is places[-1][0]]
        template, line = (named or ours)[0]
        self.name, self.line = template.name, template.get_corresponding_lineno(line)


def _places(frames: Iterable[tuple[FrameType, int]]) -> list[Place]:
    found = ((frame.f_globals.get("__jinja_template__"), line) for frame, line in frames)
    return [(template, line) for template, line in found if isinstance(template, jinja2.Template)]


def _stack(frame: FrameType | None) -> Iterator[tuple[FrameType, int]]:
    while frame is not None:
        yield frame, frame.f_lineno
        frame = frame.f_back


def _watch(templar: Templar, spot: _Spot) -> None:
    """Note where the first failing value comes from.

    Ansible defers errors to the end of the template, where the line is lost, and offers no public way to its
    environment; where the private one is gone, messages lose their line number and nothing else.
    """
    environment = getattr(getattr(templar, "_engine", None), "environment", None)
    if environment is None:
        return
    asked: dict[int, tuple[jinja2.Undefined, list[Place]]] = {}

    class Placed(AnsibleUndefined):
        """Remembers who asked for what is not there. Whether that is an error shows later: it may have a default."""

        __slots__ = ()

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            # Kept with the object, so that its id is not given to another one meanwhile.
            asked[id(self)] = (self, _places(_stack(sys._getframe(1))))  # noqa: SLF001 - the only way to the template's line

        def _as_exception(self) -> Exception:
            spot.note(asked[id(self)][1])
            return super()._as_exception()

    def places_of(node: jinja2.Undefined) -> list[Place]:
        places = asked[id(node)][1] if id(node) in asked else []
        # A variable that is a template itself is evaluated when its scope is entered, not in the line that prints it.
        return places if places and (places[0][0].name or places[0][0] is places[-1][0]) else []

    environment.undefined = Placed
    environment.concat = _watched_concat(environment.concat, places_of, spot)


PlacesOf = Callable[[jinja2.Undefined], list[Place]]


def _watched_concat(concat: Callable[[Any], Any], places_of: PlacesOf, spot: _Spot) -> Callable[[Any], Any]:
    depth = 0

    def watched(nodes: Any) -> Any:
        nonlocal depth
        depth += 1
        try:
            # Only the outermost template's own: inner ones run within a line of it.
            outermost = depth == 1 and hasattr(nodes, "gi_frame")
            return concat(_watched_nodes(nodes, places_of, spot) if outermost else nodes)
        finally:
            depth -= 1

    return watched


def _watched_nodes(nodes: Any, places_of: PlacesOf, spot: _Spot) -> Iterator[Any]:
    try:
        for node in nodes:
            if isinstance(node, jinja2.Undefined):
                spot.note(places_of(node) or _places(_suspended(nodes)))
            yield node
    except Exception as error:
        spot.note(_places(_traced(error)))
        raise


def _suspended(generator: Any) -> list[tuple[FrameType, int]]:
    frames: list[tuple[FrameType, int]] = []
    while (frame := getattr(generator, "gi_frame", None)) is not None:
        frames.insert(0, (frame, frame.f_lineno))
        generator = generator.gi_yieldfrom
    return frames


def _traced(error: BaseException) -> list[tuple[FrameType, int]]:
    frames: list[tuple[FrameType, int]] = []
    trace = error.__traceback__
    while trace is not None:
        frames.insert(0, (trace.tb_frame, trace.tb_lineno))
        trace = trace.tb_next
    return frames


def _from_syntax_error(error: BaseException | None, spot: _Spot) -> None:
    while error is not None and spot.line is None:
        if isinstance(error, jinja2.TemplateSyntaxError):
            spot.name, spot.line = error.name, error.lineno
        error = error.__cause__
