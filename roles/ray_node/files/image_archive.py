# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Say which image an archive of ``docker save`` holds, without a Docker Engine: ``image_archive.py FILE``.

An engine names an image by the digest of its configuration, or, with the containerd image store, by the digest of its
manifest. A saved archive states the first, and those of newer engines both.
"""

import json
import re
import sys
import tarfile
from typing import Any

_DIGEST = re.compile(r"(?:^|/)([0-9a-f]{64})(?:\.json)?$")


def identities(manifest: list[dict[str, Any]], index: dict[str, Any]) -> list[str]:
    """Return every name by which an engine may know the image, the digest of its configuration first."""
    if len(manifest) != 1:
        raise ValueError(f"it holds {len(manifest)} images; save one alone")
    found = _DIGEST.search(manifest[0]["Config"])
    if not found:
        raise ValueError(f"it names its configuration {manifest[0]['Config']}, not by a digest")
    return ["sha256:" + found[1], *(entry["digest"] for entry in index.get("manifests", []))]


def read(path: str) -> list[str]:
    members: dict[str, Any] = {"manifest.json": None, "index.json": {}}
    with tarfile.open(path) as archive:
        for member in archive:
            if member.name in members:
                members[member.name] = json.load(archive.extractfile(member))  # type: ignore[arg-type]
    if members["manifest.json"] is None:
        raise ValueError("it has no manifest.json")
    return identities(members["manifest.json"], members["index.json"])


def main(path: str) -> int:
    try:
        print(json.dumps({"ids": read(path)}))  # noqa: T201
    except (OSError, tarfile.TarError, ValueError, KeyError, TypeError) as error:
        print(f"{path} is not an archive of `docker save`: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
