# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The certificate authorities that a host trusts beyond those of its distribution."""

from __future__ import annotations

DOCUMENTATION = r"""
module: trust_store
short_description: Add certificate authorities to the system's trust store
version_added: 0.1.0
author: raywright.fleet contributors (@raywright)
description:
  - Makes the system trust exactly the given certificates in addition to those of the distribution and of others. What this
    module added before and is not given any more is removed; nothing else is.
  - Works the way of Debian (C(update-ca-certificates)) and of the RHEL family (C(update-ca-trust)).
options:
  certificates:
    description: Files in PEM form, with one certificate or several each. A file with a private key is refused.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the file, for messages and for the name on the host.
        type: str
        required: true
      pem:
        description: Its content.
        type: str
        required: true
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without touching the host.
    support: full
  diff_mode:
    description: Returns the files before and after.
    support: full
  idempotence:
    description: When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
    support: full
"""

EXAMPLES = r"""
- name: Trust the company's proxy
  raywright.fleet.trust_store:
    certificates:
      - name: proxy.crt
        pem: "{{ lookup('ansible.builtin.file', 'files/proxy.crt') }}"
"""

RETURN = r"""
actions:
  description: What was done, or would be done in check mode; one sentence each.
  returned: success
  type: list
  elements: str
  sample: ["trust the CA certificate proxy.crt (sha256 8f3a0c1d2e4b5a69)"]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.raywright.fleet.plugins.module_utils._host import Distribution, HostError
from ansible_collections.raywright.fleet.plugins.module_utils._trust_store import STORES, Changes, Store, bodies, split


def apply(module: AnsibleModule, store: Store, changes: Changes) -> None:
    program = module.get_bin_path(store.update[0])
    if not program:
        raise HostError(f"{store.update[0]} is not on this host: install the package ca-certificates.")
    store.directory.mkdir(mode=0o755, parents=True, exist_ok=True)
    for path, certificate in changes.write.items():
        path.write_text(certificate.text, encoding="utf-8")
        path.chmod(0o644)
    for path in changes.remove:
        path.unlink()
    if changes.rebuild:
        options = [*store.update[1:], *(store.after_removal if changes.remove else ())]
        status, out, errors = module.run_command([program, *options])
        if status != 0:
            raise HostError(f"{store.update[0]} failed: {(errors or out).strip()}")
        trusted = set(bodies(store.bundle))
        refused = [one.label for one in changes.wanted if one.body not in trusted]
        if refused:
            raise HostError(
                f"{store.update[0]} did not take {', '.join(refused)} into {store.bundle}. Is it the certificate of an"
                " authority, and does openssl x509 read it?"
            )


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "certificates": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {"name": {"type": "str", "required": True}, "pem": {"type": "str", "required": True}},
            },
        },
        supports_check_mode=True,
    )
    try:
        store = STORES[Distribution.here().manager]
        certificates = [one for file in module.params["certificates"] for one in split(file["name"], file["pem"])]
        before = store.ours()
        changes = Changes(store, certificates)
        if changes.actions() and not module.check_mode:
            apply(module, store, changes)
    except (HostError, OSError) as error:
        module.fail_json(msg=str(error))
    after = sorted({store.path(one) for one in certificates})
    module.exit_json(
        changed=bool(changes.actions()),
        actions=changes.actions(),
        diff={"before": "".join(f"{path}\n" for path in before), "after": "".join(f"{path}\n" for path in after)},
    )


if __name__ == "__main__":
    main()
