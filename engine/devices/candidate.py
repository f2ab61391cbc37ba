# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What devices with a candidate configuration have in common."""

from collections.abc import Awaitable, Callable, Sequence

from ..errors import Rejected
from .base import Proof


async def prove_in_candidate(
    load_running: Callable[[], Awaitable[object]], compare: Callable[[], Awaitable[Sequence[str]]]
) -> Proof:
    """Go back inside the candidate, as ``restore`` would: the device says whether that is what runs now.

    ``load_running`` replaces the candidate by what ran before; ``compare`` gives the lines in which the two differ.
    """
    try:
        await load_running()
    except Rejected as exc:
        return not_taken_back(exc)
    return proof_of(await compare())


def not_taken_back(refusal: Rejected) -> Proof:
    return Proof("not_proved", f"the device does not take back its own configuration: {refusal}")


def proof_of(left: Sequence[str]) -> Proof:
    """What the lines say in which the candidate of a rollback differs from what runs."""
    if left:
        return Proof("not_proved", f"putting it back would leave {len(left)} lines of difference, first '{left[0]}'")
    return Proof("proved")
