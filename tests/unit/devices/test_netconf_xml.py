# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""XML of configurations, and NETCONF's framing: pure, so that no server is needed to break them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.devices import netconf_xml as xml
from engine.devices.netconf import DRIVER
from engine.devices.netconf_framing import Framer, FramingError
from engine.sealing.masking import GENERIC_SECRETS, Masker

IF = "urn:ietf:params:xml:ns:yang:ietf-interfaces"
TYPES = "urn:ietf:params:xml:ns:yang:iana-if-type"


def interfaces(*entries: str) -> str:
    return f'<config><interfaces xmlns="{IF}">{"".join(entries)}</interfaces></config>'


def entry(name: str, *more: str) -> str:
    return f"<interface><name>{name}</name>{''.join(more)}</interface>"


def content(document: str) -> list[xml.Element]:
    return xml.content(xml.parse(document))


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("<a>\n<b>\n</a>", "line 3, column 3: mismatched tag"),
        ("", "line 1, column 1: no element found"),
        ("hostname r1", "line 1, column 1: syntax error"),
        ("<a>\n<b>1</b> text</a>", "line 2: <a> holds text beside its elements"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "line 1: a document type, and so entities, is not accepted"),
        ('<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "line 1: a document type, and so entities, is not accepted"),
        ("<a>" * 300 + "</a>" * 300, "more than 200 elements inside each other"),
        ("<a>&undefined;</a>", "line 1, column 4: undefined entity"),
        ("<a><b:c/></a>", "line 1, column 4: unbound prefix"),
    ],
)
def test_a_document_that_cannot_be_taken_is_refused_with_its_line(document: str, said: str) -> None:
    with pytest.raises(xml.XmlError) as refused:
        xml.parse(document)
    assert said in str(refused.value)


def test_entities_that_multiply_are_refused_before_they_are_expanded() -> None:
    bomb = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    with pytest.raises(xml.XmlError, match="entities"):
        xml.parse(f'<!DOCTYPE a [<!ENTITY e0 "x">{bomb}]><a>&e11;</a>')


@pytest.mark.parametrize("root", ["{}", "<data>{}</data>", f'<nc:config xmlns:nc="{xml.BASE}">{{}}</nc:config>'])
def test_the_configuration_may_stand_in_config_or_data_or_be_the_root_itself(root: str) -> None:
    assert [each.name for each in content(root.format(f'<interfaces xmlns="{IF}"/>'))] == ["interfaces"]


def test_another_prefix_for_the_same_namespace_is_no_difference_and_another_namespace_is() -> None:
    one = interfaces(entry("eth0", f'<type xmlns:i="{TYPES}">i:ethernetCsmacd</type>'))
    same = f'<x:interfaces xmlns:x="{IF}" xmlns:ianaift="{TYPES}"><x:interface><x:name>eth0</x:name>'
    same += "<x:type>ianaift:ethernetCsmacd</x:type></x:interface></x:interfaces>"
    other = one.replace(TYPES, "urn:another")
    assert DRIVER.normalise(one) == DRIVER.normalise(same) != DRIVER.normalise(other)


def test_a_text_that_only_looks_like_a_prefixed_name_stays_as_it_is() -> None:
    assert "description note: call i:me" in DRIVER.normalise(
        interfaces(entry("eth0", f'<description xmlns:i="{TYPES}">note: call i:me</description>'))
    )


def test_what_is_written_means_what_was_read() -> None:
    document = (
        f'<config xmlns:i="{TYPES}"><interfaces xmlns="{IF}"><interface><name>a&amp;b &lt;c&gt;</name>'
        "<type>i:other</type><description>two\nlines ]]&gt;]]&gt;</description><enabled/></interface></interfaces>"
        '<bare xmlns=""><x>1</x></bare></config>'
    )
    written = xml.configuration(content(document))
    assert xml.configuration(content(written)) == written
    assert DRIVER.normalise(written) == DRIVER.normalise(document)
    assert "]]>]]>" not in written
    assert f'xmlns:i="{TYPES}"' in written


text = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=12)
names = st.sampled_from(["a", "b", "name", "id", "password"])
elements = st.recursive(
    st.builds(xml.Element, st.sampled_from(["urn:a", "urn:b", ""]), names, text=text.map(str.strip)),
    lambda inner: st.builds(
        xml.Element,
        st.sampled_from(["urn:a", "urn:b", ""]),
        names,
        attributes=st.dictionaries(st.tuples(st.sampled_from(["", "urn:x"]), names), text, max_size=2),
        children=st.lists(inner, min_size=1, max_size=4),
    ),
    max_leaves=12,
)


@given(st.lists(elements, max_size=4))
def test_writing_and_reading_again_changes_nothing(children: list[xml.Element]) -> None:
    written = xml.configuration(children)
    assert xml.normal(content(written)) == xml.normal(children)
    assert xml.configuration(content(written)) == written


@given(st.lists(elements, max_size=4), st.lists(elements, max_size=4))
def test_a_diff_is_empty_exactly_where_the_lines_are_the_same(
    before: list[xml.Element], after: list[xml.Element]
) -> None:
    shown = xml.diff(before, after)
    assert (not shown) == (xml.normal(before) == xml.normal(after))
    assert all(line[:1] in ("+", "-", " ") and "\n" not in line for line in shown)


def test_a_diff_names_the_entry_in_which_it_stands() -> None:
    before = interfaces(entry("eth0", "<mtu>1500</mtu>"), entry("eth1", "<mtu>1500</mtu>"))
    after = interfaces(entry("eth0", "<mtu>1500</mtu>"), entry("eth1", "<mtu>9000</mtu>"))
    assert xml.diff(content(before), content(after)) == (
        f" interfaces ({IF})",
        "   interface [name eth1]",
        "-    mtu 1500",
        "+    mtu 9000",
    )


def test_the_order_of_different_elements_is_no_difference_and_that_of_entries_is_one() -> None:
    one, other = entry("eth0", "<mtu>9</mtu>", "<enabled>true</enabled>"), entry("eth1")
    swapped = entry("eth0", "<enabled>true</enabled>", "<mtu>9</mtu>")
    assert DRIVER.normalise(interfaces(one, other)) == DRIVER.normalise(interfaces(swapped, other))
    assert DRIVER.normalise(interfaces(one, other)) != DRIVER.normalise(interfaces(other, one))
    # Without a candidate nobody knows whether the order of entries counts; the device may sort them.
    assert xml.same_set(content(interfaces(one, other)), content(interfaces(other, one)))


@pytest.mark.parametrize(
    ("wanted", "left"),
    [
        (entry("eth0", "<mtu>9000</mtu>"), [entry("eth0", "<mtu>9000</mtu>"), entry("eth1")]),
        (entry("eth2"), [entry("eth0", "<mtu>1500</mtu>"), entry("eth1"), entry("eth2")]),
        (
            f'<interface xmlns:nc="{xml.BASE}" nc:operation="delete"><name>eth1</name></interface>',
            [entry("eth0", "<mtu>1500</mtu>")],
        ),
        (
            f'<interface xmlns:nc="{xml.BASE}" nc:operation="replace"><name>eth0</name></interface>',
            [entry("eth0"), entry("eth1")],
        ),
    ],
)
def test_a_merge_changes_entries_by_their_key(wanted: str, left: list[str]) -> None:
    base = content(interfaces(entry("eth0", "<mtu>1500</mtu>"), entry("eth1")))
    merged = xml.overlay(base, content(interfaces(wanted)))
    assert xml.same_set(merged, content(interfaces(*left)))
    assert xml.same_set(xml.overlay(merged, content(interfaces(wanted))), merged)


