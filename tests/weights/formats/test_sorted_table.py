import pytest

from atrous.weights.formats.sorted_table import table_rows
from weights.foreign import append_block, table_of_blocks, write_table

ROWS = {b"": b"first", b"a/b": b"1", b"a/bc": b"2", b"a/bcd": b"", b"b": bytes(300)}


def test_every_row_comes_back_in_order():
    assert dict(table_rows(write_table(ROWS))) == ROWS


def test_a_block_that_is_named_again_and_again_is_refused():
    handle, table = append_block(b"", ROWS)
    table = table_of_blocks(table, {bytes([index]): handle for index in range(99)})

    with pytest.raises(ValueError, match="its blocks overlap"):
        dict(table_rows(table))


def test_a_name_too_long_to_be_real_is_refused():
    with pytest.raises(ValueError, match="a name of 1025 bytes"):
        dict(table_rows(write_table({b"x" * 1025: b""})))


@pytest.mark.parametrize("place", [0, 20, 60])
def test_a_flipped_bit_is_told_by_the_checksum(place):
    table = bytearray(write_table(ROWS))
    table[place] ^= 1

    with pytest.raises(ValueError, match="the checksum of a block is wrong"):
        dict(table_rows(bytes(table)))
