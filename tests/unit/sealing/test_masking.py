# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
import json
import re
import shlex
import string

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidInput
from engine.sealing import masking
from engine.sealing.key import FleetKey
from engine.sealing.masking import GENERIC_SECRETS, Masker

KEY = FleetKey(bytes(range(32)))
MASK = re.compile(r"<masked(?::[0-9a-f]{4})?>")
GENERIC = Masker(patterns=GENERIC_SECRETS, fingerprint=KEY.fingerprint)

# Few characters, so that values overlap, hold and repeat each other; none of them is in the word "masked".
TANGLED = st.text("xyz$^*.\\\"'[](\n", min_size=4, max_size=12).filter(lambda value: len(value.strip()) >= 4)
SECRET = st.text(string.ascii_letters + string.digits + "!#$%^*()_+.?/|~@-", min_size=6, max_size=20).filter(
    lambda secret: secret[0].isalnum() and secret[-1].isalnum() and not secret.isdigit()
)


def shown(masked):
    """What can be read in a masked text: the pieces between the masks."""
    return MASK.split(masked)


@given(st.lists(TANGLED, min_size=1, max_size=6), st.data())
def test_no_value_survives_however_values_overlap(values, data):
    pieces = st.sampled_from(values) | st.text("xyz \n", max_size=4) | TANGLED.map(lambda value: value[:3])
    text = "".join(data.draw(st.lists(pieces, max_size=12)))
    masked = Masker(values=values, fingerprint=KEY.fingerprint).mask(text)
    assert not [value for value in values for piece in shown(masked) if value in piece]


@given(st.text(min_size=4, max_size=20).filter(lambda value: len(value.strip()) >= 4))
def test_no_value_survives_in_a_quoted_form(value):
    masker = Masker(values=[value])
    for form in (
        value,
        f"{value}\n",
        json.dumps({"stdin": f"a{value}b"}),
        json.dumps([value], ensure_ascii=False),
        json.dumps(json.dumps([value])),
        shlex.quote(value),
        shlex.quote(f"echo {value} | cat"),
        repr(value),
    ):
        masked = masker.mask(form)
        assert MASK.search(masked), form
        assert not any(value in piece for piece in shown(masked))


def test_the_lines_of_a_key_are_masked_one_by_one():
    key = "-----BEGIN KEY-----\nAAAAB3NzaC1yc2E\nq0l4mXzJvT\n-----END KEY-----\n"
    assert shown(Masker(values=[key]).mask("+  q0l4mXzJvT")) == ["+  ", ""]


def test_values_of_fewer_than_four_characters_are_left_alone():
    assert Masker(values=["no", "", "   ", "\n\n\n\n", " 12 "]).mask("no 12 ip") == "no 12 ip"


def test_neighbouring_values_are_masked_one_by_one_and_overlapping_ones_as_one():
    masker = Masker(values=["abcd", "efgh", "cdef"])
    assert masker.mask("abcd efgh") == "<masked> <masked>"
    assert masker.mask("abcdefgh!") == "<masked>!"


@given(SECRET, SECRET)
def test_a_changed_secret_still_changes_its_line(old, new):
    def line(secret):
        return GENERIC.mask(f" neighbor 10.0.0.1 password {secret}")

    same = KEY.fingerprint(old)[:4] == KEY.fingerprint(new)[:4]
    assert (line(old) == line(new)) is same


