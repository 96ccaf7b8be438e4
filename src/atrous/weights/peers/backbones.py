"""Others' names of ResNet and MobileNetV2, mostly torchvision's, and of Xception, in ours."""

from collections.abc import Callable

from atrous.encoders.mobilenetv3 import ARCHITECTURES as MOBILENETS_V3
from atrous.encoders.resnet import ARCHITECTURES as RESNETS
from atrous.encoders.xception import ARCHITECTURES as XCEPTIONS
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
    layers = _pair(place(0), "0", "1", "encoder.root")
    layers |= _pair(place(_MOBILENETV2_BLOCKS + 1), "0", "1", "encoder.last")
    places = [("0", "1"), ("3", "4"), ("6", "7")] if flat else [("0.0", "0.1"), ("1.0", "1.1")]
    for block in range(_MOBILENETV2_BLOCKS):
        convs = ["expand", "depthwise", "project"] if block else ["depthwise", "project"]
        narrow = len(convs) - 1
        pairs = places if flat else [*places[:narrow], (str(narrow), str(narrow + 1))]
        for ours, (conv, norm) in zip(convs, pairs, strict=False):
            layers |= _pair(
                f"{place(block + 1)}.conv", conv, norm, f"encoder.blocks.{block}.{ours}"
            )
    return layers


def mobilenetv3_layers(prefix: str) -> dict[str, str]:
    """Layers of torchvision's large MobileNetV3, numbered from the root to the last, and ours.

    A block has its convolutions in a list: one that widens, if any does, the depthwise one, the
    gate, if there is one, and one that narrows.
    """
    rows = MOBILENETS_V3["large_torch"]
    layers = _pair(f"{prefix}0", "0", "1", "encoder.root")
    layers |= _pair(f"{prefix}{len(rows) + 1}", "0", "1", "encoder.last")
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
                layers |= _pair(theirs, "0", "1", ours)
        channels = row.out_channels
    return layers


def _pair(theirs: str, conv: str, norm: str, ours: str) -> dict[str, str]:
    return _pair_of(f"{theirs}.{conv}", f"{theirs}.{norm}", ours)


def check_rgb(values: Values, root: str) -> None:
    """Refuse a first convolution that reads other pictures than ours are.

    Raises:
        WeightsError: If it reads no three channels.
    """
    channels = side(values, f"{root}.weight", axis=1)
    if channels != 3:
        raise WeightsError(f"reads pictures of {channels} channels; converted are those of 3 (RGB)")


Separable = tuple[str, str, str, str]
"""Names of a depthwise convolution, its norm, the pointwise convolution and its norm."""


def xception_layers(
    prefix: str, conv_of: Callable[[int, int], Separable], exit_of: Callable[[int], Separable]
) -> dict[str, str]:
    """Layers of an aligned Xception-65 with blocks 1 to 20 and ``conv3`` to ``conv5``, and ours.

    Args:
        prefix: What all names begin with.
        conv_of: Names behind ``block{N}.`` of a separable convolution, by the block's number and
            the convolution's, 0 to 2.
        exit_of: Names behind ``prefix`` of the last ones, by their number, 3 to 5.
    """
    layers = _pair_of(f"{prefix}conv1", f"{prefix}bn1", "encoder.root.0")
    layers |= _pair_of(f"{prefix}conv2", f"{prefix}bn2", "encoder.root.1")
    for block in range(1, 21):
        theirs, ours = f"{prefix}block{block}", f"encoder.units.{block - 1}"
        layers |= _pair(theirs, "skip", "skipbn", f"{ours}.shortcut")
        for conv in range(3):
            layers |= _halves(f"{theirs}.", conv_of(block, conv), f"{ours}.convs.{conv}")
    for conv in range(3):
        layers |= _halves(prefix, exit_of(conv + 3), f"encoder.units.20.convs.{conv}")
    return layers


def detect_timm_xception(values: Values, prefix: str, *, dot: str = ".") -> str:
    """Our name of timm's aligned Xception whose tensors begin with ``prefix``.

    Raises:
        WeightsError: If it is none of ours.
    """
    blocks = sum(f"{prefix}blocks{dot}{i}.stack.conv1.conv_dw.weight" in values for i in range(64))
    for name, units in XCEPTIONS.items():
        if len(units) == blocks:
            return name
    raise WeightsError(f"has an Xception of {blocks} blocks; read are {', '.join(XCEPTIONS)}")


def timm_xception_layers(architecture: str, prefix: str, *, dot: str = ".") -> dict[str, str]:
    """Layers of timm's aligned Xception, and ours.

    Args:
        architecture: ``xception41``, ``xception65`` or ``xception71``.
        prefix: What all names begin with.
        dot: What stands between ``blocks`` and a number; ``_`` in timm's encoders.
    """
    layers: dict[str, str] = {}
    for root in range(2):
        layers |= _pair(f"{prefix}stem{dot}{root}", "conv", "bn", f"encoder.root.{root}")
    for unit in range(len(XCEPTIONS[architecture])):
        theirs, ours = f"{prefix}blocks{dot}{unit}", f"encoder.units.{unit}"
        layers |= _pair(f"{theirs}.shortcut", "conv", "bn", f"{ours}.shortcut")
        for conv in range(3):
            names = ("conv_dw", "bn_dw", "conv_pw", "bn_pw")
            layers |= _halves(f"{theirs}.stack.conv{conv + 1}.", names, f"{ours}.convs.{conv}")
    return layers


def legacy_xception_layers() -> dict[str, str]:
    """Layers of the original Xception as Cadene ported it from Keras and timm kept it, and ours.

    Its separable convolutions have one norm, behind the pointwise half.
    """
    layers = _pair_of("conv1", "bn1", "encoder.root.0") | _pair_of("conv2", "bn2", "encoder.root.1")
    for block in range(1, 13):
        theirs, ours = f"block{block}", f"encoder.stages.{block - 1}"
        layers |= _pair(theirs, "skip", "skipbn", f"{ours}.shortcut")
        # The first block has no ReLU in front, which is numbered elsewhere.
        first = 0 if block == 1 else 1
        for conv in range(3 if 4 <= block <= 11 else 2):
            at = first + 3 * conv
            layers |= _single(
                f"{theirs}.rep.{at}", f"{theirs}.rep.{at + 1}", f"{ours}.convs.{conv}"
            )
    return (
        layers
        | _single("conv3", "bn3", "encoder.exit.0")
        | _single("conv4", "bn4", "encoder.exit.2")
    )


def _pair_of(conv: str, norm: str, ours: str) -> dict[str, str]:
    return {conv: f"{ours}.conv", norm: f"{ours}.norm"}


def _single(conv: str, norm: str, ours: str) -> dict[str, str]:
    return {
        f"{conv}.conv1": f"{ours}.depthwise.conv",
        f"{conv}.pointwise": f"{ours}.pointwise.conv",
        norm: f"{ours}.pointwise.norm",
    }


def _halves(prefix: str, theirs: Separable, ours: str) -> dict[str, str]:
    parts = ("depthwise.conv", "depthwise.norm", "pointwise.conv", "pointwise.norm")
    return {f"{prefix}{name}": f"{ours}.{part}" for name, part in zip(theirs, parts, strict=True)}
