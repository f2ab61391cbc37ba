# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policy of a rollout: everything but the devices and their configurations that a digest covers."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from ..errors import InvalidInput
from . import checks as checks_
from . import stages as stages_
from .checks import Check
from .cohorts import Order
from .stages import Stage

Mode = Literal["replace", "merge"]
Approval = Literal["never", "plan", "stages"]
OnFailure = Literal["stop", "rollback_stage", "rollback_run"]
OnUnready = Literal["refuse", "skip"]
OnUnconfirmable = Literal["refuse", "without"]
RollbackProof = Literal["report", "require"]

DEFAULT_STAGES = ("1%", "10%", "50%", "100%")
DEFAULT_STRATIFY = ("role", "site")


@dataclass(frozen=True, slots=True)
class Policy:
    """How a rollout goes on, when it stops and what it does then."""

    mode: Mode = "replace"
    stages: tuple[Stage, ...] = field(default_factory=lambda: stages_.parse(DEFAULT_STAGES))
    order: Order = "shuffle"
    stratify: tuple[str, ...] = DEFAULT_STRATIFY
    """Inventory variables that tell one kind of device from another, beside platform and shape of change."""
    never_together: str = ""
    """A variable, equal on the devices of a redundancy group; or what the names of inventory groups begin with, each of
    which is one.
    """
    last: tuple[str, ...] = ()
    """Hosts and inventory groups that come last, one device at a time: what carries our own management path."""
    max_failure_percentage: float = 10.0
    min_sample: int = 10
    max_stratum_failure_percentage: float = 50.0
    stratum_min_sample: int = 5
    concurrency: int = 100
    retries: int = 3
    timeout: float = 60.0
    validate: tuple[Check, ...] = ()
    approval: Approval = "never"
    on_failure: OnFailure = "stop"
    on_unready: OnUnready = "refuse"
    """What to do about devices that refuse the login, show another host key or reject the configuration when the plan
    is made: refuse the whole plan, or leave them out and report them."""
    rollback_proof: RollbackProof = "report"
    """What to do about devices whose rollback is not proved when the plan is made: say so in the plan, or take them for
    devices that cannot be changed."""
    confirm_timeout: float = 0.0
    """Seconds after which a device takes its change back by itself unless its stage has passed; 0: it does not."""
    on_unconfirmable: OnUnconfirmable = "refuse"
    """What to do about platforms that cannot do that: refuse the whole plan, or go without on those."""
    playbook: Mapping[str, Any] = field(default_factory=dict)
    """The playbooks that are the change, where it is no configuration: their paths, and the digest of all that runs."""
    destructive: bool = False
    """Whether whoever approves must acknowledge the risk."""

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> "Policy":
        """Read a policy from options. Raises ``InvalidInput`` naming the option; unknown options are refused."""
        known = cls.__dataclass_fields__
        if unknown := sorted(set(raw) - set(known)):
            raise InvalidInput(f"unknown option {unknown[0]!r}; known are {', '.join(known)}")
        approval = _choice(raw, "approval", Approval, "never")
        return cls(
            mode=_choice(raw, "mode", Mode, "replace"),
            stages=stages_.parse(raw.get("stages", DEFAULT_STAGES), approve_each=approval == "stages"),
            order=_choice(raw, "order", Order, "shuffle"),
            stratify=_names(raw, "stratify", DEFAULT_STRATIFY),
            never_together=_text(raw, "never_together"),
            last=_names(raw, "last", ()),
            max_failure_percentage=_number(raw, "max_failure_percentage", 10.0, low=0, high=100),
            min_sample=int(_number(raw, "min_sample", 10, low=1, whole=True)),
            max_stratum_failure_percentage=_number(raw, "max_stratum_failure_percentage", 50.0, low=0, high=100),
            stratum_min_sample=int(_number(raw, "stratum_min_sample", 5, low=1, whole=True)),
            concurrency=int(_number(raw, "concurrency", 100, low=1, whole=True)),
            retries=int(_number(raw, "retries", 3, low=1, whole=True)),
            timeout=stages_.seconds(raw.get("timeout", 60), "timeout"),
            validate=checks_.parse(raw.get("validate", [])),
            approval=approval,
            on_failure=_choice(raw, "on_failure", OnFailure, "stop"),
            on_unready=_choice(raw, "on_unready", OnUnready, "refuse"),
            rollback_proof=_choice(raw, "rollback_proof", RollbackProof, "report"),
            confirm_timeout=stages_.seconds(raw.get("confirm_timeout", 0), "confirm_timeout"),
            on_unconfirmable=_choice(raw, "on_unconfirmable", OnUnconfirmable, "refuse"),
            playbook=dict(raw.get("playbook", {})),
            destructive=bool(raw.get("destructive", False)),
        )

    @property
    def stratum_limit(self) -> float:
        """Percentage of failures of a stratum: who lets more of the whole fleet fail lets it of a part, too."""
        return max(self.max_failure_percentage, self.max_stratum_failure_percentage)

    def as_dict(self) -> dict[str, Any]:
        """The policy as plain JSON types: what the digest covers and what a resume compares."""
        return asdict(self) | {
            "stages": [stage.as_dict() for stage in self.stages],
            "validate": [check.as_dict() for check in self.validate],
            "stratify": list(self.stratify),
            "last": list(self.last),
            "playbook": dict(self.playbook),
        }


def _choice(raw: Mapping[str, Any], option: str, kind: Any, default: str) -> Any:
    value = raw.get(option, default)
    if value not in get_args(kind):
        raise InvalidInput(f"{option}: {value!r} is none of {', '.join(get_args(kind))}")
    return value


def _number(
    raw: Mapping[str, Any], option: str, default: float, *, low: float, high: float | None = None, whole: bool = False
) -> float:
    value = raw.get(option, default)
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    bound = f"of at least {low:g}" if high is None else f"from {low:g} to {high:g}"
    if isinstance(value, bool) or not low <= number <= (high if high is not None else sys.float_info.max):
        raise InvalidInput(f"{option}: {value!r} is not a number {bound}")
    if whole and number != int(number):
        raise InvalidInput(f"{option}: {value!r} is not a whole number")
    return number


def _names(raw: Mapping[str, Any], option: str, default: tuple[str, ...]) -> tuple[str, ...]:
    value = raw.get(option, default)
    if isinstance(value, str | Mapping) or not isinstance(value, Sequence):
        raise InvalidInput(f"{option}: {value!r} is no list of names; write it as [one, another]")
    if wrong := [name for name in value if not isinstance(name, str) or not name.strip()]:
        raise InvalidInput(f"{option}: {wrong[0]!r} is no name")
    return tuple(dict.fromkeys(name.strip() for name in value))


def _text(raw: Mapping[str, Any], option: str) -> str:
    value = raw.get(option, "")
    if not isinstance(value, str):
        raise InvalidInput(f"{option}: {value!r} is no name")
    return value.strip()


def recorded(raw: Mapping[str, Any]) -> Policy:
    """Read a policy back from ``as_dict``: it was checked when it was written."""
    return Policy(
        **{
            **raw,
            "stages": tuple(map(Stage.recorded, raw["stages"])),
            "validate": tuple(Check(**{**check, "variables": tuple(check["variables"])}) for check in raw["validate"]),
            "stratify": tuple(raw["stratify"]),
            "last": tuple(raw["last"]),
        }
    )
