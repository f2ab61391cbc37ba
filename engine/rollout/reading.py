# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a device back, and what the reading says of a change whose outcome is unknown."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ..devices.base import Driver

UNREAD = "it may have been changed and was not read since; the next run reads it before anything is sent"
"""What is said of an outcome that stays unknown."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """A configuration, and what it looks like without what changes by itself."""

    text: str
    normal: str

    @classmethod
    def of(cls, driver: Driver, text: str) -> "Configuration":
        return cls(text=text, normal=driver.normalise(text))


Finding = Literal["applied", "not_applied", "partial", "foreign", "on_trial"]
"""What a reading says of a change that may or may not have been made; ``on_trial``: it was held, and was taken back."""


def classify(now: str, before: str, wanted: str, *, complete: bool) -> Finding:
    """Compare what was read with what was there before and what is wanted, all without what changes by itself.

    ``complete``: nothing is missing of the change. That is the device's own word, for a text cannot tell: a router adds
    its defaults to what it was sent, and a fragment that is merged is never the whole of what is there.

    * ``not_applied``: the device is as the plan found it;
    * ``applied``: nothing is missing;
    * ``partial``: something is missing, and every line is of the one or the other: a change of ours that got half way;
    * ``foreign``: a line is of neither. Somebody else put it there, and it is not ours to overwrite.
    """
    if now == before:
        return "not_applied"
    if complete:
        return "applied"
    ours = {line.strip() for side in (before, wanted) for line in side.splitlines()}
    return "partial" if all(line.strip() in ours for line in now.splitlines()) else "foreign"


def strange(now: str, *ours: str, mask: Callable[[str], str], gone_from: str = "") -> list[str]:
    """Name lines that somebody else changed: ``+line`` is in no text of ours, ``-line`` of ``gone_from`` is missing.

    ``mask`` gets whole texts, for some secrets show only by the lines around them.
    """
    lines, lost = mask(now).splitlines(), mask(gone_from).splitlines()
    there = {line.strip() for line in lines}
    known = {line.strip() for text in ours for line in mask(text).splitlines()}
    return [
        *(f"+{line.strip()}" for line in lines if line.strip() not in known),
        *(f"-{line.strip()}" for line in lost if line.strip() not in there),
    ]
