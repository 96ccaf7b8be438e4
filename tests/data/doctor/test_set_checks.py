"""Checks across pairs."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from atrous.data.doctor.set_checks import near_pairs

hashes = st.lists(st.binary(min_size=16, max_size=16), min_size=1, max_size=8)


def as_array(looks):
    return np.frombuffer(b"".join(looks), np.uint8).reshape(len(looks), 16)


@given(hashes, hashes, st.integers(0, 128))
def test_near_pairs_are_those_of_the_definition(one, other, most_bits):
    def apart(a, b):
        return sum((x ^ y).bit_count() for x, y in zip(a, b, strict=True))

    found = {
        right: (left, bits)
        for left, right, bits in near_pairs(as_array(one), as_array(other), most_bits=most_bits)
    }

    for index, look in enumerate(other):
        bits = [apart(candidate, look) for candidate in one]
        expected = (bits.index(min(bits)), min(bits)) if min(bits) <= most_bits else None
        assert found.get(index) == expected
