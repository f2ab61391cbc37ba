# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a device back, and what the reading says of a change whose outcome is unknown."""

from dataclasses import dataclass

from ..devices.base import Driver


@dataclass(frozen=True, slots=True)
class Configuration:
    """A configuration, and what it looks like without what changes by itself."""

    text: str
    normal: str

    @classmethod
    def of(cls, driver: Driver, text: str) -> "Configuration":
        return cls(text=text, normal=driver.normalise(text))


def explained(now: Configuration, before: Configuration, wanted: Configuration) -> bool:
    """Whether every line there comes from the one or the other: a change of ours that got half way.

    A line of neither was put there by somebody else, and is not ours to overwrite.
    """
    ours = {line.strip() for side in (before, wanted) for line in side.normal.splitlines()}
    return all(line.strip() in ours for line in now.normal.splitlines())
