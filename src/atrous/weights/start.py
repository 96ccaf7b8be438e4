"""Weights to start a training from: foreign encoders brought into our networks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from atrous.errors import WeightsError
from atrous.weights.openvino_ir import read_openvino_ir
from atrous.weights.rename import Rule, Values, rename

_MOBILENETV2 = r"MobilenetV2/expanded_conv"


def _mobilenetv2_rules() -> list[Rule]:
    """Names of the released DeepLab graphs with MobileNetV2, batch norm folded into biases."""
    rules = [
        Rule(r"MobilenetV2/Conv/weights", "encoder.root.conv.weight"),
        Rule(r"MobilenetV2/Conv/biases", "encoder.root.norm.bias"),
        Rule(r"image_pooling/weights", "decoder.aspp.image_pool.conv.weight"),
        Rule(r"image_pooling/biases", "decoder.aspp.image_pool.norm.bias"),
        Rule(r"aspp0/weights", "decoder.aspp.branches.0.conv.weight"),
        Rule(r"aspp0/biases", "decoder.aspp.branches.0.norm.bias"),
        # Sized for other branches or other classes than ours.
        Rule(r"(concat_projection|logits/semantic)/(weights|biases)", None),
    ]
    for index in range(17):
        scope = _MOBILENETV2 + (f"_{index}" if index else "")
        ours = f"encoder.blocks.{index}"
        rules += [
            Rule(rf"{scope}/(expand|project|depthwise)/weights", rf"{ours}.\1.conv.weight"),
            Rule(rf"{scope}/(expand|project|depthwise)/biases", rf"{ours}.\1.norm.bias"),
        ]
    return rules


def _keras_xception_rules() -> list[Rule]:
    """Names of Keras' Xception, as ``LAYER/INDEX`` in Keras' order of the layer's weights."""

    def dense(values: NDArray[np.float32]) -> NDArray[np.float32]:
        return values.transpose(3, 2, 0, 1)

    def depthwise(values: NDArray[np.float32]) -> NDArray[np.float32]:
        return values.transpose(2, 3, 0, 1)

    norm = ("weight", "bias", "running_mean", "running_var")
    rules: list[Rule] = []

    def add_norm(layer: str, ours: str) -> None:
        rules.extend(Rule(rf"{layer}/{i}", f"{ours}.{part}") for i, part in enumerate(norm))

    def add_separable(layer: str, ours: str) -> None:
        rules.append(Rule(rf"{layer}/0", f"{ours}.depthwise.conv.weight", depthwise))
        rules.append(Rule(rf"{layer}/1", f"{ours}.pointwise.conv.weight", dense))
        add_norm(f"{layer}_bn", f"{ours}.pointwise.norm")

    for index in (1, 2):
        ours = f"encoder.root.{index - 1}"
        rules.append(Rule(rf"block1_conv{index}/0", f"{ours}.conv.weight", dense))
        add_norm(f"block1_conv{index}_bn", f"{ours}.norm")
    for block in range(2, 14):
        for index in range(1, 4):
            add_separable(
                f"block{block}_sepconv{index}", f"encoder.stages.{block - 2}.convs.{index - 1}"
            )
    for index, place in ((1, 0), (2, 2)):
        add_separable(f"block14_sepconv{index}", f"encoder.exit.{place}")
    for order, stage in enumerate((0, 1, 2, 11)):
        ours = f"encoder.stages.{stage}.shortcut"
        rules.append(Rule(rf"shortcut{order}/0", f"{ours}.conv.weight", dense))
        add_norm(f"shortcut_bn{order}", f"{ours}.norm")
    return rules


def _read_keras_npz(path: Path) -> Values:
    """Read Keras arrays; the shortcuts' automatic names are replaced by their order."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name].astype(np.float32) for name in file.files}
    except (OSError, ValueError, KeyError) as error:
        raise WeightsError(f"{path}: cannot be read as .npz arrays ({error})") from None
    automatic: dict[str, list[str]] = {"conv2d": [], "batch_normalization": []}
    for name in arrays:
        layer = name.rsplit("/", 1)[0]
        kind = layer.rstrip("0123456789").rstrip("_")
        if kind in automatic and layer not in automatic[kind]:
            automatic[kind].append(layer)
    ordered: dict[str, str] = {}
    for kind, ours in (("conv2d", "shortcut"), ("batch_normalization", "shortcut_bn")):
        layers = sorted(
            automatic[kind],
            key=lambda name: int(
                ("0" + name.rsplit("_", 1)[-1]) if name.rsplit("_", 1)[-1].isdigit() else "0"
            ),
        )
        ordered |= {layer: f"{ours}{index}" for index, layer in enumerate(layers)}
    renamed = {}
    for name, values in arrays.items():
        layer, index = name.rsplit("/", 1)
        renamed[f"{ordered.get(layer, layer)}/{index}"] = values
    return renamed


@dataclass(frozen=True)
class StartFormat:
    """How one kind of file is read and translated."""

    read: Callable[[Path], Values]
    rules: Callable[[], list[Rule]]
    encoder: str
    """Key into `atrous.encoders.ENCODERS` that it fits."""


START_FORMATS: Mapping[str, StartFormat] = {
    ".xml": StartFormat(read_openvino_ir, _mobilenetv2_rules, "mobilenetv2"),
    ".npz": StartFormat(_read_keras_npz, _keras_xception_rules, "xception"),
}
"""Formats by the ending of the file."""


def load_start(model: nn.Module, path: Path) -> list[str]:
    """Fill a model's encoder, and what else the file has for it, in place.

    Args:
        model: A `atrous.models.segmenter.Segmenter` with the encoder that the file is of.
        path: One of `START_FORMATS`.

    Returns:
        Names of the batch norms whose statistics were folded into the convolutions; give them to
        `unfold_norms` before training.

    Raises:
        WeightsError: If the file is unknown, damaged, or a tensor does not fit the model.
    """
    if path.suffix not in START_FORMATS:
        raise WeightsError(
            f"{path}: unknown kind of weights to start from; known: {', '.join(START_FORMATS)}"
        )
    source = START_FORMATS[path.suffix]
    values = rename(source.read(path), source.rules())
    state = model.state_dict()
    for name, value in values.items():
        found = tuple(state[name].shape) if name in state else "nothing of that name"
        if found != value.shape:
            raise WeightsError(
                f"{path}: {name} has shape {value.shape}, the model has {found}; these weights "
                f"are for the encoder {source.encoder!r}"
            )
        state[name] = torch.from_numpy(np.ascontiguousarray(value))
    unfilled = [
        name
        for name in state
        if name.startswith("encoder.") and name.endswith("conv.weight") and name not in values
    ]
    if unfilled:
        raise WeightsError(
            f"{path}: {len(unfilled)} tensors of the encoder got no value; the first are "
            f"{', '.join(unfilled[:3])}"
        )
    folded = [
        name.removesuffix(".bias")
        for name in values
        if name.endswith(".norm.bias") and name.replace(".bias", ".weight") not in values
    ]
    norms = dict(model.named_modules())
    for name in folded:
        norm = norms[name]
        state[f"{name}.weight"] = torch.ones_like(state[f"{name}.weight"])
        state[f"{name}.running_mean"] = torch.zeros_like(state[f"{name}.running_mean"])
        variance = torch.ones_like(state[f"{name}.running_var"]) - float(norm.eps)  # type: ignore[arg-type]
        state[f"{name}.running_var"] = variance
    model.load_state_dict(state)
    return folded
