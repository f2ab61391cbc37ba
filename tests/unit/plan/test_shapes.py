# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
import pytest

from engine.plan.shapes import VALUES_KEPT, Shape, group, render


def lines_of(shapes: list[Shape]) -> list[str]:
    assert len(shapes) == 1
    return list(shapes[0].lines)


def test_equal_diffs_are_one_shape_that_says_so():
    (shape,) = group((f"leaf-{n}", ["+ntp server 10.0.0.1"]) for n in range(92))
    assert (shape.devices, shape.example, shape.identical) == (92, "leaf-0", True)
    assert shape.lines == ("+ntp server 10.0.0.1",)


def test_an_odd_value_among_thousands_is_shown_with_its_count():
    diffs = [(f"leaf-{n}", [f"+ neighbor 10.0.0.1 remote-as {65010 if n == 700 else 65001}"]) for n in range(1000)]
    assert lines_of(group(diffs)) == ["+ neighbor 10.0.0.1 remote-as {65001 ×999, 65010 ×1}"]


def test_rare_values_are_named_when_one_value_rules():
    diffs = [(f"leaf-{n}", [f"+mtu {9000 if n < 80 else 1400 + n}"]) for n in range(100)]
    assert lines_of(group(diffs)) == ["+mtu {9000 ×80, 1480 ×1, 1481 ×1, 1482 ×1 … 17 more values}"]


def test_a_value_per_device_shows_first_last_and_how_many_in_natural_order():
    diffs = [(f"leaf-{n}", [f"+ router-id 10.0.0.{n}"]) for n in (10, 9, *range(11, 30))]
    assert lines_of(group(diffs)) == ["+ router-id {10.0.0.9 … 10.0.0.29, 21 values}"]


def test_values_beyond_the_cap_are_counted_as_more_and_a_ruling_one_still_shows():
    few = [("x", ["+mtu 9000"])] * 2000
    assert lines_of(group((f"d{n}", [f"+id {n}"]) for n in range(VALUES_KEPT + 1))) == [
        "+id {0 … more than 256 values}"
    ]
    many = few + [(f"d{n}", [f"+mtu {n}"]) for n in range(1000)]
    assert lines_of(group(many)) == ["+mtu {9000 ×2000 … more than 256 values}"]


@pytest.mark.parametrize(
    ("names", "line", "shown"),
    [
        (("paris", "london"), "+hostname {}", "+hostname {own name}"),
        (("a.example.org", "b.example.org"), "+hostname {}", "+hostname {own name}"),
        (("leaf-1", "leaf-2"), "+ description {}-lo", "+ description {own name}-lo"),
    ],
)
def test_the_devices_own_name_does_not_split_a_shape(names, line, shown):
    (shape,) = group((name, [line.format(name)]) for name in names)
    assert (shape.lines, shape.identical) == ((shown,), False)


def test_the_first_label_of_a_long_name_is_its_own_name_too():
    assert lines_of(group([("a.lab", ["+hostname a"]), ("b.lab", ["+hostname b"])])) == ["+hostname {own name}"]


def test_another_devices_name_is_never_taken_for_its_own():
    # r1 pointing at r10 and r2 at r20 must not look like "own name, then 0".
    assert lines_of(group([("r1", ["+to r10"]), ("r2", ["+to r20"])])) == ["+to {r10 ×1, r20 ×1}"]


def test_equal_text_that_is_the_own_name_of_only_one_device_is_counted_apart():
    assert lines_of(group([("r1", ["+to r1"]), ("r2", ["+to r1"])])) == ["+to {{own name} ×1, r1 ×1}"]


def test_a_masked_secret_that_differs_is_counted_like_any_value():
    diffs = [(f"d{n}", [f"+password <masked:{'ab12' if n else 'ffff'}>"]) for n in range(5)]
    assert lines_of(group(diffs)) == ["+password {<masked:ab12> ×4, <masked:ffff> ×1}"]


@pytest.mark.parametrize(
    "pair",
    [("+permit 10", "-permit 10"), ("+10.0.0.0/8", "-10.0.0.0/8"), ("+permit ten", "+deny ten"), (" mtu 1", "+mtu 1")],
)
def test_a_sign_or_a_plain_word_makes_another_shape(pair):
    assert len(group([("a", [pair[0]]), ("b", [pair[1]])])) == 2


def test_another_number_of_lines_makes_another_shape_and_more_devices_come_first():
    shapes = group([("a", ["+x 1"]), ("b", ["+x 1", "+y 2"]), ("c", ["+x 1", "+y 3"]), ("d", [])])
    assert [(shape.devices, shape.example) for shape in shapes] == [(2, "b"), (1, "a")]


def test_the_terminal_sees_headers_wrapped_lines_and_how_much_is_left_out():
    shapes = [
        Shape(92, "leaf-09", ("leaf-09",), identical=True, lines=("+a", "-b")),
        Shape(2, "leaf-01", ("leaf-01", "leaf-02"), identical=False, lines=("+" + "x" * 40,)),
        Shape(3, "s", ("s", "t", "u"), identical=True, lines=("+c",)),
        Shape(1, "v", ("v",), identical=True, lines=("+d",)),
    ]
    assert render(shapes, 38, limit=2) == [
        "change 1: 92 devices, the same change:",
        "    +a",
        "    -b",
        "",
        "change 2: 2 devices, alike but for values (leaf-01, leaf-02):",
        "    +" + "x" * 29,
        "        " + "x" * 11,
        "",
        "... and 2 more shapes (4 devices): --diff shows them",
    ]


def test_no_change_renders_to_nothing():
    assert render(group([("a", [])]), 80) == []
