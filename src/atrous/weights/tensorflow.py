"""The released TensorFlow DeepLab in two functions: read its variables, and build its network."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from atrous.errors import WeightsError
from atrous.models.config import OutputStride
from atrous.models.segmenter import Segmenter
from atrous.weights.formats.tf_checkpoint import checkpoint_prefix, read_tf_checkpoint
from atrous.weights.from_tf_deeplab import fill, translate


def read_tensorflow_checkpoint(prefix: str | Path) -> Mapping[str, NDArray[np.generic]]:
    """Read every variable of a TensorFlow checkpoint, without TensorFlow.

    Args:
        prefix: ``PREFIX`` of ``PREFIX.index`` and ``PREFIX.data-00000-of-00001``; one of these
            files; or a folder with one checkpoint.

    Returns:
        Values by name, in TensorFlow's layouts, with what only the training had.

    Raises:
        WeightsError: If a file is missing, damaged, or holds what networks do not.
    """
    found = checkpoint_prefix(Path(prefix))
    if found is None:
        raise WeightsError(
            f"{prefix}: no TensorFlow checkpoint; expected {Path(prefix).name}.index and its .data "
            "beside it"
        )
    return read_tf_checkpoint(found)


def from_tensorflow(
    variables: Mapping[str, NDArray[np.generic]],
    *,
    variant: str | None = None,
    output_stride: OutputStride = 16,
) -> Segmenter:
    """Build the network that has these variables, equal to the official graph.

    Encoder, head, decoder and number of classes are told by names and shapes.

    Args:
        variables: Values by TensorFlow's names, in its layouts; what only the training had, such
            as momenta, is left out.
        variant: The official name of the encoder, such as ``xception_65``, ``mobilenet_v2`` or
            ``resnet_v1_50_beta``, to be sure; None tells it by the names.
        output_stride: Stride to build the network for: 8, 16 or 32; the weights are the same.

    Returns:
        The network in evaluation mode. It takes images normalised as the release does, mostly
        from -1 to 1, (B, 3, H, W), and returns logits (B, num_classes, H, W); its
        ``logits_at_stride`` returns them at the resolution of the official ``logits``.

    Raises:
        WeightsError: If it is none of the released networks or not ``variant``, or a variable has
            no place in it, or a tensor of it no variable.
    """
    translated = translate(variables, output_stride=output_stride, where="variables")
    found = translated.config.encoder
    if variant is not None and variant.removesuffix("_seg") not in (found, _official_name(found)):
        raise WeightsError(
            f"variables: asked for {variant!r}, but names and shapes are those of "
            f"{_official_name(found)!r} (our encoder {found!r})"
        )
    return fill(translated)


def _official_name(encoder: str) -> str:
    """What the released code calls an encoder; the width of MobileNetV2 is a setting there."""
    if encoder.startswith("xception"):
        return f"xception_{encoder.removeprefix('xception')}"
    if encoder.startswith("resnet"):
        return f"resnet_v1_{encoder.removeprefix('resnet')}"
    if encoder.startswith("mobilenetv2"):
        return "mobilenet_v2"
    return f"mobilenet_v3_{encoder.split('_')[1]}"
