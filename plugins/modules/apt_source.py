# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An apt repository and its key."""

from __future__ import annotations

DOCUMENTATION = r"""
module: apt_source
short_description: Describe an apt repository, with its key
version_added: 0.1.0
author: raywright.fleet contributors (@raywright)
description:
  - Writes C(/etc/apt/sources.list.d/NAME.sources), and the key to C(/etc/apt/keyrings) if it is given by URL or as text.
  - Unlike M(ansible.builtin.deb822_repository) it needs no Python bindings on the host, so it works in check mode on a bare
    one, and it fetches the key only when the repository is new or has changed.
options:
  name:
    description: Name of the files, without suffix.
    type: str
    required: true
  uris:
    description: Where the repository is. C($(ARCH\)) stands for the host's architecture.
    type: list
    elements: str
    required: true
  suites:
    description: Suites; V(/) at the end for a repository without the usual folders.
    type: list
    elements: str
    required: true
  components:
    description: Components.
    type: list
    elements: str
  architectures:
    description: Architectures, if not the host's.
    type: list
    elements: str
  signed_by:
    description: The key that packages are checked with, as a URL, an absolute path on the host, or ASCII-armored text.
    type: str
  trusted:
    description: Whether to accept packages without signatures. Needed if there is no O(signed_by).
    type: bool
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without touching the host.
    support: full
  diff_mode:
    description: Returns the file before and after.
    support: full
  idempotence:
    description: When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
    support: full
"""

EXAMPLES = r"""
- name: Use the company's mirror
  raywright.fleet.apt_source:
    name: docker
    uris: [https://mirror.example.com/docker]
    suites: [bookworm]
    components: [stable]
    signed_by: https://mirror.example.com/docker.asc
"""

RETURN = r"""
path:
  description: The file that describes the repository.
  returned: success
  type: str
  sample: /etc/apt/sources.list.d/docker.sources
"""

import os
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.urls import fetch_url
from ansible_collections.raywright.fleet.plugins.module_utils._apt_source import (
    ARMOR,
    REPOSITORY_OPTIONS,
    AptSource,
)


def write(module: AnsibleModule, path: Path, content: bytes) -> None:
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    draft = Path(module.tmpdir) / path.name
    draft.write_bytes(content)
    draft.chmod(0o644)  # apt reads it as the user _apt
    module.atomic_move(os.fspath(draft), os.fspath(path))


def fetched(module: AnsibleModule, source: AptSource) -> bytes:
    response, info = fetch_url(module, source.key_url)
    if info["status"] != 200:  # noqa: PLR2004
        module.fail_json(
            msg=f"The key of the apt repository {source} could not be fetched from {source.key_url}: {info['msg']}. Correct"
            " signed_by, or give the key as text if this host cannot reach that address."
        )
    key = response.read()
    if ARMOR.encode() not in key:
        module.fail_json(
            msg=f"What {source.key_url} answers is no ASCII-armored public key. Convert a binary keyring with gpg --enarmor, or"
            " put it on the host and give its path as signed_by."
        )
    return key


def main() -> None:
    module = AnsibleModule(
        argument_spec={"name": {"type": "str", "required": True}, **REPOSITORY_OPTIONS},
        supports_check_mode=True,
    )
    try:
        source = AptSource(module.params["name"], module.params)
        changed = source.differs()
        diff = {
            "before": source.written,
            "after": source.text,
            "before_header": str(source.path),
            "after_header": str(source.path),
        }
        if changed and not module.check_mode:
            if source.key_url:
                write(module, source.key_path, fetched(module, source))
            elif source.key_text:
                write(module, source.key_path, source.key_text.encode())
            write(module, source.path, source.text.encode())
    except (ValueError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=changed, path=str(source.path), diff=diff)


if __name__ == "__main__":
    main()
