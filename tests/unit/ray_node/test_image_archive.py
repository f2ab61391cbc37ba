# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which image an archive of `docker save` holds."""

import io
import json
import tarfile

import pytest

from tests.unit.ray_node.program import ROOT, load_program

archive = load_program(ROOT / "roles/ray_node/files/image_archive.py")

CONFIG = "a" * 64
MANIFEST = "sha256:" + "b" * 64


@pytest.mark.parametrize("config", [f"{CONFIG}.json", f"blobs/sha256/{CONFIG}"])
def test_the_digest_of_the_configuration_comes_first_then_those_of_the_manifests(config):
    assert archive.identities([{"Config": config}], {"manifests": [{"digest": MANIFEST}]}) == [
        f"sha256:{CONFIG}",
        MANIFEST,
    ]


@pytest.mark.parametrize("manifest", [[], [{"Config": f"{CONFIG}.json"}] * 2, [{"Config": "config"}]])
def test_an_archive_of_none_or_two_images_or_without_a_digest_is_refused(manifest):
    with pytest.raises(ValueError, match=r"images|digest"):
        archive.identities(manifest, {})


def test_an_archive_is_read_and_what_is_none_is_refused_by_name(tmp_path, capsys):
    path = tmp_path / "image.tar"
    with tarfile.open(path, "w") as file:
        content = json.dumps([{"Config": f"{CONFIG}.json"}]).encode()
        member = tarfile.TarInfo("manifest.json")
        member.size = len(content)
        file.addfile(member, io.BytesIO(content))
    assert archive.main(str(path)) == 0
    assert json.loads(capsys.readouterr().out) == {"ids": [f"sha256:{CONFIG}"]}
    assert archive.main(str(tmp_path / "none.tar")) == 1
    assert "none.tar is not an archive" in capsys.readouterr().err
