# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the role common would do to a host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_plan
short_description: Compare a host's packages, trusted authorities and clock with what is wanted
version_added: 0.1.0
author: raywright.fleet contributors (@raywright)
description:
  - Reads only. Tells all that the role P(raywright.fleet.common#role) would do to the host, and the role does just that.
  - Works on a bare host.
options:
  packages:
    description: Packages that shall be installed.
    type: list
    elements: str
    default: []
  certificates:
    description: As in M(raywright.fleet.trust_store).
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the file.
        type: str
        required: true
      pem:
        description: Its content.
        type: str
        required: true
  time_service:
    description:
      - What shall keep the clock. With V(auto), whatever does already, or else C(chrony). V(none) leaves the clock alone.
      - A container's clock is never touched, for it is the one of the machine that it runs on.
    type: str
    choices: [auto, chrony, systemd-timesyncd, none]
    default: auto
  time_servers:
    description: Time servers, in addition to those of the distribution with C(chrony), instead of them with C(systemd-timesyncd).
    type: list
    elements: str
    default: []
  predict:
    description: Whether to report, in check mode, what the role would do as a change of this task, with the difference.
    type: bool
    default: false
  checks_only:
    description: Whether to report what makes it impossible to plan as a check that is not ok, instead of failing.
    type: bool
    default: false
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without touching the host.
    support: full
  diff_mode:
    description: Returns what is missing, before and after.
    support: full
  idempotence:
    description: When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
    support: full
"""

EXAMPLES = r"""
- name: See what the role would do
  raywright.fleet.host_plan:
    packages: [curl]
  register: host
"""

RETURN = r"""
actions:
  description: What the role would do, sorted; empty if there is nothing to do.
  returned: success
  type: list
  elements: str
  sample: ["install curl", "trust the CA certificate proxy.crt (sha256 8f3a0c1d2e4b5a69)"]
checks:
  description: Whether the host is as it should be, a row for each check.
  returned: success
  type: list
  elements: dict
package_manager:
  description: V(apt) or V(dnf).
  returned: success
  type: str
packages:
  description: Packages to install.
  returned: success
  type: list
  elements: str
trust_store:
  description: Whether the trust store has to be brought up to date, and whether the tool for it is missing.
  returned: success
  type: dict
  contains:
    change:
      description: Whether there is something to do.
      type: bool
      returned: success
    install:
      description: Whether C(ca-certificates) has to be installed first.
      type: bool
      returned: success
time:
  description: What to do about the clock, with C(package), C(unit), C(servers_file), C(servers_text) and C(actions).
  returned: success
  type: dict
"""

import shutil
from dataclasses import asdict
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.raywright.fleet.plugins.module_utils import _clock
from ansible_collections.raywright.fleet.plugins.module_utils._host import (
    Distribution,
    HostError,
    impossible,
    installed,
    output,
    row,
    unit,
)
from ansible_collections.raywright.fleet.plugins.module_utils._trust_store import STORES, Changes, split

AGAIN = "run the checkpoint docker-installation"


class HostPlan:
    """One call of the module."""

    def __init__(self, module: AnsibleModule) -> None:
        self._run = module.run_command
        self._params = module.params
        self._manager = Distribution.here().manager

    def run(self) -> dict[str, Any]:
        params = self._params
        found = installed(self._run, self._manager, params["packages"])
        missing = [name for name in params["packages"] if name not in found]
        store = STORES[self._manager]
        certificates = [one for file in params["certificates"] for one in split(file["name"], file["pem"])]
        trust = Changes(store, certificates)
        tool = shutil.which(store.update[0], path="/usr/sbin:/usr/bin:/sbin:/bin") is not None
        need_tool = bool(trust.actions()) and not tool
        if need_tool and "ca-certificates" not in missing:
            missing.append("ca-certificates")
        clock = self._clock()
        installs = [name for name in missing if name != clock.package]
        return {
            "actions": sorted([*(f"install {name}" for name in installs), *trust.actions(), *clock.actions]),
            "checks": self._checks(missing, trust, clock),
            "package_manager": self._manager,
            "packages": installs,
            "trust_store": {"change": bool(trust.actions()), "install": need_tool},
            "time": asdict(clock),
            "diff": {
                "before": "",
                "after": "".join(f"{line}\n" for line in sorted([*installs, *trust.actions(), *clock.actions])),
            },
        }

    def _clock(self) -> _clock.TimePlan:
        states = {name: unit(self._run, name, "ActiveState") for name in _clock.UNITS}
        return _clock.plan(
            self._params["time_service"],
            servers=self._params["time_servers"],
            active={name for name, state in states.items() if state.get("ActiveState") == "active"},
            present={name for name, state in states.items() if state.get("LoadState") == "loaded"},
            manager=self._manager,
            settable=not self._in_container(),
        )

    def _in_container(self) -> bool:
        return self._run(["systemd-detect-virt", "--container", "--quiet"])[0] == 0

    def _checks(self, missing: list[str], trust: Changes, clock: _clock.TimePlan) -> list[dict[str, Any]]:
        lacking = [one.label for one in trust.wanted if trust.rebuild]
        synchronized = output(self._run, "timedatectl", "show", "--property=NTPSynchronized", "--value") == "yes\n"
        container = self._in_container()
        return [
            row(
                "packages",
                ok=not missing,
                found=f"missing: {', '.join(missing)}" if missing else "all installed",
                wanted="all installed",
                fix=AGAIN,
            ),
            row(
                "CA certificates are trusted",
                ok=not trust.actions(),
                found="; ".join(trust.actions()) or f"{len(trust.wanted)} of {len(trust.wanted)}",
                wanted=f"{len(trust.wanted)} of {len(trust.wanted)}" if not lacking else ", ".join(lacking),
                fix=AGAIN,
            ),
            row(
                "the clock is kept",
                ok=synchronized or container or self._params["time_service"] == "none",
                severity="warning",
                found="a container's clock is its machine's"
                if container
                else f"{'' if synchronized else 'not '}synchronized, by {clock.service or 'nothing'}",
                wanted="synchronized",
                fix="see whether the time servers can be reached (timedatectl timesync-status, chronyc sources)",
            ),
        ]


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "packages": {"type": "list", "elements": "str", "default": []},
            "certificates": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {"name": {"type": "str", "required": True}, "pem": {"type": "str", "required": True}},
            },
            "time_service": {
                "type": "str",
                "choices": ["auto", "chrony", "systemd-timesyncd", "none"],
                "default": "auto",
            },
            "time_servers": {"type": "list", "elements": "str", "default": []},
            "predict": {"type": "bool", "default": False},
            "checks_only": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    try:
        result = HostPlan(module).run()
    except (HostError, OSError) as error:
        if module.params["checks_only"]:
            module.exit_json(changed=False, actions=[], checks=[impossible("the host's base", error)])
        module.fail_json(msg=str(error))
    predict = module.check_mode and module.params["predict"]
    if not predict:
        result.pop("diff")
    module.exit_json(changed=predict and bool(result["actions"]), **result)


if __name__ == "__main__":
    main()
