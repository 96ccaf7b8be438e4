"""Convolution, norm and activation as one layer, dense and depthwise separable."""

from typing import Literal, TypeAlias

import torch.nn.functional as F
from torch import Tensor, nn

from atrous.layers.depthwise import AtrousDepthwise
from atrous.layers.norm import NormBuilder, head_norm

Padding: TypeAlias = Literal["symmetric", "same", "valid"]
"""Where the zeros around a map go.

``symmetric`` puts as many before as after. ``same`` is TensorFlow's rule: exactly as many as
the last window needs, the odd one after. They differ where the side is even and the stride 2.
``valid`` puts none, and the map shrinks.
"""


def pad_same(
    x: Tensor, *, kernel_size: int, stride: int = 1, atrous_rate: int = 1, value: float = 0.0
) -> Tensor:
    """Pad as TensorFlow's ``SAME`` does, so that the output side is ceil(side / stride).

    (B, C, H, W) -> (B, C, H + rows, W + columns).
    """
    reach = (kernel_size - 1) * atrous_rate + 1
    # Never negative, since no window here is narrower than its stride; written without a branch,
    # so that an exported graph holds for every size.
    height, width = ((side - 1) // stride * stride + reach - side for side in x.shape[-2:])
    pads = (width // 2, width - width // 2, height // 2, height - height // 2)
    return F.pad(x, pads, value=value)


AtrousRate: TypeAlias = int | tuple[int, int]
"""Spacing of a kernel's taps in input pixels, the same down and across or one for each."""


class ConvNormAct(nn.Module):
    """A convolution without bias, then a norm and an activation, either of which may be absent.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the result.
        kernel_size: Side of the kernel, odd.
        stride: Input pixels for each output pixel.
        atrous_rate: Spacing of the kernel's taps in input pixels, also as (down, across); 1 is
            dense.
        groups: Groups of channels that do not mix; ``in_channels`` makes it depthwise.
        norm: Builds the norm for ``out_channels``; None for no norm.
        activation: Applied last; None for none.
        padding: See `Padding`.
    """

    def __init__(  # noqa: PLR0913
        self,
        in_channels: int,
        out_channels: int,
        *,
        kernel_size: int = 1,
        stride: int = 1,
        atrous_rate: AtrousRate = 1,
        groups: int = 1,
        norm: NormBuilder | None = head_norm,
        activation: nn.Module | None = None,
        padding: Padding = "symmetric",
    ) -> None:
        super().__init__()
        self.pads_itself = padding == "same" and stride > 1 and kernel_size > 1
        bare = self.pads_itself or padding == "valid"
        down, across = (atrous_rate, atrous_rate) if isinstance(atrous_rate, int) else atrous_rate
        reach = kernel_size // 2
        depthwise = groups == in_channels == out_channels and stride == 1 and not bare
        if depthwise and max(down, across) > 1:
            self.conv: nn.Conv2d = AtrousDepthwise(
                in_channels, kernel_size=kernel_size, rate=(down, across)
            )
        else:
            self.conv = nn.Conv2d(
                in_channels,
                out_channels,
                kernel_size,
                stride=stride,
                padding=0 if bare else (down * reach, across * reach),
                dilation=(down, across),
                groups=groups,
                bias=False,
            )
        self.norm = norm(out_channels) if norm else nn.Identity()
        self.activation = activation or nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, H, W) -> (B, out_channels, ceil(H / stride), ceil(W / stride))."""
        if self.pads_itself:
            kernel, stride, rate = (
                side[0] for side in (self.conv.kernel_size, self.conv.stride, self.conv.dilation)
            )
            x = pad_same(x, kernel_size=kernel, stride=stride, atrous_rate=rate)
        return self.activation(self.norm(self.conv(x)))


class SeparableConv(nn.Module):
    """A depthwise 3x3 convolution for space, then a pointwise 1x1 for the channels.

    With an ``atrous_rate`` above 1 it is the atrous separable convolution of DeepLab V3+
    (section 3.1, figure 3).

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the result.
        stride: Stride of the depthwise half.
        atrous_rate: Spacing of the depthwise taps in input pixels, also as (down, across).
        norm: Builds the norm behind the pointwise half.
        depthwise_norm: Builds the norm between the halves; None for none.
        relu_between: Whether a ReLU stands between the halves.
        relu_after: Whether a ReLU stands behind the pointwise half.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        stride: int = 1,
        atrous_rate: AtrousRate = 1,
        norm: NormBuilder = head_norm,
        depthwise_norm: NormBuilder | None = head_norm,
        relu_between: bool = True,
        relu_after: bool = True,
    ) -> None:
        super().__init__()
        self.depthwise = ConvNormAct(
            in_channels,
            in_channels,
            kernel_size=3,
            stride=stride,
            atrous_rate=atrous_rate,
            groups=in_channels,
            norm=depthwise_norm,
            activation=nn.ReLU() if relu_between else None,
        )
        self.pointwise = ConvNormAct(
            in_channels, out_channels, norm=norm, activation=nn.ReLU() if relu_after else None
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, H, W) -> (B, out_channels, ceil(H / stride), ceil(W / stride))."""
        return self.pointwise(self.depthwise(x))


def head_conv(
    in_channels: int,
    out_channels: int,
    *,
    separable: bool = True,
    bare: bool = False,
    kernel_size: int = 3,
    atrous_rate: int = 1,
) -> ConvNormAct | SeparableConv:
    """One convolution of a head, with norm and ReLU.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the result.
        separable: Whether a 3x3 one is depthwise separable.
        bare: Whether neither norm nor ReLU stands between the halves of a separable one.
        kernel_size: 3 or 1.
        atrous_rate: Spacing of the kernel's taps in input pixels.
    """
    if separable and kernel_size > 1:
        return SeparableConv(
            in_channels,
            out_channels,
            atrous_rate=atrous_rate,
            depthwise_norm=None if bare else head_norm,
            relu_between=not bare,
        )
    return ConvNormAct(
        in_channels,
        out_channels,
        kernel_size=kernel_size,
        atrous_rate=atrous_rate,
        activation=nn.ReLU(),
    )
