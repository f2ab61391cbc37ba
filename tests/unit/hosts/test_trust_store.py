# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates that are added to the trust store."""

import subprocess
from pathlib import Path

import pytest

from plugins.module_utils._host import HostError
from plugins.module_utils._trust_store import Changes, Store, split


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    folder = tmp_path_factory.mktemp("authority")

    def make(name):
        subject = ["-subj", f"/CN={name}", "-days", "2", "-nodes"]
        files = ["-keyout", str(folder / f"{name}.key"), "-out", str(folder / f"{name}.crt")]
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ed25519", *subject, *files], check=True, capture_output=True
        )
        return (folder / f"{name}.crt").read_text(), (folder / f"{name}.key").read_text()

    return make


@pytest.fixture
def store(tmp_path):
    (tmp_path / "anchors").mkdir()
    (tmp_path / "bundle.crt").write_text("")
    return Store(tmp_path / "anchors", ".crt", tmp_path / "bundle.crt", ("true",))


def apply(store, certificates):
    changes = Changes(store, certificates)
    for path, certificate in changes.write.items():
        path.write_text(certificate.text)
    for path in changes.remove:
        path.unlink()
    store.bundle.write_text("".join(path.read_text() for path in sorted(store.directory.iterdir())))
    return changes


def test_a_bundle_becomes_one_file_for_each_certificate(store, authority):
    certificates = split("corporate.pem", "a comment\n" + authority("one")[0] + authority("two")[0])
    apply(store, certificates)
    names = sorted(path.name for path in store.directory.iterdir())
    assert names == sorted(f"raywright-corporate-{one.fingerprint[:16]}.crt" for one in certificates)
    for path in store.directory.iterdir():
        subprocess.run(["openssl", "x509", "-in", str(path), "-noout"], check=True)


def test_the_second_run_has_nothing_to_do(store, authority):
    certificates = split("one.crt", authority("one")[0])
    assert apply(store, certificates).actions() != []
    assert Changes(store, certificates).actions() == []


def test_only_our_own_are_removed_when_taken_from_the_list(store, authority):
    certificates = split("one.crt", authority("one")[0])
    apply(store, certificates)
    (store.directory / "somebody-elses.crt").write_text(authority("two")[0])
    assert [path.name for path in Changes(store, []).remove] == [
        f"raywright-one-{certificates[0].fingerprint[:16]}.crt"
    ]


def test_a_run_that_was_interrupted_before_the_bundle_is_finished_by_the_next(store, authority):
    certificates = split("one.crt", authority("one")[0])
    apply(store, certificates)
    store.bundle.write_text("")
    assert Changes(store, certificates).actions() == [
        f"rebuild the trust store {store.bundle}, in which a CA certificate is missing"
    ]


def test_a_renewed_certificate_replaces_its_predecessor(store, authority):
    apply(store, split("one.crt", authority("one")[0]))
    changes = Changes(store, split("one.crt", authority("one")[0]))
    assert (len(changes.write), len(changes.remove)) == (1, 1)


def test_a_file_with_a_private_key_is_refused_and_the_key_is_not_shown(authority):
    certificate, key = authority("one")
    with pytest.raises(HostError, match="contains a private key") as refusal:
        split("one.pem", certificate + key)
    assert key.splitlines()[1] not in str(refusal.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "openssl x509 -inform der"),
        ("-----BEGIN CERTIFICATE-----\nbm90IG9uZQ==\n-----END CERTIFICATE-----\n", "and is none"),
        ("-----BEGIN CERTIFICATE-----\n%%%\n-----END CERTIFICATE-----\n", "not valid base64"),
    ],
)
def test_what_is_no_certificate_is_refused_with_the_files_name(content, said):
    with pytest.raises(HostError, match=said) as refusal:
        split("proxy.crt", content)
    assert "proxy.crt" in str(refusal.value)


def test_windows_line_ends_make_no_difference(authority):
    pem = authority("one")[0]
    assert split("one.crt", pem.replace("\n", "\r\n")) == split("one.crt", pem)


def test_a_name_with_spaces_becomes_a_file_name(store, authority):
    path = store.path(split("Corporate Root (2026).crt", authority("one")[0])[0])
    assert path.parent == store.directory
    assert path.name.startswith("raywright-Corporate-Root-2026-")
    assert isinstance(path, Path)
