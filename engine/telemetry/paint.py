# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A moment of a run as text: one line for logs, and a bar that fits a terminal's width exactly."""

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from .tracker import Counts, Tally, View

Colour = Callable[[str, str], str]
"""Colours a text (first argument) with an Ansible colour's name (second)."""

_LABELS = {
    "plan": "planning",
    "stage": "stage {}",
    "soak": "soaking {}",
    "validate": "validating {}",
    "rollback": "rolling back {}",
    "approval": "waiting for approval of {}",
}
_NOUNS = _LABELS | {
    "plan": "plan",
    "soak": "soak of {}",
    "validate": "validation of {}",
    "rollback": "rollback of {}",
    "approval": "approval of {}",
}
_COLOURS = {
    "changed": "green",
    "unchanged": "green",
    "unknown": "yellow",
    "held_back": "yellow",
    "rolled_back": "yellow",
}
_BAD = "red"
_NARROWEST_BAR, _WIDEST_BAR = 10, 40
_MINUTE, _HOUR, _LONGEST = 60, 3600, 100 * 3600
_STEPS = ((2 * _MINUTE, 1), (10 * _MINUTE, 5), (_HOUR, 10))


@dataclass(frozen=True, slots=True)
class Signs:
    """What a bar is drawn with."""

    full: str
    head: str
    empty: str
    spinner: str
    good: str
    bad: str
    separator: str
    cut: str


UNICODE = Signs("━", "╸", "─", "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏", "✔", "✖", "│", "…")
ASCII = Signs("=", ">", "-", "|/-\\", "+", "x", "|", "~")


def signs_for(encoding: str | None) -> Signs:
    """Return the prettiest signs that ``encoding`` can write."""
    try:
        "".join(map(str, (UNICODE.full, UNICODE.head, UNICODE.spinner, UNICODE.good))).encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return UNICODE


def plain(text: str, colour: str) -> str:  # noqa: ARG001 - the signature of Colour
    """Colour nothing."""
    return text


def label(view: View, words: Mapping[str, str] | None = None) -> str:
    return (words or _LABELS).get(view.phase, view.phase + " {}").format(printable(view.name)).strip()


def begun(view: View) -> str:
    """Return the line that says what begins."""
    text = f"{view.run or 'run'} {label(view)}"
    if view.step.total:
        text += f": {view.step.total} device{'s' if view.step.total > 1 else ''}"
    return text + (f" | fleet {view.fleet.done}/{view.fleet.total}" if view.fleet.total else "")


def line(view: View) -> str:
    """Return all that is known, for a log that somebody reads later."""
    head = f"{view.run or 'run'} {label(view)}"
    if not view.step.total:
        return f"{head}: {duration(view.seconds)} so far"
    parts = [f"{head}: {view.step.done}/{view.step.total} ({percent(view.step)})"]
    if view.step.outcomes:
        parts.append(_counts(view.step.outcomes))
    parts.append(f"{speed(view.rate)}, ETA {remaining(view.eta)}")
    if view.fleet.total:
        parts.append(f"fleet {view.fleet.done}/{view.fleet.total}, ETA {remaining(view.fleet_eta)}")
    return " | ".join(parts)


def ended(view: View, verdict: str, seconds: float | None, *, signs: Signs, colour: Colour = plain) -> str:
    """Return the line that stays when a phase has ended."""
    good = verdict in ("", "passed", "pushed", "ok", "approved", "skipped")
    took = f" in {elapsed(view.seconds if seconds is None else seconds)}"
    devices = f": {view.step.done}/{view.step.total} devices" if view.step.done else ""
    counts = _counts(view.step.outcomes, colour)
    text = f"{signs.good if good else signs.bad} {label(view, _NOUNS)} {printable(verdict) or 'done'}"
    return colour(text, "green" if good else _BAD) + took + devices + (f", {counts}" if counts else "")


def summary(run: str, fleet: Tally, seconds: float, *, colour: Colour = plain) -> str:
    counts = _counts(fleet.outcomes, colour)
    return f"{run or 'run'}: {fleet.done}/{fleet.total} devices in {elapsed(seconds)}" + (
        f": {counts}" if counts else ""
    )


def left(run: str, *, planning: bool) -> str:
    """Return what to say of a run whose playbook ended before its time."""
    if planning:
        return f"{run}: interrupted; no device was touched"
    return (
        f"{run}: interrupted; what is in flight is finished, nothing more is started. The same command goes on; how "
        f"far it is: ansible-playbook raywright.fleet.status -e run={run}"
    )


