"""Others' names of the aligned and the original Xception, in ours."""

from collections.abc import Callable

from atrous.encoders.xception import ARCHITECTURES as XCEPTIONS
from atrous.errors import WeightsError
from atrous.weights.peers.backbones import pair
from atrous.weights.peers.heads import conv_layers
from atrous.weights.rename import Values

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
    layers = conv_layers(f"{prefix}conv1", f"{prefix}bn1", "encoder.root.0")
    layers |= conv_layers(f"{prefix}conv2", f"{prefix}bn2", "encoder.root.1")
    for block in range(1, 21):
        theirs, ours = f"{prefix}block{block}", f"encoder.units.{block - 1}"
        layers |= pair(theirs, "skip", "skipbn", f"{ours}.shortcut")
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
        layers |= pair(f"{prefix}stem{dot}{root}", "conv", "bn", f"encoder.root.{root}")
    for unit in range(len(XCEPTIONS[architecture])):
        theirs, ours = f"{prefix}blocks{dot}{unit}", f"encoder.units.{unit}"
        layers |= pair(f"{theirs}.shortcut", "conv", "bn", f"{ours}.shortcut")
        for conv in range(3):
            names = ("conv_dw", "bn_dw", "conv_pw", "bn_pw")
            layers |= _halves(f"{theirs}.stack.conv{conv + 1}.", names, f"{ours}.convs.{conv}")
    return layers


def legacy_xception_layers() -> dict[str, str]:
    """Layers of the original Xception as Cadene ported it from Keras and timm kept it, and ours.

    Its separable convolutions have one norm, behind the pointwise half.
    """
    layers = conv_layers("conv1", "bn1", "encoder.root.0") | conv_layers(
        "conv2", "bn2", "encoder.root.1"
    )
    for block in range(1, 13):
        theirs, ours = f"block{block}", f"encoder.stages.{block - 1}"
        layers |= pair(theirs, "skip", "skipbn", f"{ours}.shortcut")
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


def _single(conv: str, norm: str, ours: str) -> dict[str, str]:
    return {
        f"{conv}.conv1": f"{ours}.depthwise.conv",
        f"{conv}.pointwise": f"{ours}.pointwise.conv",
        norm: f"{ours}.pointwise.norm",
    }


def _halves(prefix: str, theirs: Separable, ours: str) -> dict[str, str]:
    parts = ("depthwise.conv", "depthwise.norm", "pointwise.conv", "pointwise.norm")
    return {f"{prefix}{name}": f"{ours}.{part}" for name, part in zip(theirs, parts, strict=True)}