def test_a_replacement_says_of_every_top_level_element_what_becomes_of_it() -> None:
    base = [
        xml.Element("urn:a", "system"),
        xml.Element("urn:b", "vlan", children=[xml.Element("urn:b", "id", text="7")]),
    ]
    edit = xml.replacing(base, [xml.Element("urn:a", "system")])
    assert [(each.name, each.attributes[xml.BASE, "operation"]) for each in edit] == [
        ("vlan", "delete"),
        ("system", "replace"),
    ]
    assert edit[0].children[0].text == "7"


@pytest.mark.parametrize(
    "line",
    [
        "+        shared-secret hunter2 and more",
        "-  password hunter2",
        "   authentication-key (urn:example:bgp) hunter2",
        "+    pre-shared-key hunter2",
        "+    key hunter2",
        "+      community [name hunter2]",
        "+        auth-password hunter2",
        "+    key-string hunter2",
        "refused: <rad:shared-secret>hunter2</rad:shared-secret>",
        '<password xmlns="urn:x">hunter2</password>',
    ],
)
def test_a_secret_is_masked_in_lines_and_in_xml(line: str) -> None:
    shown = Masker(patterns=(*DRIVER.secrets, *GENERIC_SECRETS)).mask(line)
    assert "hunter2" not in shown
    assert "<masked" in shown


@pytest.mark.parametrize("line", ["+  hostname r1", "   interface [name eth0]", "+  key-id 7", "+  keepalive 30"])
def test_what_is_no_secret_is_shown(line: str) -> None:
    assert Masker(patterns=(*DRIVER.secrets, *GENERIC_SECRETS)).mask(line) == line


messages = st.lists(
    st.binary(min_size=1, max_size=60).filter(lambda each: b"]]>]]>" not in each), min_size=1, max_size=4
)


@given(messages, st.data())
def test_messages_come_out_whole_however_the_stream_is_cut(sent: list[bytes], data: st.DataObject) -> None:
    framer = Framer(1000)
    framer.chunked = True
    stream = b"".join(map(framer.frame, sent))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=10)))
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert [message for piece in pieces for message in framer.feed(piece)] == sent


@given(messages, st.data())
def test_what_was_sent_ahead_of_a_message_is_not_sent_again(sent: list[bytes], data: st.DataObject) -> None:
    framer = Framer(1000)
    assert framer.ahead() == b""
    framer.chunked = True
    stream = b""
    for message in sent:
        stream += b"".join(framer.ahead() for _octet in range(data.draw(st.integers(0, 4))))
        stream += framer.frame(message)
    assert framer.feed(stream) == sent


def test_a_message_of_several_chunks_is_put_together() -> None:
    framer = Framer(1000)
    framer.chunked = True
    assert framer.feed(b"\n#3\n<a>\n#4\n</a>\n##\n") == [b"<a></a>"]


def test_before_both_have_said_hello_a_mark_ends_a_message_wherever_it_is_cut() -> None:
    framer = Framer(1000)
    found = [message for byte in b"<hello/>]]>]]>" for message in framer.feed(bytes([byte]))]
    assert found == [b"<hello/>"]


@pytest.mark.parametrize(
    "stream", [b"<rpc-reply/>]]>]]>", b"\n#0\n", b"\n#x", b"\n##\n", b"\n#99999999999", b"#3\nabc"]
)
def test_what_is_no_chunk_is_refused_at_once(stream: bytes) -> None:
    framer = Framer(1000)
    framer.chunked = True
    with pytest.raises(FramingError):
        framer.feed(stream)


@pytest.mark.parametrize("head", [b"\n#100\n", b""], ids=["chunked", "marked"])
def test_a_message_that_is_too_long_is_refused_and_not_kept(head: bytes) -> None:
    framer = Framer(1000)
    framer.chunked = bool(head)
    for _piece in range(10):
        framer.feed(head + b"x" * 100)
    with pytest.raises(FramingError, match="more than"):
        framer.feed(head + b"x" * 100)
