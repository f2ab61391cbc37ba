# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The controller half of ``rollout_plan``: reads every device, computes its change, makes the plan."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.raywright.fleet.engine.errors import FleetError, InvalidInput
from ansible_collections.raywright.fleet.plugins.plugin_utils import _ledger, _playbook, _stage_tasks, _stages, _traits
from ansible_collections.raywright.fleet.plugins.plugin_utils._devices import Devices
from ansible_collections.raywright.fleet.plugins.plugin_utils._hosts import device_names
from ansible_collections.raywright.fleet.plugins.plugin_utils._options import listed_option
from ansible_collections.raywright.fleet.plugins.plugin_utils._planning import Planning

if TYPE_CHECKING:
    from ansible_collections.raywright.fleet.engine.plan.policy import Policy
    from ansible_collections.raywright.fleet.plugins.plugin_utils._devices import Reached

_POLICY = (
    "mode",
    "stages",
    "order",
    "stratify",
    "never_together",
    "last",
    "max_failure_percentage",
    "min_sample",
    "max_stratum_failure_percentage",
    "stratum_min_sample",
    "concurrency",
    "retries",
    "timeout",
    "validate",
    "approval",
    "on_failure",
    "on_unready",
    "rollback_proof",
    "confirm_timeout",
    "on_unconfirmable",
    "destructive",
)


