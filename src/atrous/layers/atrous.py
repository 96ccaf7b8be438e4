"""How a network keeps its resolution: strides go, and atrous rates come in their place."""

from collections.abc import Iterator, Sequence

from atrous.errors import ConfigError

OUTPUT_STRIDES = (8, 16, 32)


def strides_to_rates(strides: Sequence[int], limit: int) -> Iterator[tuple[int, int]]:
    """Walk the units of an encoder and cap the product of their strides at ``limit``.

    A unit that loses its stride still runs at the atrous rate reached before it; only the
    units behind it see the doubled rate, since only their input became denser.

    Args:
        strides: Stride of each unit as designed, in order.
        limit: The largest product of strides that is kept.

    Yields:
        ``(stride, atrous_rate)`` to build each unit with.

    Examples:
        >>> list(strides_to_rates([2, 2, 1, 2, 1], limit=4))
        [(2, 1), (2, 1), (1, 1), (1, 1), (1, 2)]
    """
    current, rate = 1, 1
    for stride in strides:
        if current >= limit:
            yield 1, rate
            rate *= stride
        else:
            yield stride, 1
            current *= stride


def default_atrous_rates(output_stride: int) -> tuple[int, int, int]:
    """Rates of the three ASPP branches that keep their reach in input pixels.

    6, 12 and 18 at output stride 16 (DeepLab V3, section 3.3); doubled at 8, halved at 32.
    """
    first = 6 * 16 // output_stride
    return first, 2 * first, 3 * first


def refuse_multi_grid(multi_grid: Sequence[int], encoder: str) -> None:
    """For encoders without a last block of three atrous units.

    Raises:
        ConfigError: If ``multi_grid`` asks for other factors than 1.
    """
    if tuple(multi_grid) != (1, 1, 1):
        raise ConfigError(
            f"multi_grid {tuple(multi_grid)} has no place in {encoder}; aligned Xceptions and "
            "ResNets have the block of three units that it is for"
        )


def check_output_stride(output_stride: int) -> None:
    """Refuse an output stride that no encoder offers.

    Raises:
        ConfigError: If ``output_stride`` is not 8, 16 or 32.
    """
    if output_stride not in OUTPUT_STRIDES:
        raise ConfigError(f"output_stride must be one of {OUTPUT_STRIDES}, not {output_stride!r}")
