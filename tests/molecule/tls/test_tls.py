# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys and certificates of the nodes, from inside and in a handshake between two nodes."""

import stat

FOLDER = "/etc/ray/tls"


def test_the_private_key_is_for_its_group_only(host):
    key = host.file(f"{FOLDER}/node.key")
    assert (key.user, key.group, key.mode) == ("root", "daemon", 0o640)


def test_the_authority_is_private_to_the_controller(run_directory):
    assert stat.S_IMODE((run_directory / "tls" / "ca.key").stat().st_mode) == 0o600


def test_no_two_nodes_have_the_same_key(node):
    assert node("head").file(f"{FOLDER}/node.key").sha256sum != node("worker1").file(f"{FOLDER}/node.key").sha256sum


def test_the_private_key_is_nowhere_on_the_controller(host, run_directory):
    key = host.file(f"{FOLDER}/node.key").content
    assert all(key not in path.read_bytes() for path in run_directory.rglob("*") if path.is_file())


def test_the_certificate_names_the_node_by_address_and_name(host, addresses):
    name = host.check_output("hostname")
    shown = host.check_output(f"openssl x509 -in {FOLDER}/node.crt -noout -ext subjectAltName")
    assert f"DNS:{name}" in shown
    assert f"IP Address:{addresses[name]}" in shown


def test_two_nodes_shake_hands_and_know_each_other(node, addresses):
    files = f"-CAfile {FOLDER}/ca.crt -cert {FOLDER}/node.crt -key {FOLDER}/node.key"
    node("head").check_output(
        f"systemd-run --unit=tls-server openssl s_server -accept 7443 {files} -Verify 2 -verify_return_error -quiet"
    )
    said = node("worker1").check_output(
        "for try in 1 2 3 4 5 6 7 8 9 10; do "
        f"echo | openssl s_client -connect {addresses['head']}:7443 {files} -verify_ip {addresses['head']} "
        "-verify_return_error && break; sleep 0.5; done 2>&1"
    )
    assert "Verify return code: 0 (ok)" in said


def test_a_stranger_to_the_authority_is_refused(node, addresses):
    files = f"-CAfile {FOLDER}/ca.crt"
    said = node("worker1").run(
        f"echo | openssl s_client -connect {addresses['head']}:7443 {files} -verify_ip 192.0.2.1 -verify_return_error"
    )
    assert "IP address mismatch" in said.stdout + said.stderr
