# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's packages and trusted authorities, seen from inside."""

import json

import pytest


def trusted(host, certificate):
    command = f"openssl verify -no-CApath -CAfile /etc/ssl/certs/ca-certificates.crt {certificate}"
    return host.run(command).rc == 0


@pytest.mark.parametrize("package", ["ca-certificates", "curl", "openssl"])
def test_packages_are_installed(host, package):
    assert host.package(package).is_installed


def test_what_an_authority_of_the_list_signed_is_trusted(host):
    assert trusted(host, "/root/by-kept.crt")


def test_what_an_authority_signed_that_was_taken_from_the_list_is_not_trusted(host):
    assert not trusted(host, "/root/by-dropped.crt")
    assert "dropped" not in host.check_output("ls -R /usr/local/share/ca-certificates /etc/ssl/certs")


def test_an_authority_that_somebody_else_trusts_stays(host):
    assert host.file("/usr/local/share/ca-certificates/somebody-elses.crt").exists


def test_a_container_is_not_given_a_program_that_sets_its_machines_clock(host):
    assert not host.package("chrony").is_installed


def test_a_private_key_is_refused_with_the_files_name(host):
    said = host.file("/root/refusal").content_string
    assert "kept.key contains a private key" in said
    assert "kept.key" not in host.check_output("ls /usr/local/share/ca-certificates")


def test_checks_report_what_is_wrong_and_do_not_fail(host):
    rows = json.loads(host.file("/root/checks.json").content_string)
    assert [row["ok"] for row in rows] == [False]
    assert "private key" in rows[0]["found"]
