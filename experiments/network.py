"""A small Xception with the dials of the paper on it."""

from torch import Tensor, nn

from atrous.encoders import Encoder, FeatureSpec
from atrous.layers.conv import ConvNormAct
from atrous.layers.inception import Activation, Order, SegmentedConv
from atrous.layers.init import init_classifier, init_encoder
from atrous.layers.norm import torch_norm
from atrous.layers.pool import MaxPool


class Module(nn.Module):
    """Convolutions, each behind a ReLU and before a norm, and a shortcut around them.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the result.
        convs: How many convolutions.
        segments: Of each convolution, see `SegmentedConv`; None for as many as channels.
        order: See `SegmentedConv`.
        activation: Between the two halves of a convolution.
        residual: Whether there is a shortcut: the input, or a 1x1 convolution of it where its
            size changes.
        stride: 2 for max pooling at the end.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        convs: int,
        segments: int | None = None,
        order: Order = "spatial_first",
        activation: Activation = "none",
        residual: bool = True,
        stride: int = 1,
    ) -> None:
        super().__init__()
        self.residual = residual
        steps: list[nn.Module] = []
        channels = in_channels
        for _ in range(convs):
            middle = out_channels if order == "pointwise_first" else channels
            conv = SegmentedConv(
                channels,
                out_channels,
                segments=segments or middle,
                order=order,
                activation=activation,
            )
            steps += [nn.ReLU(), conv, torch_norm(out_channels)]
            channels = out_channels
        if stride > 1:
            steps.append(MaxPool(stride=stride, padding="symmetric"))
        self.body = nn.Sequential(*steps)
        same = stride == 1 and in_channels == out_channels
        self.shortcut = (
            ConvNormAct(in_channels, out_channels, stride=stride, norm=torch_norm)
            if residual and not same
            else nn.Identity()
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, h, w) -> (B, out_channels, h / stride, w / stride)."""
        y: Tensor = self.body(x)
        return y + self.shortcut(x) if self.residual else y


class SmallXceptionClassifier(nn.Module):
    """A root, one pooling module, a middle flow of modules of three convolutions, and a mean.

    Args:
        num_classes: Length of the logits.
        width: Channels of the middle flow.
        modules: Modules of the middle flow.
        segments: See `Module`.
        order: See `Module`.
        activation: See `Module`.
        residual: See `Module`.
    """

    def __init__(
        self,
        *,
        num_classes: int,
        width: int = 48,
        modules: int = 3,
        segments: int | None = None,
        order: Order = "spatial_first",
        activation: Activation = "none",
        residual: bool = True,
    ) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            ConvNormAct(3, 32, kernel_size=3, stride=2, norm=torch_norm),
            # The same for every setting, so that a comparison is one of the middle flows.
            Module(32, width, convs=2, residual=residual, stride=2),
            *(
                Module(
                    width,
                    width,
                    convs=3,
                    segments=segments,
                    order=order,
                    activation=activation,
                    residual=residual,
                )
                for _ in range(modules)
            ),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
        )
        self.classifier = nn.Conv2d(width, num_classes, kernel_size=1)
        init_encoder(self.encoder)
        init_classifier(self.classifier)

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> logits (B, num_classes)."""
        logits: Tensor = self.classifier(self.encoder(images))
        return logits.flatten(1)


class SmallXceptionEncoder(Encoder):
    """Maps at the strides 4, 8 and 16, from 0.1 million weights.

    Args:
        output_stride: 16; the experiments need no other.
        in_channels: Channels of the images.
    """

    def __init__(self, *, output_stride: int = 16, in_channels: int = 3) -> None:
        super().__init__()
        self.root = ConvNormAct(in_channels, 16, kernel_size=3, stride=2, norm=torch_norm)
        self.stages = nn.ModuleList(
            [
                Module(16, 32, convs=2, stride=2),
                nn.Sequential(Module(32, 64, convs=2, stride=2)),
                nn.Sequential(
                    Module(64, 96, convs=2, stride=output_stride // 8),
                    Module(96, 96, convs=3),
                    Module(96, 96, convs=3),
                    nn.ReLU(),
                ),
            ]
        )
        self.feature_specs = (
            FeatureSpec(32, 4),
            FeatureSpec(64, 8),
            FeatureSpec(96, output_stride),
        )

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """(B, in_channels, H, W) -> maps at strides 4, 8 and 16."""
        x = self.root(images)
        features = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        return tuple(features)