class ActionModule(ActionBase):
    """Runs once for the whole play, on the controller."""

    BYPASS_HOST_LOOP = True
    _requires_connection = False

    SPEC: ClassVar[dict[str, Any]] = {
        "hosts": {"type": "list", "elements": "str"},
        "configs": {"type": "path"},
        "playbook": {"type": "str"},
        "rollback_playbook": {"type": "str"},
        "validate_playbook": {"type": "str"},
        "playbook_idempotent": {"type": "bool", "default": False},
        "consume": {"type": "bool", "default": False},
        "stage_tasks": {"type": "list", "elements": "str", "default": []},
        "name": {"type": "str", "default": "rollout"},
        "requester": {"type": "str"},
        "unfinished": {"type": "str", "choices": ["resume", "abandon"], "default": "resume"},
        "follows": {"type": "str"},
        "ray_address": {"type": "str", "default": "local"},
        "ledger_url": {"type": "str", "no_log": True},
        **{option: {"type": "raw"} for option in _POLICY},
    }

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validation, args = self.validate_argument_spec(
            argument_spec=self.SPEC,
            required_one_of=[("configs", "playbook")],
            mutually_exclusive=[("configs", "playbook")],
        )
        try:
            files = _stage_tasks.found(self._loader, self._task, args["stage_tasks"])
            result.update(self._plan(args, task_vars or {}), stage_tasks=files)
        except FleetError as exc:
            # The sentence is whole: a cause would be appended to it, in the same words.
            raise AnsibleActionFail(str(exc)) from None
        finally:
            if args["consume"] and args["configs"]:
                shutil.rmtree(args["configs"], ignore_errors=True)
        return result

    def _plan(self, args: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        from ansible_collections.raywright.fleet.engine.plan.confirm import require_time
        from ansible_collections.raywright.fleet.engine.plan.policy import Policy
        from ansible_collections.raywright.fleet.engine.rollout.validation import require_readable

        given = {option: listed_option(_ledger.plain(args[option])) for option in _POLICY if args[option] is not None}
        policy = Policy.parse({**given, "playbook": _playbook.policy_of(args)})
        _require_checkable(policy)
        require_readable(policy.validate)
        require_time(policy, {stage.name: [1] for stage in policy.stages})
        names = device_names(task_vars, args["hosts"])
        reader = Devices(
            task_vars,
            self._play_context,
            self._task,
            timeout=policy.timeout,
            wanted_variables=sorted({*_asked(policy), *_stages.asked(policy)}),
            traits=_traits.asked(policy),
            platform=_playbook.platform_of(policy),
        )
        devices = reader.reach(names)
        _check_devices(devices, _playbook.platform_of(policy))
        notes = _without_hold(policy, devices)
        policy, placed = _stages.place(policy, devices, task_vars)
        fleet = _traits.fleet_of(policy, devices, task_vars)
        check = bool(self._task.check_mode)
        wanted = (
            _playbook.wanted(task_vars, policy, names) if policy.playbook else _wanted(Path(args["configs"]), names)
        )
        args["follows"] = _followed(args)
        whole = bool(self._task.diff)
        work = Planning(args, policy, devices, wanted, placed, fleet, notes=notes, check_mode=check, whole=whole)
        if check and not _ledger.has_ledger(args["ledger_url"]):
            return work.checked()
        with _ledger.opened(args["ledger_url"], read_only=check) as ledger:
            found = work.resumable(ledger)
            if check:
                return work.checked(ledger)
            if found is not None:
                return work.resumed(ledger, found)
            requester = _ledger.identity(args["requester"], task_vars)
            return work.planned(ledger, requester)


def _require_checkable(policy: Policy) -> None:
    if policy.playbook and policy.confirm_timeout:
        raise InvalidInput("confirm_timeout: what a playbook changes cannot be held on trial; leave one of the two out")
    if policy.playbook and policy.validate:
        raise InvalidInput(
            "validate: checks run commands in a session with the device, and a rollout by playbook has none; write a "
            "playbook that fails where something is wrong, and name it in validate_playbook"
        )


def _asked(policy: Policy) -> set[str]:
    """The inventory variables that the checks ask for."""
    return {name for check in policy.validate for name in check.variables}


def _without_hold(policy: Policy, devices: list[Reached]) -> list[str]:
    """Notes on the devices that cannot take a change back by themselves, which are refused unless the policy goes
    without.
    """
    from ansible_collections.raywright.fleet.engine.devices import registry
    from ansible_collections.raywright.fleet.engine.wording import listed

    seconds = policy.confirm_timeout
    unable: dict[str, list[str]] = {}
    for each in devices if seconds else ():
        longest = registry.driver(each.device["network_os"]).longest_hold
        if seconds > longest:
            most = f", for {longest:g} s at most" if longest else ""
            unable.setdefault(f"{each.device['network_os']}{most}", []).append(each.name)
    platforms = [f"{platform} ({listed(names)})" for platform, names in unable.items()]
    if platforms and policy.on_unconfirmable == "refuse":
        raise InvalidInput(
            f"confirm_timeout: these platforms cannot take a change back by themselves after {seconds:g} s: "
            f"{'; '.join(platforms)}. Leave the devices out, or go without on them with "
            "network_rollout_on_unconfirmable=without"
        )
    return [f"these do NOT revert by themselves after {seconds:g} s: {platform}" for platform in platforms]


def _followed(args: dict[str, Any]) -> str | None:
    """The id of the run that this one follows, which may be given by its name."""
    if not args["follows"]:
        return None
    with _ledger.opened(args["ledger_url"], read_only=True, keyless=True) as ledger:
        return _ledger.find_run(ledger, args["follows"]).id


def _wanted(configs: Path, names: list[str]) -> dict[str, str]:
    wanted = {}
    for name in names:
        try:
            wanted[name] = (configs / f"{name}.cfg").read_text(encoding="utf-8")
        except OSError as exc:
            raise AnsibleActionFail(f"{name}: its rendered configuration cannot be read: {exc}") from None
    return wanted


def _check_devices(devices: list[Reached], platform: str) -> None:
    """Refuse what would go wrong on every device, or twice on one, before anything is asked of any."""
    from ansible_collections.raywright.fleet.engine.devices import registry

    known = [platform] if platform else registry.known()
    strange = {each.name: each.device["network_os"] for each in devices if each.device["network_os"] not in known}
    if strange:
        name, value = next(iter(strange.items()))
        others = f" (and {len(strange) - 1} more hosts)" if len(strange) > 1 else ""
        raise InvalidInput(f"{name}{others}: ansible_network_os {value!r} has no driver; known are {', '.join(known)}")
    seen: dict[str, str] = {}
    for each in devices:
        if each.address in seen:
            raise InvalidInput(
                f"{seen[each.address]} and {each.name} have the same address, {each.address}: one device would be "
                "configured twice at once"
            )
        seen[each.address] = each.name
