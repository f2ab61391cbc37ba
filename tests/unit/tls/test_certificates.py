# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys and certificates, with the openssl of this machine."""

import shutil
import subprocess

import pytest

from plugins.module_utils._certificates import (
    CertificateError,
    Findings,
    OpenSSL,
    alternatives,
    certificates,
    examine,
    parse_alternatives,
)

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
SANS = ["DNS:node", "IP:192.0.2.1", "IP:2001:db8::1"]


def run(argv):
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def tool():
    return OpenSSL("openssl", run)


def call(command):
    status, out, error = run(command.split())
    assert status == 0, error
    return out


def authority(folder, name):
    key, certificate = folder / f"{name}.key", folder / f"{name}.crt"
    call(f"openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out {key}")
    call(f"openssl req -x509 -key {key} -days 90 -subj /CN={name} -out {certificate}")
    return certificate.read_text()


@pytest.fixture
def node(tmp_path, tool):
    """A directory as it is on a node, its certificate signed for 60 days."""
    pem = authority(tmp_path, "first")
    folder = tmp_path / "node"
    folder.mkdir()
    tool.make_key(folder / "node.key", "ecdsa")
    request = tool.make_request(folder / "node.key", "ecdsa", SANS, "node", tmp_path / "request.cnf")
    (tmp_path / "request.pem").write_text(request)
    signer = f"-CA {tmp_path}/first.crt -CAkey {tmp_path}/first.key -CAcreateserial"
    names = f"-extfile {tmp_path}/request.cnf -extensions extensions"
    call(f"openssl x509 -req -in {tmp_path}/request.pem {signer} {names} -days 60 -out {folder}/node.crt")
    (folder / "ca.crt").write_text(pem)
    return folder


def test_a_good_certificate_needs_no_new_one(node, tool):
    findings = examine(tool, node, SANS, (node / "ca.crt").read_text())
    assert findings.reasons(renew_before=30) == []
    assert findings.days_left == 59


def test_a_certificate_is_renewed_before_its_end(node, tool):
    findings = examine(tool, node, SANS, "")
    assert findings.reasons(renew_before=60) == [f"the certificate expires on {findings.expires}"]


def test_a_name_that_is_missing_or_too_many_is_a_reason(node, tool):
    assert examine(tool, node, [*SANS, "DNS:more"], "").reasons(30) == ["it does not name DNS:more"]
    assert examine(tool, node, SANS[:2], "").reasons(30) == ["it still names IP:2001:db8::1"]


def test_another_authority_is_a_reason(node, tool, tmp_path):
    (reason,) = examine(tool, node, SANS, authority(tmp_path, "second")).reasons(30)
    assert "another certificate authority" in reason


def test_a_chain_that_does_not_verify_is_a_reason(node, tool, tmp_path):
    (node / "ca.crt").write_text(authority(tmp_path, "second"))
    (reason,) = examine(tool, node, SANS, "").reasons(30)
    assert "does not verify" in reason


def test_a_key_of_another_certificate_is_a_reason(node, tool):
    (node / "node.key").unlink()
    tool.make_key(node / "node.key", "rsa")
    (reason,) = examine(tool, node, SANS, "").reasons(30)
    assert "is not the key of" in reason


def test_a_broken_file_is_a_reason_and_no_crash(node, tool):
    (node / "node.crt").write_text("x")
    assert examine(tool, node, SANS, "").reasons(30)


def test_a_private_key_is_never_readable_by_others_not_even_for_a_moment(tmp_path, tool):
    tool.make_key(tmp_path / "key", "ecdsa")
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600


def test_what_has_expired_says_so():
    findings = Findings(days_left=-1, expires="2026-01-01")
    assert findings.reasons(30) == ["the certificate has expired on 2026-01-01"]


def test_names_are_written_once_and_in_lower_case():
    assert alternatives(["Node", "node", "node."], ["192.0.2.1"]) == ["DNS:node", "IP:192.0.2.1"]


@pytest.mark.parametrize(("names", "addresses"), [(["a b"], []), (["a,DNS:b"], []), ([], ["node"]), ([], [])])
def test_what_is_no_name_or_address_is_refused(names, addresses):
    with pytest.raises(CertificateError):
        alternatives(names, addresses)


def test_names_are_read_as_openssl_prints_them():
    text = "X509v3 Subject Alternative Name: \n    DNS:Node, IP Address:192.0.2.1, IP Address:2001:DB8:0:0:0:0:0:1\n"
    assert parse_alternatives(text) == {"DNS:node", "IP:192.0.2.1", "IP:2001:db8::1"}


def test_certificates_are_taken_out_of_what_is_around_them():
    one = "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----"
    assert certificates(f"text\n{one}\n{one}\n") == [one, one]
