"""Xception as in Chollet, 2017 (figure 5), made dilatable so that it can be an encoder.

Two things differ from the classifier: the first two convolutions are padded, so that sides are
ceil(side / stride) as every encoder promises, and a stage whose stride is taken away pools with
stride 1 and hands its stride on as an atrous rate.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from atrous.encoders.base import Encoder, FeatureSpec
from atrous.layers.atrous import (
    RateChange,
    check_output_stride,
    refuse_multi_grid,
    refuse_rate_change,
    strides_to_rates,
)
from atrous.layers.conv import ConvNormAct, Padding, SeparableConv
from atrous.layers.norm import keras_norm
from atrous.layers.pool import MaxPool

_STAGES = ((128, 128), (256, 256), (728, 728), *[(728, 728, 728)] * 8, (728, 1024))
"""Channels of the separable convolutions of modules 2 to 13."""
_STRIDES = (2, 2, 2, *[1] * 8, 2)


def _separable(in_channels: int, out_channels: int, atrous_rate: int) -> SeparableConv:
    return SeparableConv(
        in_channels,
        out_channels,
        atrous_rate=atrous_rate,
        norm=keras_norm,
        depthwise_norm=None,
        relu_between=False,
        relu_after=False,
    )


class XceptionModule(nn.Module):
    """Two or three separable convolutions, each behind a ReLU, and a shortcut around them.

    Args:
        in_channels: Channels of the input.
        widths: Channels of the separable convolutions.
        relu_first: Whether the first one has a ReLU in front; module 2 has none.
        pool: Max pooling at the end, with a 1x1 shortcut; None in the middle flow.
        atrous_rate: Rate of the depthwise convolutions.
    """

    def __init__(
        self,
        in_channels: int,
        widths: tuple[int, ...],
        *,
        relu_first: bool,
        pool: MaxPool | None,
        atrous_rate: int,
    ) -> None:
        super().__init__()
        self.relu_first = relu_first
        self.relu = nn.ReLU()
        self.convs = nn.ModuleList(
            _separable(before, after, atrous_rate)
            for before, after in zip((in_channels, *widths), widths, strict=False)
        )
        self.pool = pool or nn.Identity()
        self.shortcut = (
            ConvNormAct(in_channels, widths[-1], stride=pool.stride, norm=keras_norm)
            if pool
            else nn.Identity()
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, in_channels, h, w) -> the result, and the last map at the input's stride."""
        y = x
        for index, conv in enumerate(self.convs):
            y = conv(self.relu(y) if index or self.relu_first else y)
        return self.pool(y) + self.shortcut(x), y


class Xception(Encoder):
    """The original Xception without its classifier.

    Low-level maps are the last ones before each pooling.

    Args:
        output_stride: Stride of the deepest map: 8, 16 or 32.
        in_channels: Channels of the images.
        padding: ``same`` reproduces Keras on even sides, see `atrous.layers.conv.Padding`.
        multi_grid: Not for this network; only the factors 1, 1, 1 are taken.
        rate_change: Not for this network; only ``after_unit`` is taken.
        padded_root: Whether the first two convolutions are padded, so that sides are
            ceil(side / stride); the classifier's are not.

    Raises:
        ConfigError: If ``output_stride`` is not one of the three, or ``multi_grid`` or
            ``rate_change`` is set.
    """

    def __init__(
        self,
        *,
        output_stride: int = 16,
        in_channels: int = 3,
        padding: Padding = "symmetric",
        multi_grid: Sequence[int] = (1, 1, 1),
        rate_change: RateChange = "after_unit",
        padded_root: bool = True,
    ) -> None:
        super().__init__()
        check_output_stride(output_stride)
        refuse_multi_grid(multi_grid, "the original Xception")
        refuse_rate_change(rate_change, "the original Xception")
        self.root = nn.Sequential(
            ConvNormAct(
                in_channels,
                32,
                kernel_size=3,
                stride=2,
                norm=keras_norm,
                activation=nn.ReLU(),
                padding=padding if padded_root else "valid",
            ),
            ConvNormAct(
                32,
                64,
                kernel_size=3,
                norm=keras_norm,
                activation=nn.ReLU(),
                padding=padding if padded_root else "valid",
            ),
        )
        self.stages = nn.ModuleList()
        self.taps: list[int] = []
        specs: list[FeatureSpec] = []
        channels, stride, rate = 64, 2, 1
        plan = strides_to_rates(_STRIDES, output_stride // 2)
        for index, (widths, nominal, (kept, rate)) in enumerate(
            zip(_STAGES, _STRIDES, plan, strict=True)
        ):
            if kept > 1 and stride >= 4:
                self.taps.append(index)
                specs.append(FeatureSpec(widths[-1], stride))
            self.stages.append(
                XceptionModule(
                    channels,
                    widths,
                    relu_first=index > 0,
                    pool=MaxPool(stride=kept, atrous_rate=rate, padding=padding)
                    if nominal > 1
                    else None,
                    atrous_rate=rate,
                )
            )
            channels, stride = widths[-1], stride * kept
        last_rate = rate * (2 if output_stride < 32 else 1)
        self.exit = nn.Sequential(
            _separable(channels, 1536, last_rate),
            nn.ReLU(),
            _separable(1536, 2048, last_rate),
            nn.ReLU(),
        )
        self.feature_specs = (*specs, FeatureSpec(2048, stride))

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """(B, in_channels, H, W) -> maps at the strides below the output stride, and at it."""
        x = self.root(images)
        features = []
        for index, stage in enumerate(self.stages):
            x, before_pool = stage(x)
            if index in self.taps:
                features.append(before_pool)
        return (*features, self.exit(x))
