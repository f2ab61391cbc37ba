# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The description of an apt repository."""

import pytest

from plugins.module_utils import _apt_source
from plugins.module_utils._apt_source import AptSource

MIRROR = {"uris": ["https://mirror.example.com/docker"], "suites": ["bookworm"], "components": ["stable"]}
KEY = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQ==\n-----END PGP PUBLIC KEY BLOCK-----"


@pytest.fixture(autouse=True)
def apt(tmp_path, monkeypatch):
    monkeypatch.setattr(_apt_source, "SOURCES", tmp_path / "sources.list.d")
    monkeypatch.setattr(_apt_source, "KEYRINGS", tmp_path / "keyrings")
    _apt_source.SOURCES.mkdir()
    _apt_source.KEYRINGS.mkdir()
    return tmp_path


def source(**more):
    return AptSource("docker", {**MIRROR, **more})


def test_the_file_has_what_apt_needs():
    assert source(trusted=True).text == (
        "# Managed by raywright.fleet.\n"
        "Types: deb\n"
        "URIs: https://mirror.example.com/docker\n"
        "Suites: bookworm\n"
        "Components: stable\n"
        "Trusted: yes\n"
    )


def test_a_repository_without_key_is_refused_unless_it_is_trusted():
    with pytest.raises(ValueError, match="neither signed_by nor trusted"):
        source()
    with pytest.raises(ValueError, match="URL, an absolute path"):
        source(signed_by="0EBFCD88")


def test_a_key_on_the_host_is_used_where_it_lies():
    assert "Signed-By: /usr/share/keyrings/mine.gpg" in source(signed_by="/usr/share/keyrings/mine.gpg").text


@pytest.mark.parametrize("key", [KEY, "https://mirror.example.com/key.asc"])
def test_a_repository_is_as_it_should_be_only_with_its_key(apt, key):
    one = source(signed_by=key)
    one.path.write_text(one.text)
    assert one.differs()
    (apt / "keyrings" / "docker.asc").write_text(f"{key}\n")
    assert not one.differs()


def test_another_address_of_the_key_makes_another_file():
    assert source(signed_by="https://a.example.com/key").text != source(signed_by="https://b.example.com/key").text


def test_a_changed_key_is_noticed(apt):
    one = source(signed_by=KEY)
    one.path.write_text(one.text)
    (apt / "keyrings" / "docker.asc").write_text("an older one\n")
    assert one.differs()


def test_what_is_installed_already_needs_no_repository():
    assert not source(trusted=True).needed(installing=False)
    assert source(trusted=True).needed(installing=True)


def test_our_own_description_is_kept_up_to_date_also_when_nothing_is_installed():
    one = source(trusted=True)
    one.path.write_text("# Managed by raywright.fleet.\nURIs: https://old.example.com/\n")
    assert one.needed(installing=False)


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        (
            "other.list",
            "deb [signed-by=/usr/share/keyrings/x.gpg] https://mirror.example.com/docker bookworm stable",
            True,
        ),
        ("other.sources", "URIs: https://mirror.example.com/docker/\n", True),
        ("other.list", "# deb https://mirror.example.com/docker bookworm stable", False),
        ("other.list", "deb https://mirror.example.com/docker-test bookworm stable", False),
    ],
)
def test_a_repository_that_somebody_else_describes_is_not_described_twice(apt, name, text, found):
    (apt / "sources.list.d" / name).write_text(f"{text}\n")
    assert (source(trusted=True).elsewhere() is not None) == found
    assert source(trusted=True).needed(installing=True) != found


def test_the_architecture_in_an_address_does_not_hide_a_description_of_somebody_else(apt):
    uri = "https://nvidia.github.io/libnvidia-container/stable/deb"
    (apt / "sources.list.d" / "nvidia.list").write_text(f"deb {uri}/$(ARCH) /\n")
    assert source(uris=[f"{uri}/$(ARCH)"], trusted=True).elsewhere() is not None
