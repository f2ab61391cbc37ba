# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The private key and the certificate of a node."""

from __future__ import annotations

DOCUMENTATION = r"""
module: node_certificate
short_description: Make the private key of a node on the node, and keep its certificate
version_added: 0.1.0
author: raywright.fleet contributors (@raywright)
description:
  - Keeps C(node.key), C(node.crt) and C(ca.crt) in one directory. The private key is made here and never leaves the host.
  - V(requested) looks at them. Where a new certificate is needed it makes a new key beside the old one, and returns a
    certificate signing request for it. Sign that elsewhere, check before what it asks for, and give the result to V(installed),
    which puts key, certificate and authority in place together.
  - The files in use stay as they are until then; an interrupted renewal harms nothing.
requirements:
  - openssl 1.1.1 or later
options:
  state:
    description:
      - V(requested) returns a request if a new certificate is needed.
      - V(installed) puts O(certificate) in place.
      - V(examined) changes nothing and returns RV(findings).
    type: str
    choices: [requested, installed, examined]
    default: requested
  path:
    description: The directory.
    type: path
    required: true
  owner:
    description: Owner of the directory and of the files.
    type: str
    default: root
  group:
    description: Group of them; it may read the private key.
    type: str
    default: root
  common_name:
    description: Common name of the certificate. Only for people; what is checked are O(names) and O(addresses).
    type: str
    required: true
  names:
    description: Host names that the certificate holds for.
    type: list
    elements: str
    default: []
  addresses:
    description: IP addresses that the certificate holds for.
    type: list
    elements: str
    default: []
  key_type:
    description: Kind of a new private key; V(ecdsa) on the curve P-256, V(rsa) of 3072 bits.
    type: str
    choices: [ecdsa, rsa]
    default: ecdsa
  renew_before:
    description: A certificate that ends within so many days is renewed.
    type: int
    default: 30
  renew:
    description: Whether to ask for a new certificate in any case.
    type: bool
    default: false
  ca_certificate:
    description:
      - The certificate authority, PEM; the certificate that signs first, then those above it.
      - A node whose authority is another one needs a new certificate. Required with O(state=installed).
    type: str
    default: ""
  certificate:
    description: The new certificate, PEM. Required with O(state=installed).
    type: str
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Never, since it would show key material.
    support: none
  idempotence:
    description: When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
    support: full
"""

EXAMPLES = r"""
- name: Ask for a certificate where one is needed
  raywright.fleet.node_certificate:
    path: /etc/ray/tls
    group: ray
    common_name: "{{ inventory_hostname }}"
    names: ["{{ ansible_facts['hostname'] }}"]
    addresses: ["{{ ansible_facts['default_ipv4']['address'] }}"]
    ca_certificate: "{{ lookup('ansible.builtin.file', 'ca.crt') }}"
  register: request
"""

RETURN = r"""
actions:
  description: What was done, or would be done in check mode; one sentence each, also if nothing was.
  returned: always
  type: list
  elements: str
reasons:
  description: Why a new certificate is needed; empty if it is not.
  returned: with O(state=requested) and O(state=examined)
  type: list
  elements: str
request:
  description: The certificate signing request, PEM; empty if none is needed, and in check mode.
  returned: with O(state=requested)
  type: str
authority_installed:
  description: SHA-256 fingerprint of the certificate authority that the node trusts so far; empty if there is none.
  returned: with O(state=requested)
  type: str
alternatives:
  description: The subject alternative names that the certificate shall have.
  returned: with O(state=requested)
  type: list
  elements: str
openssl:
  description: Whether openssl is installed. If it is not, O(state=requested) can only say so.
  returned: success
  type: bool
findings:
  description: What was found.
  returned: with O(state=examined)
  type: dict
  contains:
    missing:
      description: Files that do not exist or cannot be read; empty if there are none.
      type: str
      returned: success
    key:
      description: What is wrong with the private key; empty if nothing is.
      type: str
      returned: success
    chain:
      description: What is wrong with the chain; empty if nothing is.
      type: str
      returned: success
    authority:
      description: Whether the node trusts another authority; empty if it does not.
      type: str
      returned: success
    names:
      description: How the names differ; empty if they do not.
      type: str
      returned: success
    access:
      description: Which files have another owner or mode; empty if none has.
      type: str
      returned: success
    days_left:
      description: Days until the certificate ends.
      type: int
      returned: when there is a certificate
    expires:
      description: The day on which it ends.
      type: str
      returned: success
"""

