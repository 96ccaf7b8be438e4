"""Read the constants of an OpenVINO IR (.xml beside .bin) without OpenVINO."""

from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from atrous.errors import WeightsError

_MAX_XML_BYTES = 16 << 20
# A zero byte means UTF-16, in which a declaration of entities would not be found.
_NEVER_IN_AN_IR = (b"<!DOCTYPE", b"<!ENTITY", b"\0")
_PRECISIONS = {"FP16": np.float16, "FP32": np.float32}


def read_openvino_ir(path: Path) -> Mapping[str, NDArray[np.float32]]:
    """Read the weights and biases of every convolution of an IR of version 2 to 9.

    Args:
        path: The ``.xml``; the ``.bin`` is beside it.

    Returns:
        ``LAYER/weights`` as (out, in, h, w), depthwise (channels, 1, h, w), and
        ``LAYER/biases`` as (out,), by the layer's name without its last part.

    Raises:
        WeightsError: If a file is missing, damaged, or not an IR of these versions.
    """
    binary = path.with_suffix(".bin")
    for file in (path, binary):
        if not file.is_file():
            raise WeightsError(f"{file}: no such file; an OpenVINO IR is an .xml and a .bin")
    text = path.read_bytes() if path.stat().st_size <= _MAX_XML_BYTES else b"\0"
    if any(mark in text for mark in _NEVER_IN_AN_IR):
        raise WeightsError(f"{path}: not an OpenVINO IR (too large, or it declares entities)")
    try:
        layers = ElementTree.fromstring(text).findall("layers/layer")  # noqa: S314
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        raise WeightsError(f"{path}: not XML: {error}") from None
    constants = _convolutions(layers, binary.read_bytes(), path)
    if not constants:
        raise WeightsError(f"{path}: holds no convolution with weights")
    return constants


def _convolutions(
    layers: list[ElementTree.Element], data: bytes, path: Path
) -> dict[str, NDArray[np.float32]]:
    constants: dict[str, NDArray[np.float32]] = {}
    claimed = 0
    for layer in layers:
        if layer.get("type") == "Convolution" and layer.find("blobs") is not None:
            found = _convolution(layer, data, path)
            # Layers can share places; a small file must not become an endless number of values.
            claimed += sum(values.size for values in found.values())
            if 2 * claimed > len(data):
                raise WeightsError(f"{path}: its layers claim more values than the .bin has")
            constants |= found
    return constants


def _convolution(
    layer: ElementTree.Element, data: bytes, path: Path
) -> dict[str, NDArray[np.float32]]:
    name = layer.get("name", "").rsplit("/", 1)[0]
    try:
        dtype = _PRECISIONS[layer.get("precision", "")]
        attributes = dict(layer.find("data").items())  # type: ignore[union-attr]
        out_channels, groups = int(attributes["output"]), int(attributes.get("group", 1))
        height, width = (int(side) for side in attributes["kernel"].split(","))
        values = {
            blob.tag: np.frombuffer(
                data,
                dtype,
                count=int(blob.get("size", 0)) // np.dtype(dtype).itemsize,
                offset=int(blob.get("offset", 0)),
            )
            for blob in layer.find("blobs")  # type: ignore[union-attr]
        }
        weights = values["weights"].reshape(out_channels, -1, height, width)
        biases = {"biases": values["biases"].reshape(out_channels)} if "biases" in values else {}
    except (KeyError, ValueError, AttributeError, OverflowError) as error:
        raise WeightsError(f"{path}: layer {name!r} is damaged ({error})") from None
    if groups > 1 and weights.shape[1] != 1:
        raise WeightsError(f"{path}: layer {name!r} has {groups} groups of several channels")
    found = {"weights": weights, **biases}
    return {f"{name}/{part}": constant.astype(np.float32) for part, constant in found.items()}
