# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
import importlib.util
from pathlib import Path

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import EncryptedString, VaultLib, VaultSecret, VaultSecretsContext
from ansible.template import Templar, trust_as_template

SOURCE = Path(__file__).parents[3] / "plugins" / "plugin_utils" / "_secrets.py"
spec = importlib.util.spec_from_file_location("fleet_secrets", SOURCE)
secrets = importlib.util.module_from_spec(spec)
spec.loader.exec_module(secrets)
secret_values = secrets.secret_values


@pytest.fixture(scope="module")
def vault():
    held = [("default", VaultSecret(b"a vault password"))]
    VaultSecretsContext.initialize(VaultSecretsContext(held))
    return VaultLib(held)


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        ({"ansible_password": "hunter2"}, {"hunter2"}),
        ({"ansible_ssh_pass": "hunter2", "ansible_become_password": "toor1"}, {"hunter2", "toor1"}),
        ({"bgp": {"peers": [{"ip": "10.0.0.1", "password": "s3cret"}]}}, {"s3cret"}),
        ({"snmp_communities": [{"name": "blue-moon", "access": "read-only"}]}, {"blue-moon"}),
        ({"ospf_auth_key": 12345678}, {"12345678"}),
        ({"enable_secret": "abc"}, set()),
        ({"ansible_ssh_private_key_file": "~/.ssh/id", "password_encryption": "sha512"}, set()),
        ({"bgp_communities": ["65000:100", "no-export"], "site": "berlin"}, set()),
        ({"groups": {"secret": ["leaf-1"]}, "token": True}, set()),
    ],
)
def test_what_the_variables_name_calls_secret_is_found_at_any_depth(variables, wanted):
    assert secret_values(variables) == wanted


def test_each_line_of_a_key_is_a_secret_because_configurations_indent_it():
    key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG\n-----END KEY-----\n"
    assert secret_values({"tls_private_key": key}) == {key.strip(), "MIIEvQIBADANBgkqhkiG"}


def test_a_value_vaulted_by_itself_is_found_under_any_name(vault):
    value = EncryptedString(ciphertext=vault.encrypt("moonlight").decode())
    assert secret_values({"motd": [{"text": value}]}) == {"moonlight"}


def test_values_of_a_file_vaulted_as_a_whole_are_found_under_any_name(vault, tmp_path):
    path = tmp_path / "vault.yml"
    path.write_bytes(vault.encrypt("motd: moonlight\nnumber: 5\n"))
    loader = DataLoader()
    loader.set_vault_secrets(vault.secrets)
    assert secret_values(loader.load_from_file(str(path), trusted_as_template=True)) == {"moonlight"}


@pytest.mark.usefixtures("vault")
def test_a_value_that_cannot_be_decrypted_is_no_error():
    other = VaultLib([("default", VaultSecret(b"another password"))])
    assert secret_values({"x": EncryptedString(ciphertext=other.encrypt("moonlight").decode())}) == set()


def test_a_secret_set_by_a_template_is_rendered_and_one_that_fails_is_left_out():
    variables = {
        "base": "moon",
        "bgp_password": trust_as_template("{{ base }}light"),
        "token": trust_as_template("{{ nowhere }}"),
    }
    render = Templar(variables=variables).template
    assert secret_values(variables, render) == {"moonlight"}


def test_secrets_are_plain_strings_and_masked_longest_first(vault):
    found = secret_values({"x": EncryptedString(ciphertext=vault.encrypt("moonlight").decode())})
    assert {type(value) for value in found} == {str}
    assert secrets.mask("key moonlight moon", found | {"moon"}) == "key <masked> <masked>"


class _Counted(list):
    walks = 0

    def __iter__(self):
        self.walks += 1
        return super().__iter__()


def test_what_hosts_share_is_looked_through_once_and_rendered_for_each():
    shared = _Counted(["{{ name }}-moonlight"])
    finder = secrets.SecretFinder()
    found = [finder.values({"tokens": shared, "name": name}, lambda _text, name=name: f"{name}-moon") for name in "abc"]
    assert found == [{"a-moon"}, {"b-moon"}, {"c-moon"}]
    assert shared.walks == 1


def test_a_value_that_is_shared_counts_by_the_name_that_each_variable_gives_it():
    shared = ["moonlight"]
    finder = secrets.SecretFinder()
    assert finder.values({"motd": shared}) == set()
    assert finder.values({"motd": shared, "token": shared}) == {"moonlight"}
    assert finder.values({"motd": shared}) == set()


def test_a_finder_holds_on_to_one_host_and_no_more():
    finder = secrets.SecretFinder()
    for number in range(100):
        assert finder.values({"tokens": [f"moonlight-{number}"]}) == {f"moonlight-{number}"}
    assert len(finder._known) == 1
