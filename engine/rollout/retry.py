# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exponential backoff with equal jitter: half of a pause is certain, for a device that restarts its SSH needs the time.

Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
"""

import random
from collections.abc import Iterator

_FIRST = 1.0
_MOST = 30.0


def delays(tries: int, *, first: float = _FIRST, most: float = _MOST) -> Iterator[float]:
    """Seconds to wait before each try after the first: ``tries - 1`` of them."""
    for attempt in range(tries - 1):
        pause = min(most, first * 2**attempt)
        yield random.uniform(pause / 2, pause)  # noqa: S311 - jitter, not a secret
