"""CRC-32C, the checksum of TensorFlow's files, which the standard library does not have.

Tensors have up to a hundred megabytes, too many for a loop over bytes. The data are cut into lanes
of equal length whose checksums advance together, a byte of each at a time; then the lanes are
joined with the rule that appending zeros is a linear map of the checksum's bits.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

_POLYNOMIAL = 0x82F63B78
_MASK = 0xA282EAD8
_LONG_FROM = 1 << 12


def masked_crc32c(data: bytes | memoryview) -> int:
    """The checksum as TensorFlow stores it: turned by 15 bits and moved by a constant."""
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + _MASK) & 0xFFFF_FFFF


def crc32c(data: bytes | memoryview) -> int:
    """The CRC-32C (Castagnoli) of some bytes.

    Examples:
        >>> hex(crc32c(b"123456789"))
        '0xe3069283'
    """
    values = np.frombuffer(data, np.uint8)
    crc = 0xFFFF_FFFF
    if len(values) >= _LONG_FROM:
        lanes = 1 << int(np.log2(len(values)) / 2 + 1)
        length = len(values) // lanes
        head, values = values[: lanes * length], values[lanes * length :]
        crc = _join(_advance_lanes(head.reshape(lanes, length)), length, crc)
    table = _table().tolist()
    for byte in values.tolist():
        crc = table[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFF_FFFF


@cache
def _table() -> NDArray[np.uint32]:
    """What each value of a byte does to the checksum."""
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, table >> 1 ^ _POLYNOMIAL, table >> 1).astype(np.uint32)
    return table


def _advance_lanes(lanes: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """The raw checksum of every row, each begun at 0."""
    table, crcs = _table(), np.zeros(len(lanes), np.uint32)
    for column in np.ascontiguousarray(lanes.T):
        crcs = table[(crcs ^ column) & 0xFF] ^ crcs >> np.uint32(8)
    return crcs


def _join(crcs: NDArray[np.uint32], length: int, start: int) -> int:
    """The raw checksum of rows of ``length`` bytes laid end to end, begun at ``start``."""
    step = _zeros_operator(length)
    crc = start
    for lane in crcs.tolist():
        crc = _apply(step, crc) ^ lane
    return crc


def _apply(operator: list[int], crc: int) -> int:
    """A linear map of 32 bits, given by where it takes each of them."""
    result, bit = 0, 0
    while crc:
        if crc & 1:
            result ^= operator[bit]
        crc, bit = crc >> 1, bit + 1
    return result


def _zeros_operator(length: int) -> list[int]:
    """What ``length`` bytes of zero do to a checksum, by repeated squaring."""
    table = _table().tolist()
    power = [table[(1 << bit) & 0xFF] ^ (1 << bit) >> 8 for bit in range(32)]
    result = [1 << bit for bit in range(32)]
    while length:
        if length & 1:
            result = [_apply(power, image) for image in result]
        power = [_apply(power, image) for image in power]
        length >>= 1
    return result