def test_one_value_has_one_mask_in_all_its_spellings():
    masker = Masker(values=['pa"ss$w'], fingerprint=KEY.fingerprint)
    masks = {MASK.search(masker.mask(text)).group() for text in ('pa"ss$w', json.dumps('pa"ss$w'), r"pa\"ss\$w")}
    assert masks == {f"<masked:{KEY.fingerprint('pa"ss$w')[:4]}>"}


LINES = [
    " neighbor 192.0.2.1 password {}",
    " neighbor 192.0.2.1 password 7 {}",
    "enable secret 5 {}",
    "enable password sha512 {}",
    "username ops privilege 15 secret 9 {}",
    "username ops password 0 {} role admin",
    "password {}",
    " key-string 7 {}",
    "  key-string {}",
    "tacacs-server host 192.0.2.9 key 7 {}",
    "radius-server key {}",
    " key 7 {}",
    "ntp authentication-key 1 md5 {} 7",
    " ip ospf message-digest-key 1 md5 7 {}",
    " ip ospf message-digest-key 1 md5 {}",
    " ip ospf authentication-key {}",
    " isis password clear {} level-1",
    " area-password md5 {}",
    " standby 1 authentication md5 key-string {}",
    "snmp-server community {} RO",
    "snmp-server host 192.0.2.8 version 2c {}",
    "snmp-server user u g v3 auth sha {} priv aes 128 Zw9Zw9Zw9",
    "snmp-server user u g v3 auth sha Zw9Zw9Zw9 priv aes 128 {}",
    "set snmp community {} authorization read-only",
    "rocommunity {} 192.0.2.0/24",
    "com2sec readers default {}",
    "crypto isakmp key {} address 192.0.2.7",
    ' pre-shared-key ascii-text "{}"; ## SECRET-DATA',
    ' encrypted-password "{}";',
    ' authentication-key "{}";',
    "set system root-authentication encrypted-password {}",
    " wpa-psk ascii 0 {}",
    "bgp_password: {}",
    "  'api_token': '{}',",
    '{{"db_password": "{}", "port": 1}}',
    '{{\\"db_password\\": \\"{}\\", \\"port\\": 1}}',
    "curl --password {} host",
    "PASSWORD={}",
    "Authorization: Bearer {}",
    "postgresql://ledger:{}@db/ledger",
    "-----BEGIN OPENSSH PRIVATE KEY-----\n+{}\n+-----END OPENSSH PRIVATE KEY-----",
]


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("mark", ["", "+", "-", " "])
@pytest.mark.parametrize("end", ["", "\r\n!", "\n"])
def test_the_generic_patterns_mask(line, mark, end):
    before, after = line.format("|").split("|")
    masked = GENERIC.mask(f"!\n{mark}{before}s3cr-t.Word{after}{end}")
    assert "s3cr-t.Word" not in masked
    assert masked.startswith(f"!\n{mark}{before[:3]}")
    assert masked.endswith(end)


def test_a_private_key_whose_end_is_cut_off_is_masked_to_the_end():
    assert shown(GENERIC.mask("x\n-----BEGIN RSA PRIVATE KEY-----\nAAAA\nBB")) == [
        "x\n-----BEGIN RSA PRIVATE KEY-----",
        "",
    ]


@given(st.sampled_from([line for line in LINES if "Bearer" not in line and "END" not in line]), SECRET)
def test_no_secret_survives_the_generic_patterns(line, secret):
    assert not any(secret in piece for piece in shown(GENERIC.mask(line.format(secret))))


def test_a_secret_of_several_words_is_masked_whole():
    assert shown(GENERIC.mask(" neighbor PEERS password correct horse battery")) == [" neighbor PEERS password ", ""]
    assert shown(GENERIC.mask('{"password": "correct \\"horse\\" battery", "x": 1}')) == [
        '{"password": "',
        '", "x": 1}',
    ]


@pytest.mark.parametrize(
    "line",
    [
        "service password-encryption",
        " neighbor 192.0.2.1 send-community both",
        " set community 65000:100 additive",
        " match community CUSTOMERS",
        "bgp community-list standard CUSTOMERS permit 65000:100",
        " community CUSTOMERS members 65000:1;",
        "key chain CORE",
        " key 1",
        "crypto key generate rsa",
        "ip route 192.0.2.0/24 198.51.100.1",
        " description uplink to spine1",
        "The password was refused by leaf1; check ansible_password and try again.",
    ],
)
def test_what_is_no_secret_stays_readable(line):
    assert GENERIC.mask(line) == line


@given(st.lists(st.sampled_from([line.format("s3cr-t.Word") for line in LINES] + ["!", "exit"])))
def test_masking_twice_changes_nothing(lines):
    masked = GENERIC.mask("\n".join(lines))
    assert GENERIC.mask(masked) == masked


@given(st.text('paſword ecKkı:="\\ \n7', max_size=60))
def test_skipping_lines_without_keywords_changes_no_result(text):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(masking, "_words", lambda _pattern: None)
        thorough = Masker(patterns=GENERIC_SECRETS)
    assert Masker(patterns=GENERIC_SECRETS).mask(text) == thorough.mask(text)


def test_the_generic_patterns_can_all_be_skipped_by_keyword():
    assert not [pattern.pattern for pattern in GENERIC_SECRETS if not masking._words(pattern)]


def test_a_pattern_without_the_group_is_refused():
    with pytest.raises(InvalidInput, match="no group named 'secret'"):
        Masker(patterns=[re.compile(r"password (\S+)")])


def test_a_masker_does_not_show_its_values():
    assert "hunter2hunter2" not in repr(Masker(values=["hunter2hunter2"], patterns=GENERIC_SECRETS))


def test_masked_yaml_is_still_yaml():
    text = yaml.safe_dump({"bgp_password": "s3cr-t.Word", "peers": [{"auth_key": "0ther.Word", "asn": 65000}]})
    masked = yaml.safe_load(GENERIC.mask(text))
    assert masked["peers"][0]["asn"] == 65000
    assert MASK.fullmatch(masked["bgp_password"])
