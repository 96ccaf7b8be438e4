"""Any network of timm as an encoder, by the name ``timm:NAME``.

timm is part of the extra ``zoo`` and imported when such an encoder is built.
"""

import difflib
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from atrous.encoders.base import Encoder, FeatureSpec
from atrous.errors import ConfigError, DependencyError
from atrous.layers.atrous import (
    RateChange,
    check_output_stride,
    refuse_multi_grid,
    refuse_rate_change,
)
from atrous.layers.conv import Padding

TIMM_PREFIX = "timm:"
_TRIED_SIZE = (75, 107)
"""A size that no stride divides, to see how a network rounds."""


class TimmEncoder(Encoder):
    """A network of timm without its classifier.

    Low-level maps are timm's own at strides 4, 8 and 16. A network that rounds sides down, as
    those do that cut the picture into patches, sees pictures filled up with zeros to multiples of
    its deepest stride, and its maps are cut back.

    Args:
        name: As timm knows it, without ``timm:``.
        output_stride: Stride of the deepest map: 8, 16 or 32, as far as the network offers it.
        in_channels: Channels of the images.
        padding: Only ``symmetric``: timm decides how its networks are padded.
        multi_grid: Not for these networks; only the factors 1, 1, 1 are taken.
        rate_change: Not for these networks; only ``after_unit`` is taken.

    Raises:
        ConfigError: If timm has no network of that name, or it offers no such output stride, or
            no map at stride 4, or takes pictures of one size only.
        DependencyError: If timm is not installed.
    """

    def __init__(
        self,
        name: str,
        *,
        output_stride: int = 16,
        in_channels: int = 3,
        padding: Padding = "symmetric",
        multi_grid: Sequence[int] = (1, 1, 1),
        rate_change: RateChange = "after_unit",
    ) -> None:
        super().__init__()
        check_output_stride(output_stride)
        refuse_multi_grid(multi_grid, "networks of timm")
        refuse_rate_change(rate_change, "networks of timm")
        if padding != "symmetric":
            raise ConfigError(f"{TIMM_PREFIX}{name} is padded by timm; padding must be 'symmetric'")
        self.network, reductions, channels = _build(name, output_stride, in_channels)
        deepest = len(reductions) - 1
        if reductions[deepest] != output_stride or 4 not in reductions[:deepest]:
            raise ConfigError(
                f"{TIMM_PREFIX}{name} gives maps at strides {reductions}; needed are one at 4 and "
                f"the deepest at {output_stride}"
            )
        self.chosen = [
            index
            for index, stride in enumerate(reductions)
            if index == deepest or (4 <= stride < output_stride)
        ]
        self.feature_specs = tuple(
            FeatureSpec(channels[index], reductions[index]) for index in self.chosen
        )
        self.rounds_down = _rounds_down(self.network, in_channels, reductions, name)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """(B, in_channels, H, W) -> maps at the strides below the output stride, and at it."""
        height, width = images.shape[-2:]
        if self.rounds_down:
            images = F.pad(images, (0, -width % 32, 0, -height % 32))
        features = self.network(images)
        return tuple(
            features[index][..., : -(-height // spec.stride), : -(-width // spec.stride)]
            for index, spec in zip(self.chosen, self.feature_specs, strict=True)
        )


def _build(name: str, output_stride: int, in_channels: int) -> tuple[Any, list[int], list[int]]:
    try:
        import timm  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise DependencyError(
            f"the encoder {TIMM_PREFIX}{name} needs {error.name}; pip install 'atrous[zoo]'"
        ) from None
    if not timm.is_model(name):
        close = difflib.get_close_matches(name, timm.list_models(), n=3)
        hint = f"; near are {', '.join(close)}" if close else ""
        raise ConfigError(f"timm has no network {name!r}{hint}")
    # 32 is what every network has; told only where it differs, as not all know the argument.
    denser: dict[str, Any] = {} if output_stride == 32 else {"output_stride": output_stride}
    try:
        network: Any = timm.create_model(
            name, features_only=True, pretrained=False, in_chans=in_channels, **denser
        )
    # timm's networks refuse in many ways what they cannot do; each means the same to the user.
    except Exception as error:
        raise ConfigError(
            f"timm cannot build {name!r} as an encoder of output stride {output_stride} ({error}); "
            "try 32"
        ) from None
    return network, list(network.feature_info.reduction()), list(network.feature_info.channels())


@torch.no_grad()
def _rounds_down(
    network: nn.Module, in_channels: int, reductions: Sequence[int], name: str
) -> bool:
    """Whether any map has fewer rows or columns than side / stride, rounded up."""
    height, width = _TRIED_SIZE
    was_training = network.training
    try:
        features = network.eval()(torch.zeros(1, in_channels, height, width))
    except (AssertionError, RuntimeError) as error:
        raise ConfigError(
            f"{TIMM_PREFIX}{name} cannot take pictures of any size: {error}"
        ) from None
    finally:
        network.train(was_training)
    wanted = [(-(-height // stride), -(-width // stride)) for stride in reductions]
    return [tuple(feature.shape[-2:]) for feature in features] != wanted
