# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one device is, as far as a plan cares: what it stands for, whom it shares its work with, and when it comes."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Traits:
    kinds: tuple[str, ...] = ()
    """Strata that are known before the device is asked: ``platform frr``, ``role leaf``, ``site ams``."""
    shape: str = ""
    """The stratum of its change, ``change 1``; empty where it could not be read."""
    groups: tuple[str, ...] = ()
    """Its redundancy groups."""
    last: str = ""
    """Why it comes last, if it does."""

    @property
    def strata(self) -> tuple[str, ...]:
        return (*self.kinds, self.shape) if self.shape else self.kinds


NONE = Traits()
Fleet = Mapping[str, Traits]
"""Traits by device name; a device that is not in it has none."""