import dataclasses
import grp
import os
import pwd
import tempfile
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.raywright.fleet.plugins.module_utils._certificates import (
    KEY_TYPES,
    CertificateError,
    OpenSSL,
    alternatives,
    certificates,
    examine,
)

_MODES = {"node.key": 0o640, "node.crt": 0o644, "ca.crt": 0o644}
_DIRECTORY_MODE = 0o750
_PENDING = ".node.key.new"


class NodeCertificate:
    """One call of the module."""

    def __init__(self, module: AnsibleModule) -> None:
        self._module = module
        self._params = module.params
        self._folder = Path(module.params["path"])
        if not self._folder.is_absolute():
            raise CertificateError(f"path must be absolute, not {self._folder}.")
        self._sans = alternatives(module.params["names"], module.params["addresses"])
        program = module.get_bin_path("openssl")
        self._tool = OpenSSL(program, self._run) if program else None
        self._actions: list[str] = []

    def run(self) -> dict[str, Any]:
        state = self._params["state"]
        if self._tool is None:
            return self._without_openssl(state)
        result = getattr(self, f"_{state}")(self._tool)
        return {
            "changed": bool(self._actions),
            "openssl": True,
            **result,
            "actions": self._actions or ["nothing to do"],
        }

    def _without_openssl(self, state: str) -> dict[str, Any]:
        text = "openssl is not installed on this host"
        if state == "examined":
            empty = {
                "key": "",
                "chain": "",
                "authority": "",
                "names": "",
                "access": "",
                "expires": "",
                "days_left": None,
            }
            return {
                "changed": False,
                "openssl": False,
                "actions": [],
                "reasons": [text],
                "findings": {"missing": text, **empty},
            }
        if state == "installed":
            raise CertificateError(f"{text}: install the package openssl.")
        return {
            "changed": self._module.check_mode,
            "openssl": False,
            "actions": [f"{text} yet; key and certificate are made after it"],
            "reasons": [text],
            "request": "",
            "authority_installed": "",
            "alternatives": self._sans,
        }

    def _examined(self, tool: OpenSSL) -> dict[str, Any]:
        findings = examine(tool, self._folder, self._sans, self._params["ca_certificate"])
        access = ", ".join(
            str(path) for path, mode in self._files() if path.exists() and not self._is_owned(path, mode)
        )
        return {
            "reasons": findings.reasons(self._params["renew_before"]),
            "findings": {**dataclasses.asdict(findings), "access": access},
        }

    def _requested(self, tool: OpenSSL) -> dict[str, Any]:
        findings = examine(tool, self._folder, self._sans, self._params["ca_certificate"])
        reasons = findings.reasons(self._params["renew_before"])
        if self._params["renew"]:
            reasons.append("renewal was asked for")
        trusted = self._folder / "ca.crt"
        authority = tool.fingerprint(trusted) if trusted.exists() and certificates(trusted.read_text()) else ""
        request = ""
        if reasons:
            self._actions.append(f"made a new private key in {self._folder}: {'; '.join(reasons)}")
            if not self._module.check_mode:
                request = self._request(tool)
        else:
            self._own_files()
        return {"reasons": reasons, "request": request, "authority_installed": authority, "alternatives": self._sans}

    def _installed(self, tool: OpenSSL) -> dict[str, Any]:
        if not self._params["certificate"] or not self._params["ca_certificate"]:
            raise CertificateError("certificate and ca_certificate are needed to install a certificate.")
        pending = self._folder / _PENDING
        self._actions.append(f"installed a new key and certificate in {self._folder}")
        if self._module.check_mode:
            return {}
        if not pending.exists():
            raise CertificateError(f"{pending} does not exist: ask for a certificate with state requested first.")
        certificate = self._write(".node.crt.new", self._params["certificate"], 0o644)
        authority = self._write(".ca.crt.new", self._params["ca_certificate"], 0o644)
        if not tool.same_key(pending, certificate):
            raise CertificateError(
                f"certificate is not for the key that was made last in {self._folder}: ask for a new one."
            )
        wrong = tool.verify(certificate, authority)
        if wrong:
            raise CertificateError(f"certificate does not verify with ca_certificate: {wrong}")
        self._own(pending, _MODES["node.key"])
        for path, name in ((authority, "ca.crt"), (pending, "node.key"), (certificate, "node.crt")):
            self._own(path, _MODES[name])
            path.replace(self._folder / name)
        return {}

    def _request(self, tool: OpenSSL) -> str:
        if not self._folder.exists():
            self._folder.mkdir(parents=True)
        self._own(self._folder, _DIRECTORY_MODE)
        key = self._folder / _PENDING
        key.unlink(missing_ok=True)
        kind = self._params["key_type"]
        tool.make_key(key, kind)
        with tempfile.NamedTemporaryFile(dir=self._module.tmpdir, suffix=".cnf") as config:
            return tool.make_request(key, kind, self._sans, self._params["common_name"], Path(config.name))

    def _write(self, name: str, text: str, mode: int) -> Path:
        path = self._folder / name
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as stream:
            stream.write(text if text.endswith("\n") else f"{text}\n")
        return path

    def _files(self) -> list[tuple[Path, int]]:
        return [(self._folder, _DIRECTORY_MODE), *((self._folder / name, mode) for name, mode in _MODES.items())]

    def _own_files(self) -> None:
        for path, mode in self._files():
            if not self._is_owned(path, mode):
                self._actions.append(f"set owner and mode of {path}")
                if not self._module.check_mode:
                    self._own(path, mode)

    def _ids(self) -> tuple[int, int]:
        try:
            return pwd.getpwnam(self._params["owner"]).pw_uid, grp.getgrnam(self._params["group"]).gr_gid
        except KeyError as error:
            raise CertificateError(
                f"owner {self._params['owner']} or group {self._params['group']} does not exist on this host: "
                "create them first."
            ) from error

    def _is_owned(self, path: Path, mode: int) -> bool:
        status = path.stat()
        try:
            return (status.st_uid, status.st_gid) == self._ids() and status.st_mode & 0o7777 == mode
        except CertificateError:
            return False

    def _own(self, path: Path, mode: int) -> None:
        uid, gid = self._ids()
        os.chown(path, uid, gid, follow_symlinks=False)
        path.chmod(mode)

    def _run(self, argv: Any) -> tuple[int, str, str]:
        status, out, err = self._module.run_command(list(argv))
        return int(status), str(out), str(err)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["requested", "installed", "examined"], "default": "requested"},
            "path": {"type": "path", "required": True},
            "owner": {"type": "str", "default": "root"},
            "group": {"type": "str", "default": "root"},
            "common_name": {"type": "str", "required": True},
            "names": {"type": "list", "elements": "str", "default": []},
            "addresses": {"type": "list", "elements": "str", "default": []},
            "key_type": {"type": "str", "choices": list(KEY_TYPES), "default": "ecdsa", "no_log": False},
            "renew_before": {"type": "int", "default": 30},
            "renew": {"type": "bool", "default": False},
            "ca_certificate": {"type": "str", "default": ""},
            "certificate": {"type": "str"},
        },
        supports_check_mode=True,
    )
    try:
        result = NodeCertificate(module).run()
    except (CertificateError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
