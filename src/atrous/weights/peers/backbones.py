"""Torchvision's names of ResNet, MobileNetV2 and V3, which most peers kept, in ours."""

from collections.abc import Callable

from atrous.encoders.mobilenetv3 import ARCHITECTURES as MOBILENETS_V3
from atrous.encoders.resnet import ARCHITECTURES as RESNETS
from atrous.errors import WeightsError
from atrous.weights.peers.peer import side
from atrous.weights.rename import Values

_MOBILENETV2_BLOCKS = 17


def detect_resnet(values: Values, prefix: str) -> str:
    """Our name of the ResNet whose tensors begin with ``prefix``.

    Raises:
        WeightsError: If it is none of ours.
    """
    units = tuple(
        sum(f"{prefix}layer{block}.{unit}.conv1.weight" in values for unit in range(64))
        for block in range(1, 5)
    )
    bottleneck = f"{prefix}layer1.0.conv3.weight" in values
    for name, design in RESNETS.items():
        if design.v1_5 and (design.units, design.bottleneck) == (units, bottleneck):
            return name
    raise WeightsError(
        f"has a ResNet of {units} units, {'' if bottleneck else 'not '}bottlenecks; read are "
        + ", ".join(name for name, design in RESNETS.items() if design.v1_5)
    )


def resnet_layers(architecture: str, prefix: str) -> dict[str, str]:
    """Torchvision's layers of a ResNet, and ours."""
    layers = {f"{prefix}conv1": "encoder.root.0.conv", f"{prefix}bn1": "encoder.root.0.norm"}
    index = 0
    for block, units in enumerate(RESNETS[architecture].units, start=1):
        for unit in range(units):
            theirs, ours = f"{prefix}layer{block}.{unit}", f"encoder.units.{index}"
            for conv in (1, 2, 3):
                layers[f"{theirs}.conv{conv}"] = f"{ours}.convs.{conv - 1}.conv"
                layers[f"{theirs}.bn{conv}"] = f"{ours}.convs.{conv - 1}.norm"
            layers[f"{theirs}.downsample.0"] = f"{ours}.shortcut.conv"
            layers[f"{theirs}.downsample.1"] = f"{ours}.shortcut.norm"
            index += 1
    return layers


def mobilenetv2_layers(place: Callable[[int], str], *, flat: bool = False) -> dict[str, str]:
    """Torchvision's layers of MobileNetV2, and ours.

    Args:
        place: The name of the module with each number, such as ``features.3``; 0 is the root, 1 to
            17 are the blocks, 18 is the last convolution.
        flat: Whether convolutions, norms and activations of a block are numbered through, as in
            older code, or each with its norm and activation.
    """
    layers = pair(place(0), "0", "1", "encoder.root")
    layers |= pair(place(_MOBILENETV2_BLOCKS + 1), "0", "1", "encoder.last")
    places = [("0", "1"), ("3", "4"), ("6", "7")] if flat else [("0.0", "0.1"), ("1.0", "1.1")]
    for block in range(_MOBILENETV2_BLOCKS):
        convs = ["expand", "depthwise", "project"] if block else ["depthwise", "project"]
        narrow = len(convs) - 1
        pairs = places if flat else [*places[:narrow], (str(narrow), str(narrow + 1))]
        for ours, (conv, norm) in zip(convs, pairs, strict=False):
            layers |= pair(f"{place(block + 1)}.conv", conv, norm, f"encoder.blocks.{block}.{ours}")
    return layers


def mobilenetv3_layers(prefix: str) -> dict[str, str]:
    """Layers of torchvision's large MobileNetV3, numbered from the root to the last, and ours.

    A block has its convolutions in a list: one that widens, if any does, the depthwise one, the
    gate, if there is one, and one that narrows.
    """
    rows = MOBILENETS_V3["large_torch"]
    layers = pair(f"{prefix}0", "0", "1", "encoder.root")
    layers |= pair(f"{prefix}{len(rows) + 1}", "0", "1", "encoder.last")
    channels = 16
    for index, row in enumerate(rows):
        parts = ["depthwise", "squeeze", "project"] if row.squeezes else ["depthwise", "project"]
        if row.inner_channels > channels:
            parts.insert(0, "expand")
        for at, part in enumerate(parts):
            theirs = f"{prefix}{index + 1}.block.{at}"
            ours = f"encoder.blocks.{index}.{part}"
            if part == "squeeze":
                layers |= {f"{theirs}.fc1": f"{ours}.reduce", f"{theirs}.fc2": f"{ours}.expand"}
            else:
                layers |= pair(theirs, "0", "1", ours)
        channels = row.out_channels
    return layers


def check_rgb(values: Values, root: str) -> None:
    """Refuse a first convolution that reads other pictures than ours are.

    Raises:
        WeightsError: If it reads no three channels.
    """
    channels = side(values, f"{root}.weight", axis=1)
    if channels != 3:
        raise WeightsError(f"reads pictures of {channels} channels; converted are those of 3 (RGB)")


def pair(theirs: str, conv: str, norm: str, ours: str) -> dict[str, str]:
    """A convolution and its norm, two parts of one module, and ours."""
    return {f"{theirs}.{conv}": f"{ours}.conv", f"{theirs}.{norm}": f"{ours}.norm"}
