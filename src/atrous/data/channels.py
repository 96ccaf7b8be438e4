"""What the pictures of a split are made of: channels, bits, and the values' mean and deviation."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from atrous.bands import RGB8, PixelKind, kind_of
from atrous.data.sample import Pair, spread
from atrous.errors import DatasetError
from atrous.imaging import Pixels

MOST_READ = 64
"""Pictures that are read to find out, evenly spread over the split."""
_LOWEST_STD = 1e-3
"""Of the range of values; a channel that is constant is not divided by nothing."""


@dataclass(frozen=True)
class Channels:
    """What pictures are made of, and how their values are spread."""

    kind: PixelKind
    mean: tuple[float, ...]
    """Of each channel, in the units of the files."""
    std: tuple[float, ...]
    pictures: int
    """How many were read."""


def find_kind(pairs: Sequence[Pair]) -> PixelKind:
    """Channels and bits of the pictures of a split, as far as a spread sample tells.

    Pictures of three channels, and grey ones among them, are `RGB8`, whichever bits they have, as
    soon as one is: grey and 16 bits can stand for it.

    Raises:
        DatasetError: If two pictures cannot be read as one kind.
        InputError: If one cannot be read at all.
    """
    first: dict[PixelKind, Pair] = {}
    for pair in spread(pairs, MOST_READ):
        first.setdefault(kind_of(pair.image.read(None)), pair)
        if RGB8 in first:
            break
    if len(first) == 1:
        return next(iter(first))
    if all(kind.channels in (1, 3) for kind in first):
        return RGB8
    (one, pair), (other, second), *_ = first.items()
    raise DatasetError(
        f"{second.image.path}: has {other}, and {pair.image.path} has {one}; one network reads "
        "one kind of pictures: store all in the same way"
    )


def measure_channels(pairs: Sequence[Pair], kind: PixelKind) -> Channels:
    """Mean and deviation of each channel over a spread sample of the pictures.

    Raises:
        InputError: If a picture cannot be read as this kind.
    """
    count, total, squares = 0, np.zeros(kind.channels), np.zeros(kind.channels)
    read = spread(pairs, MOST_READ)
    for pair in read:
        pixels = pair.image.read(kind)
        count += pixels.shape[0] * pixels.shape[1]
        sums, more = _moments(pixels)
        total += sums
        squares += more
    mean = total / count
    deviation = np.sqrt(np.maximum(squares / count - mean**2, 0))
    std = np.maximum(deviation, _LOWEST_STD * kind.highest)
    return Channels(kind, _rounded(mean), _rounded(std), len(read))


def _moments(pixels: Pixels) -> tuple[np.ndarray, np.ndarray]:
    values = pixels.reshape(-1, pixels.shape[2]).astype(np.float64)
    return values.sum(axis=0), np.square(values).sum(axis=0)


def _rounded(values: np.ndarray) -> tuple[float, ...]:
    return tuple(round(float(value), 2) for value in values)
