# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exponential backoff with full jitter.

Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
"""

import random
from collections.abc import Iterator

_FIRST = 0.5
_MOST = 30.0


def delays(tries: int, *, first: float = _FIRST, most: float = _MOST) -> Iterator[float]:
    """Seconds to wait before each try after the first: ``tries - 1`` of them."""
    for attempt in range(tries - 1):
        yield random.uniform(0, min(most, first * 2**attempt))  # noqa: S311 - jitter, not a secret
