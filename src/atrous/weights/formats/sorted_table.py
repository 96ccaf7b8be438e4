"""Read the sorted tables of LevelDB, in which TensorFlow keeps checkpoints.

A footer at the end points to an index block, which points to data blocks, whose entries share
prefixes of their keys.
"""

from collections.abc import Iterator

from atrous.weights.formats.crc32c import masked_crc32c
from atrous.weights.formats.protobuf import varint

TABLE_MARK = (0xDB4775248B80FB57).to_bytes(8, "little")
"""What a table ends with."""
_FOOTER_BYTES = 48
_TRAILER_BYTES = 5
# A row may have most of its key from the row before, so that a few bytes can stand for many.
_MAX_KEY_BYTES = 1 << 10
_MAX_ROWS = 1 << 17


def table_rows(table: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of a table, in order; the checksum of every block is verified.

    Raises:
        ValueError: If a part is damaged, or compressed.
        IndexError: If a part ends within a number.
    """
    footer = table[-_FOOTER_BYTES:]
    # The footer names two blocks: one of statistics, which is not needed, then the index.
    _, place = varint(footer, 0)
    _, place = varint(footer, place)
    offset, place = varint(footer, place)
    size, _ = varint(footer, place)
    total, count = size, 0
    for _, handle in _block_rows(_block(table, offset, size)):
        offset, place = varint(handle, 0)
        size, _ = varint(handle, place)
        total += size
        if total > len(table):
            raise ValueError("its blocks overlap")
        for row in _block_rows(_block(table, offset, size)):
            count += 1
            if count > _MAX_ROWS:
                raise ValueError(f"it has more than {_MAX_ROWS} rows")
            yield row


def _block(table: bytes, offset: int, size: int) -> bytes:
    end = offset + size
    if end + _TRAILER_BYTES > len(table):
        raise ValueError(f"a block ends at {end}, past the end of the file")
    if table[end] != 0:
        raise ValueError("a block is compressed, as no Saver does it")
    stored = int.from_bytes(table[end + 1 : end + _TRAILER_BYTES], "little")
    if masked_crc32c(table[offset : end + 1]) != stored:
        raise ValueError("the checksum of a block is wrong")
    return table[offset:end]


def _block_rows(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    restarts = int.from_bytes(block[-4:], "little")
    end = len(block) - 4 * (restarts + 1)
    if end < 0:
        raise ValueError("a block is shorter than its list of restarts")
    key, place = b"", 0
    while place < end:
        shared, place = varint(block, place)
        unshared, place = varint(block, place)
        length, place = varint(block, place)
        if shared > len(key) or place + unshared + length > end:
            raise ValueError("an entry reaches past the end of its block")
        if shared + unshared > _MAX_KEY_BYTES:
            raise ValueError(f"a name of {shared + unshared} bytes is too long to be real")
        key = key[:shared] + block[place : place + unshared]
        place += unshared
        yield key, block[place : place + length]
        place += length
