"""Weights before training, as the released code draws them."""

from torch import nn


def init_encoder(encoder: nn.Module) -> None:
    """Draw the encoder's convolutions from He's normal distribution.

    The released code draws from a truncated normal of 0.09 (Xception, MobileNet) and is never
    trained from there for segmentation; scaled by fan-in a run from scratch can start.
    """
    for module in encoder.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="relu")
            _zero_bias(module)


def init_head(head: nn.Module) -> None:
    """Draw ASPP and decoder: Xavier uniform, truncated normal for split separable halves.

    Depthwise 0.33, the pointwise half behind it 0.06 (release, `split_separable_conv2d`).
    """
    for name, module in head.named_modules():
        if not isinstance(module, nn.Conv2d):
            continue
        _zero_bias(module)
        if module.groups > 1:
            nn.init.trunc_normal_(module.weight, std=0.33, a=-0.66, b=0.66)
        elif ".pointwise." in f".{name}.":
            nn.init.trunc_normal_(module.weight, std=0.06, a=-0.12, b=0.12)
        else:
            nn.init.xavier_uniform_(module.weight)


def init_classifier(classifier: nn.Module) -> None:
    """Draw the last 1x1 convolution, if there is one: truncated normal 0.01, bias 0."""
    if isinstance(classifier, nn.Conv2d):
        nn.init.trunc_normal_(classifier.weight, std=0.01, a=-0.02, b=0.02)
        _zero_bias(classifier)


def _zero_bias(module: nn.Conv2d) -> None:
    if module.bias is not None:
        nn.init.zeros_(module.bias)
