import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atrous.weights.formats.crc32c import crc32c, masked_crc32c
from weights.foreign import naive_crc32c


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        # RFC 3720, B.4.
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
        (b"", 0),
    ],
)
def test_known_values(data, expected):
    assert crc32c(data) == expected


@given(st.binary(max_size=200))
def test_short_data_follow_the_definition(data):
    assert crc32c(data) == naive_crc32c(data)


@pytest.mark.parametrize("size", [4095, 4096, 4097, 5000, 65_536, 70_001])
def test_long_data_follow_the_definition(size):
    data = np.random.default_rng(size).integers(0, 256, size).astype(np.uint8).tobytes()

    assert crc32c(data) == naive_crc32c(data)


def test_the_stored_form_is_turned_and_moved():
    turned = (0xE3069283 >> 15 | 0xE3069283 << 17) & 0xFFFF_FFFF

    assert masked_crc32c(b"123456789") == (turned + 0xA282EAD8) % 2**32
