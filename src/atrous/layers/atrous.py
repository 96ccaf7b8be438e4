"""How a network keeps its resolution: strides go, and atrous rates come in their place."""

from collections.abc import Iterator, Sequence
from typing import Literal, TypeAlias

from atrous.errors import ConfigError

OUTPUT_STRIDES = (8, 16, 32)

RateChange: TypeAlias = Literal["after_unit", "at_unit", "after_stage"]
"""Where the doubled rate begins when a stride is taken away.

``after_unit``: behind the unit that lost its stride, whose own input is no denser than before; the
only one that keeps what a pretrained network computes. Other implementations begin ``at_unit``,
that unit included, or ``after_stage``, behind all units of as many channels. The weights have no
trace of it, and fit only the rates that they were trained with.
"""


def strides_to_rates(
    strides: Sequence[int], limit: int, *, at_unit: bool = False
) -> Iterator[tuple[int, int]]:
    """Walk the units of an encoder and cap the product of their strides at ``limit``.

    A unit that loses its stride still runs at the atrous rate reached before it; only the
    units behind it see the doubled rate, since only their input became denser.

    Args:
        strides: Stride of each unit as designed, in order.
        limit: The largest product of strides that is kept.
        at_unit: Whether the unit that loses its stride has the doubled rate already, see
            `RateChange`.

    Yields:
        ``(stride, atrous_rate)`` to build each unit with.

    Examples:
        >>> list(strides_to_rates([2, 2, 1, 2, 1], limit=4))
        [(2, 1), (2, 1), (1, 1), (1, 1), (1, 2)]
    """
    current, rate = 1, 1
    for stride in strides:
        if current >= limit:
            before = rate
            rate *= stride
            yield 1, rate if at_unit else before
        else:
            yield stride, 1
            current *= stride


def stages_to_rates(
    stages: Sequence[tuple[int, int]], limit: int, *, rate_change: RateChange = "after_unit"
) -> list[tuple[int, int]]:
    """Walk stages whose first unit has the stride, and cap its product at ``limit``.

    Args:
        stages: Units and stride of each stage as designed, in order.
        limit: The largest product of strides that is kept.
        rate_change: Where the doubled rate begins.

    Returns:
        ``(stride, atrous_rate)`` to build each unit with.

    Examples:
        >>> stages_to_rates([(1, 2), (2, 2)], limit=2)
        [(2, 1), (1, 1), (1, 2)]
        >>> stages_to_rates([(1, 2), (2, 2)], limit=2, rate_change="at_unit")
        [(2, 1), (1, 2), (1, 2)]
        >>> stages_to_rates([(1, 2), (2, 2)], limit=2, rate_change="after_stage")
        [(2, 1), (1, 1), (1, 1)]
    """
    if rate_change == "after_stage":
        firsts = strides_to_rates([stride for _, stride in stages], limit)
        return [
            (kept if index == 0 else 1, rate)
            for (units, _), (kept, rate) in zip(stages, firsts, strict=True)
            for index in range(units)
        ]
    strides = [stride for units, first in stages for stride in (first, *[1] * (units - 1))]
    return list(strides_to_rates(strides, limit, at_unit=rate_change == "at_unit"))


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


def refuse_rate_change(rate_change: RateChange, encoder: str) -> None:
    """For encoders that no implementation runs at other rates.

    Raises:
        ConfigError: If ``rate_change`` is not ``after_unit``.
    """
    if rate_change != "after_unit":
        raise ConfigError(
            f"rate_change {rate_change!r} has no place in {encoder}; it is for weights of others' "
            "ResNets (resnet50_v1_5 and the like), MobileNetV2 and aligned Xception"
        )


def check_output_stride(output_stride: int) -> None:
    """Refuse an output stride that no encoder offers.

    Raises:
        ConfigError: If ``output_stride`` is not 8, 16 or 32.
    """
    if output_stride not in OUTPUT_STRIDES:
        raise ConfigError(f"output_stride must be one of {OUTPUT_STRIDES}, not {output_stride!r}")