def progress_bar(view: View, width: int, *, signs: Signs, tick: int = 0, colour: Colour = plain) -> str:
    """Return one line of at most ``width`` cells; what does not fit is left out, the least important first."""
    spin = signs.spinner[tick % len(signs.spinner)]
    head = (f"{spin} {label(view)}", "bright blue")
    if not view.step.total:
        return _fitted([head, (f" {duration(view.seconds)}", "")], width, signs.cut, colour)
    fleet = view.fleet
    share = f" {view.step.done:>{len(str(view.step.total))}}/{view.step.total} {percent(view.step):>4}"
    whole = f"  {signs.separator} fleet {fleet.done}/{fleet.total} {percent(fleet)}" if fleet.total else ""
    # In the order of their importance, with the place at which each is shown.
    parts = [
        (2, [(share, "")]),
        (3, [(f"  {count} {name}", _COLOURS.get(name, _BAD)) for name, count in view.step.outcomes.items()]),
        (5, [(f"  ETA {remaining(view.eta):>4}", "")]),
        (4, [(f"  {speed(view.rate)}", "")] if view.rate else []),
        (6, [(whole, "")]),
        (7, [(f"  ETA {remaining(view.fleet_eta)}", "")] if view.fleet_eta is not None else []),
    ]
    room = width - cells(head[0]) - 1 - _NARROWEST_BAR
    chosen = []
    for place, pieces in parts:
        needed = sum(cells(text) for text, _shade in pieces)
        if needed > room:
            break
        room -= needed
        chosen.append((place, pieces))
    if not chosen:
        return _fitted([head, (share, "")], width, signs.cut, colour)
    drawn = [head, (" ", ""), *_drawn(view.step, min(_WIDEST_BAR, _NARROWEST_BAR + room), signs)]
    for _place, pieces in sorted(chosen, key=lambda part: part[0]):
        drawn += pieces
    return _fitted(drawn, width, signs.cut, colour)


def _drawn(step: Tally, size: int, signs: Signs) -> list[tuple[str, str]]:
    """Draw the bar in its outcomes' colours; every outcome that occurred has at least one cell where there is room."""
    filled = int(step.share * size)
    by_colour: dict[str, int] = {}
    for name, count in step.outcomes.items():
        by_colour[_COLOURS.get(name, _BAD)] = by_colour.get(_COLOURS.get(name, _BAD), 0) + count
    drawn: list[tuple[str, str]] = []
    left = filled
    ordered = [(shade, by_colour[shade]) for shade in (_BAD, "yellow") if shade in by_colour]
    for shade, count in ordered:
        length = min(left, max(1, round(size * count / step.total)))
        drawn.append((signs.full * length, shade))
        left -= length
    done = (signs.full * left, "green" if step.done else "")
    rest = size - filled
    head = signs.head if filled > 0 and rest else ""
    return [done, *reversed(drawn), (head, "green" if head else ""), (signs.empty * (rest - len(head)), "dark gray")]


def _fitted(pieces: Sequence[tuple[str, str]], width: int, cut: str, colour: Colour) -> str:
    text, room = "", width
    for piece, shade in pieces:
        if not piece:
            continue
        if cells(piece) > room:
            shortened = ""
            for character in piece:
                if cells(shortened + character) + 1 > room:
                    break
                shortened += character
            return text + (colour(shortened + cut, shade) if shade else shortened + cut) if room > 0 else text
        text += colour(piece, shade) if shade else piece
        room -= cells(piece)
    return text


def _counts(outcomes: Counts, colour: Colour = plain) -> str:
    return ", ".join(colour(f"{count} {name}", _COLOURS.get(name, _BAD)) for name, count in outcomes.items())


def percent(tally: Tally) -> str:
    """Round down: 100% is said when all are done, not before."""
    return f"{int(tally.share * 100)}%"


def remaining(seconds: float | None) -> str:
    """Return an ETA in steps that grow with it, for one of hours has no exact seconds; ``--`` while not known."""
    if seconds is None or seconds >= _LONGEST:
        return "--"
    step = next((step for limit, step in _STEPS if seconds < limit), _MINUTE)
    return duration(-(-seconds // step) * step)


def duration(seconds: float) -> str:
    """Return ``m:ss`` or ``h:mm:ss``."""
    hours, rest = divmod(round(seconds), _HOUR)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


def elapsed(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < _MINUTE else duration(seconds)


def speed(rate: float | None) -> str:
    if rate is None:
        return "--/s"
    return f"{rate:.1f}/s" if rate < 100 else f"{rate:.0f}/s"  # noqa: PLR2004 - three digits are enough


def printable(text: str) -> str:
    """Return ``text`` without control characters: a name must not steer the terminal."""
    return "".join(character for character in text if unicodedata.category(character)[0] != "C")


def cells(text: str) -> int:
    """Return how many terminal cells ``text`` takes."""
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
    )
