# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a decision is accepted and when an approval opens its gate."""

import unicodedata
from datetime import datetime
from typing import Final, get_args

from ..errors import GateClosed
from .approval import Approval, Decision, Door, Verdict

MINIMUM_DIGEST: Final = 12
"""Characters of a digest that an approver must name: 48 bits, too many to hit by a typing mistake."""


def check(approval: Approval, decision: Decision, now: datetime) -> None:
    """Raise ``GateClosed`` unless ``decision`` may be recorded on ``approval`` at ``now``."""
    _check_form(approval, decision)
    _check_open(approval, now)
    _check_digest(approval, decision.digest)
    if decision.verdict == "reject":
        return
    if _same_person(approval.requester, decision.approver) and not decision.break_glass:
        raise GateClosed(
            f"{_named(approval)}: {decision.approver} requested it and cannot approve it; somebody else must, "
            "or it is approved with break_glass, which is recorded."
        )
    if approval.destructive and not decision.risk_acknowledged:
        raise GateClosed(
            f"{_named(approval)}: this checkpoint destroys data; approve it with risk_acknowledged=true "
            "once the risk is understood."
        )


def check_use(approval: Approval, digest: str, now: datetime) -> None:
    """Raise ``GateClosed`` unless ``approval`` opens its gate for ``digest`` at ``now``."""
    if approval.digest != digest:
        raise GateClosed(
            f"{_named(approval)} is for digest {approval.digest[:16]}, not for {digest[:16]}: what would be done is "
            "not what was approved; request a new approval."
        )
    if approval.state == "pending" and now < approval.expires:
        raise GateClosed(f"{_named(approval)} is still pending: nobody has decided yet.")
    if approval.state != "approved":
        raise GateClosed(_why_closed(approval))
    _check_clock(approval, now)
    if now >= approval.expires:
        raise GateClosed(_expired(approval))


def _check_form(approval: Approval, decision: Decision) -> None:
    if decision.verdict not in get_args(Verdict):
        raise GateClosed(f"{_named(approval)}: the verdict is approve or reject, not {decision.verdict!r}.")
    if decision.door not in get_args(Door):
        raise GateClosed(
            f"{_named(approval)}: there is no door {decision.door!r}; there are {', '.join(get_args(Door))}."
        )
    if not decision.approver.strip():
        raise GateClosed(f"{_named(approval)}: the approver's name is empty; say who decides.")
    if not decision.approver.isprintable():
        raise GateClosed(f"{_named(approval)}: the approver's name holds control characters; give a plain name.")
    if not decision.reason.strip():
        raise GateClosed(f"{_named(approval)}: the reason is empty; say in a sentence why.")
    if not all(character.isprintable() or character in "\n\t" for character in decision.reason):
        raise GateClosed(f"{_named(approval)}: the reason holds control characters; give plain text.")


def _check_open(approval: Approval, now: datetime) -> None:
    if approval.state != "pending":
        raise GateClosed(_why_closed(approval))
    _check_clock(approval, now)
    if now >= approval.expires:
        raise GateClosed(_expired(approval))


def _check_clock(approval: Approval, now: datetime) -> None:
    # A clock set back would bring expired approvals to life.
    if now < approval.created:
        raise GateClosed(
            f"{_named(approval)} was requested at {_shown(approval.created)}, but the clock says {_shown(now)}: "
            "set the clock right first."
        )


def _check_digest(approval: Approval, digest: str) -> None:
    given = digest.strip().lower()
    if len(given) < MINIMUM_DIGEST:
        raise GateClosed(
            f"{_named(approval)}: name at least the first {MINIMUM_DIGEST} characters of the digest that is decided on."
        )
    if not approval.digest.startswith(given):
        raise GateClosed(
            f"{_named(approval)} is for digest {approval.digest[:16]}, the decision is for {given[:16]}: "
            "look at the plan again and decide on that."
        )


def _why_closed(approval: Approval) -> str:
    if approval.state == "rejected":
        return f"{_named(approval)} was rejected by {approval.decided_by}: {approval.reason}"
    if approval.state == "used":
        return f"{_named(approval)} is used: an approval opens its gate once; request a new one."
    if approval.state == "approved":
        return f"{_named(approval)} is already approved by {approval.decided_by}: {approval.reason}"
    return _expired(approval)


def _expired(approval: Approval) -> str:
    return f"{_named(approval)} expired at {_shown(approval.expires)}; request a new one."


def _named(approval: Approval) -> str:
    return f"Approval {approval.id} (run {approval.run_id}, checkpoint {approval.checkpoint})"


def _shown(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _same_person(one: str, other: str) -> bool:
    return _folded(one) == _folded(other)


def _folded(name: str) -> str:
    # "Anna", "anna " and a full-width spelling of it are one person.
    return unicodedata.normalize("NFKC", name).strip().casefold()
