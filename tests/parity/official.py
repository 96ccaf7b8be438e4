"""The weights and pictures that the official TensorFlow graph was run with, made anew.

Every weight is a function of its TensorFlow name and shape alone, so a test can fill our network
with the very numbers that the official graph had, without a checkpoint (`parity.made_up`).
"""

import re
from collections.abc import Iterator
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from atrous.models.build import build_model
from atrous.models.config import ModelConfig
from atrous.models.segmenter import Segmenter
from parity.made_up import pixels, variable

_V3_SEG = {
    "decoder": "lraspp",
    "decoder_channels": 128,
    "decoder_strides": (8,),
    "image_pooling_crop_size": (769, 769),
    "image_pooling_stride": (4, 5),
    "num_classes": 19,
}
OFFICIAL: dict[str, dict[str, object]] = {
    "xception_41": {"encoder": "xception41"},
    "xception_65": {"encoder": "xception65"},
    "xception_65_plainhead": {"encoder": "xception65", "separable": False},
    "xception_71": {"encoder": "xception71"},
    "xception_41_chained": {"encoder": "xception41", "decoder_strides": (8, 4)},
    "xception_71_dpc": {"encoder": "xception71", "context": "dpc", "num_classes": 19},
    "resnet_v1_50_beta": {"encoder": "resnet50_beta", "multi_grid": (1, 2, 4)},
    "mobilenet_v2": {"encoder": "mobilenetv2", "decoder": "deeplabv3", "atrous_rates": ()},
    "mobilenet_v3_large_seg": _V3_SEG | {"encoder": "mobilenetv3_large_seg"},
    "mobilenet_v3_small_seg": _V3_SEG | {"encoder": "mobilenetv3_small_seg"},
}
"""How the released code builds its graphs: MobileNetV2 without decoder and atrous branches,
ResNet with the multi-grid that its public checkpoints want, MobileNetV3 with its own head."""

STORED_STRIDES: dict[str, tuple[int, ...]] = {
    "xception_65": (8, 16),
    "mobilenet_v2": (8, 16),
    "resnet_v1_50_beta": (8, 16),
    "xception_65_plainhead": (16,),
    "xception_41_chained": (16,),
    "xception_71_dpc": (8, 16),
    "mobilenet_v3_large_seg": (16, 32),
    "mobilenet_v3_small_seg": (16, 32),
}
"""Output strides at which a few logits are kept in ``data``; see `parity.store`."""

_NORM_PARTS = {
    "weight": "gamma",
    "bias": "beta",
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
}
_HEAD = (
    (r"decoder\.context\.image_pool", "image_pooling"),
    (r"decoder\.context\.branches\.(\d)\.(depthwise|pointwise)", r"aspp\1_\2"),
    (r"decoder\.context\.branches\.(\d)", r"aspp\1"),
    (r"decoder\.context\.project", "concat_projection"),
    (r"decoder\.stages\.0\.reduce", "decoder/feature_projection0"),
    (r"decoder\.stages\.1\.reduce", "decoder/feature_projection0_1"),
    (r"decoder\.stages\.1\.fuse\.(\d)\.(depthwise|pointwise)", r"decoder/decoder_conv\1_1_\2"),
    (r"decoder\.stages\.0\.fuse\.(\d)\.(depthwise|pointwise)", r"decoder/decoder_conv\1_\2"),
    (r"decoder\.stages\.0\.fuse\.0", "decoder/decoder_conv0/decoder_conv0_1"),
    (r"decoder\.stages\.0\.fuse\.1", "decoder/decoder_conv0/decoder_conv0_2"),
    (r"decoder\.project", "aspp0"),
    (r"decoder\.weigh", "image_pooling"),
    (r"decoder\.deep_classifier", "decoder/decoder_conv0"),
    (r"decoder\.low_level_classifier", "decoder/feature_projection0"),
    (r"classifier", "logits/semantic"),
)
_CELL = (
    (r"decoder\.context\.branches\.(\d)\.(depthwise|pointwise)", r"meta_architecture/branch\1_\2"),
    (r"decoder\.context\.project", "meta_architecture/concat_projection"),
)
_UNITS_BEFORE_THE_MIDDLE = {"xception_41": 3, "xception_65": 3, "xception_71": 5}
_UNITS_IN_THE_MIDDLE = {"xception_41": 8, "xception_65": 16, "xception_71": 16}
_RESNET50_BLOCKS = (3, 4, 6, 3)


def official_config(variant: str, *, output_stride: int) -> ModelConfig:
    """What to build for the network that the released code builds for ``variant``."""
    common = {"num_classes": 21, "align_corners": True, "padding": "same"}
    settings = common | OFFICIAL[variant] | {"output_stride": output_stride}
    return ModelConfig.model_validate(settings)


def build_official(variant: str, *, output_stride: int) -> Segmenter:
    """The network of `official_config` with the weights that the official graph had."""
    with torch.device("meta"):
        model = build_model(official_config(variant, output_stride=output_stride)).eval()
    model.load_state_dict(_official_state(variant), assign=True)
    return model


@cache
@torch.inference_mode(mode=False)  # kept for later tests, whatever the first one runs in
def _official_state(variant: str) -> dict[str, Tensor]:
    with torch.device("meta"):
        state = build_model(official_config(variant, output_stride=16)).state_dict()
    values = {name: torch.zeros(()) for name in state if name.endswith("num_batches_tracked")}
    for ours, theirs in official_names(variant, state):
        value = torch.from_numpy(variable(theirs, tensorflow_shape(theirs, state[ours])))
        values[ours] = value.permute(_layout(theirs)).contiguous() if value.ndim == 4 else value
    return values


