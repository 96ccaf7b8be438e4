import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atrous.weights.formats.protobuf import float32s, messages, number, parse, text, varint, varints
from weights.foreign import field


@given(st.integers(0, 2**64 - 1))
def test_a_number_of_any_length_comes_back(value):
    assert number(parse(field(3, value)), 3) == value


def test_a_number_of_more_than_64_bits_is_refused():
    with pytest.raises(ValueError, match="longer than 64 bits"):
        varint(b"\xff" * 9 + b"\x02", 0)


def test_strings_messages_and_absent_fields_are_told_apart():
    fields = parse(field(1, b"name") + field(2, field(1, 5)) + field(2, field(1, 6)))

    assert text(fields, 1) == "name"
    assert [number(inner, 1) for inner in messages(fields, 2)] == [5, 6]
    assert (number(fields, 9), text(fields, 9), list(messages(fields, 9))) == (0, "", [])


def test_lists_are_the_same_packed_and_one_by_one():
    packed = parse(field(1, b"\x01\x80\x01") + field(2, np.float32([0.5, 2]).tobytes()))
    one_by_one = parse(field(1, 1) + field(1, 128) + b"".join(_fixed32(2, v) for v in (0.5, 2)))

    for fields in (packed, one_by_one):
        assert varints(fields, 1) == [1, 128]
        assert float32s(fields, 2).tolist() == [0.5, 2.0]


def test_groups_of_old_are_refused():
    with pytest.raises(ValueError, match="field 1 is of the unexpected kind 3"):
        parse(b"\x0b")


@pytest.mark.parametrize("kind", [number, text])
def test_a_field_of_another_kind_is_refused(kind):
    fields = parse(field(1, b"x") if kind is number else field(1, 1))

    with pytest.raises(ValueError, match="field 1 is"):
        kind(fields, 1)


@pytest.mark.parametrize("end", [1, 2, 4])
def test_a_field_that_reaches_past_the_end_is_refused(end):
    with pytest.raises((ValueError, IndexError)):
        parse(field(1, b"long enough")[:end])


def test_more_fields_than_any_graph_has_are_refused():
    with pytest.raises(ValueError, match="too many of them"):
        parse(field(1, 1) * ((1 << 18) + 1))


def _fixed32(place, value):
    return bytes([place << 3 | 5]) + np.float32(value).tobytes()