def official_names(variant: str, state: dict[str, Tensor]) -> Iterator[tuple[str, str]]:
    """Our name and TensorFlow's for every tensor that the official graph has."""
    for ours in state:
        if not ours.endswith("num_batches_tracked"):
            yield ours, _variable_name(variant, ours)


def official_values(variant: str, *, empty: bool = False) -> dict[str, NDArray[np.float32]]:
    """Every variable of the official graph by its name; without memory if ``empty``."""
    with torch.device("meta"):
        state = build_model(official_config(variant, output_stride=16)).state_dict()
    shapes = {
        theirs: tensorflow_shape(theirs, state[ours])
        for ours, theirs in official_names(variant, state)
    }
    if empty:
        return {name: np.broadcast_to(np.float32(0), shape) for name, shape in shapes.items()}
    return {name: variable(name, shape) for name, shape in shapes.items()}


def tensorflow_shape(name: str, ours: Tensor) -> tuple[int, ...]:
    """The shape of our tensor in TensorFlow's layout."""
    shape = tuple(ours.shape)
    if len(shape) != 4:
        return shape
    back = np.argsort(_layout(name))
    return tuple(shape[axis] for axis in back)


def to_tensorflow(name: str, ours: Tensor) -> Tensor:
    """A copy of our tensor in TensorFlow's layout."""
    values = ours.detach().clone()
    if values.ndim != 4:
        return values
    return values.permute(*np.argsort(_layout(name)).tolist()).contiguous()


def _layout(name: str) -> tuple[int, int, int, int]:
    """Axes of TensorFlow's layout in our order: HWIO, and (H, W, C, 1) for depthwise kernels."""
    return (2, 3, 0, 1) if name.endswith("depthwise_weights") else (3, 2, 0, 1)


def _variable_name(variant: str, ours: str) -> str:
    layer, part = ours.rsplit(".", 1)
    if layer.endswith(".norm"):
        return f"{_scope(variant, layer.removesuffix('.norm'))}/BatchNorm/{_NORM_PARTS[part]}"
    scope = _scope(variant, layer.removesuffix(".conv"))
    if part == "bias":
        return f"{scope}/biases"
    return f"{scope}/depthwise_weights" if scope.endswith("depthwise") else f"{scope}/weights"


def _scope(variant: str, layer: str) -> str:
    for pattern, scope in (_CELL if variant.endswith("_dpc") else ()) + _HEAD:
        match = re.fullmatch(pattern, layer)
        if match:
            return match.expand(scope)
    _, group, *place = layer.split(".")
    if variant.startswith("mobilenet"):
        return _mobilenet_scope(variant, group, place)
    if variant == "resnet_v1_50_beta":
        return f"resnet_v1_50/{_resnet_scope(group, place)}"
    xception = variant[: len("xception_65")]
    return f"{xception}/{_xception_scope(xception, group, place)}"


def _mobilenet_scope(variant: str, group: str, place: list[str]) -> str:
    prefix = "MobilenetV2" if variant == "mobilenet_v2" else "MobilenetV3"
    if not place:
        return f"{prefix}/{ {'root': 'Conv', 'last': 'Conv_1'}[group] }"
    index, part, *rest = place
    block = f"{prefix}/expanded_conv_{index}".removesuffix("_0")
    if part == "squeeze":
        return f"{block}/squeeze_excite/{ {'reduce': 'Conv', 'expand': 'Conv_1'}[rest[0]] }"
    return f"{block}/{part}"


def _resnet_scope(group: str, place: list[str]) -> str:
    if group == "root":
        return f"conv1_{int(place[0]) + 1}"
    unit, block = int(place[0]), 0
    while unit >= _RESNET50_BLOCKS[block]:
        unit, block = unit - _RESNET50_BLOCKS[block], block + 1
    part = "shortcut" if place[1] == "shortcut" else f"conv{int(place[2]) + 1}"
    return f"block{block + 1}/unit_{unit + 1}/bottleneck_v1/{part}"


def _xception_scope(variant: str, group: str, place: list[str]) -> str:
    index = int(place[0])
    if group == "root":
        return f"entry_flow/conv1_{index + 1}"
    middle = index - _UNITS_BEFORE_THE_MIDDLE[variant]
    behind = middle - _UNITS_IN_THE_MIDDLE[variant]
    if middle < 0:
        unit = f"entry_flow/block{index + 1}/unit_1"
    elif behind < 0:
        unit = f"middle_flow/block1/unit_{middle + 1}"
    else:
        unit = f"exit_flow/block{behind + 1}/unit_1"
    if place[1] == "shortcut":
        return f"{unit}/xception_module/shortcut"
    conv, half = place[2:]
    return f"{unit}/xception_module/separable_conv{int(conv) + 1}_{half}"


def pictures(batch: int, height: int, width: int) -> Tensor:
    """The normalized pictures that the official graph was shown, (B, 3, H, W)."""
    shown = (pixels(batch, height, width).astype(np.float64) / 127.5 - 1).astype(np.float32)
    return torch.from_numpy(shown).permute(0, 3, 1, 2)
