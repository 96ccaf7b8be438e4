"""State dicts of other packages, by the names and shapes that their own code gave."""

import re

import numpy as np
import pytest
import torch

from atrous.errors import WeightsError
from atrous.weights.convert import convert
from atrous.weights.peers import PEERS, translate, words_of_left_out
from weights.foreign import peer_state

# What was found: the package, and the words of our config that matter.
EXPECTED = {
    "smp_deeplabv3plus_resnet18": (
        "segmentation_models.pytorch",
        {"encoder": "resnet18_v1_5", "decoder": "deeplabv3plus", "output_stride": 16}
        | {"atrous_rates": (12, 24, 36), "rate_change": "at_unit", "align_corners": True},
    ),
    "smp_deeplabv3_mobilenet_v2": (
        "segmentation_models.pytorch",
        {"encoder": "mobilenetv2_torch_1280", "decoder": "deeplabv3", "output_stride": 8}
        | {"separable": False, "aspp_convs": 1},
    ),
    "smp_deeplabv3plus_tu_xception41": (
        "segmentation_models.pytorch",
        {"encoder": "xception41_rectified_taps", "rate_change": "after_unit"},
    ),
    "vainf_deeplabv3plus_mobilenet": (
        "VainF's DeepLabV3Plus-Pytorch",
        {"encoder": "mobilenetv2_torch_cropped", "decoder": "deeplabv3plus"}
        | {"separable": False, "decoder_convs": 1, "atrous_rates": None, "align_corners": False},
    ),
    "vainf_deeplabv3_mobilenet_separable": (
        "VainF's DeepLabV3Plus-Pytorch",
        {"decoder": "deeplabv3", "separable": True, "bare_separable": True},
    ),
    "torchvision_deeplabv3_resnet50": (
        "torchvision",
        {"encoder": "resnet50_v1_5", "decoder": "deeplabv3", "output_stride": 8}
        | {"num_classes": 21, "rate_change": "after_unit", "align_corners": False},
    ),
    "torchvision_deeplabv3_mobilenet_v3_large": (
        "torchvision",
        {"encoder": "mobilenetv3_large_torch", "output_stride": 16, "rate_change": "at_unit"}
        | {"atrous_rates": (12, 24, 36)},
    ),
    "jfzhang95_resnet": (
        "jfzhang95's pytorch-deeplab-xception",
        {"encoder": "resnet101_v1_5", "multi_grid": (1, 2, 4), "rate_change": "at_unit"}
        | {"decoder": "deeplabv3plus", "separable": False, "align_corners": True},
    ),
    "jfzhang95_mobilenet": (
        "jfzhang95's pytorch-deeplab-xception",
        {"encoder": "mobilenetv2_torch_bordered", "rate_change": "after_stage"},
    ),
    "jfzhang95_xception": (
        "jfzhang95's pytorch-deeplab-xception",
        {"encoder": "xception65_rectified", "output_stride": 16},
    ),
    "transformers_mobilenetv2": (
        "Hugging Face transformers",
        {"encoder": "mobilenetv2", "decoder": "deeplabv3", "output_stride": 8, "padding": "same"}
        | {"atrous_rates": (), "image_pooling": True},
    ),
    "bubbliiiing_mobilenet": (
        "bubbliiiing's deeplabv3-plus-pytorch",
        {"encoder": "mobilenetv2_torch", "decoder": "deeplabv3plus", "align_corners": True},
    ),
    "bubbliiiing_xception": (
        "bubbliiiing's deeplabv3-plus-pytorch",
        {"encoder": "xception65_rectified_sums", "rate_change": "after_stage"},
    ),
}
LEFT_OUT = {
    "torchvision_deeplabv3_mobilenet_v3_large": ("aux_classifier.",),
    "torchvision_deeplabv3_resnet50": ("aux_classifier.",),
    "jfzhang95_mobilenet": ("backbone.low_level_features.", "backbone.high_level_features."),
    "transformers_mobilenetv2": ("mobilenet_v2.conv_1x1.",),
}
"""Beginnings of names that are left out knowingly, beside the counters of norms."""
every_network = pytest.mark.parametrize("network", EXPECTED)


def recognized(values):
    return [name for name, peer in PEERS.items() if peer.recognize(values)]


def translated(network, values, output_stride=None):
    described = PEERS[EXPECTED[network][0]].describe(values, output_stride)
    return translate(values, described, where="a.pth")


@every_network
def test_the_package_is_told_by_names(network):
    assert recognized(peer_state(network)) == [EXPECTED[network][0]]


@every_network
def test_the_network_is_told_by_names_and_shapes(network):
    values = peer_state(network)

    found = translated(network, values)

    _, words = EXPECTED[network]
    assert {word: getattr(found.config, word) for word in words} == words
    assert found.skipped == len(values) - len(taken(network, values))


def taken(network, values):
    """Names that are not left out."""
    left_out = LEFT_OUT.get(network, ())
    names = [name for name in values if not name.endswith("num_batches_tracked")]
    return [name for name in names if not name.startswith(tuple(left_out))]


@every_network
def test_the_output_stride_is_free(network):
    described = PEERS[EXPECTED[network][0]].describe

    assert described(peer_state(network), 16).config.output_stride == 16
    if network != "jfzhang95_xception":
        assert described(peer_state(network), 8).config.output_stride == 8


def test_an_xception_with_a_rate_that_ours_cannot_have_is_refused():
    with pytest.raises(WeightsError, match="converted at output stride 16 only"):
        translated("jfzhang95_xception", peer_state("jfzhang95_xception"), 8)


def last_norm(network, values):
    return [name for name in taken(network, values) if name.endswith("running_var")][-1]


def first_conv(values):
    return next(name for name in values if name.endswith("weight"))


@every_network
def test_a_missing_tensor_is_named(network):
    values = peer_state(network)
    del values[last_norm(network, values)]

    with pytest.raises(WeightsError, match=r"a\.pth: .* 1 tensors got no value .*running_var'\]"):
        translated(network, values)


@every_network
def test_a_renamed_tensor_is_named_on_both_sides(network):
    values = peer_state(network)
    name = last_norm(network, values)
    values[f"{name}_2"] = values.pop(name)

    with pytest.raises(WeightsError, match=rf"1 of its values .*{name}_2 .* 1 tensors got no"):
        translated(network, values)


@every_network
@pytest.mark.parametrize("shape", [(7,), (), (2, 3, 1, 1)], ids=str)
def test_a_misshapen_tensor_is_named(network, shape):
    values = peer_state(network)
    name = last_norm(network, values)
    values[name] = np.zeros(shape, np.float32)

    with pytest.raises(WeightsError, match=r"1 of its values .*running_var"):
        translated(network, values)


@every_network
def test_a_misshapen_tensor_that_tells_the_network_is_no_other_error(network):
    values = peer_state(network)
    encoder = ("encoder.", "backbone.", "mobilenet_v2.")
    for name in taken(network, values):
        if values[name].ndim > 1 and not name.startswith(encoder):
            with pytest.raises(WeightsError):
                translated(network, values | {name: np.zeros((1,), np.float32)})


@every_network
def test_pictures_of_other_channels_are_refused(network):
    values = peer_state(network)
    name = first_conv(values)
    values[name] = np.zeros((values[name].shape[0], 4, *values[name].shape[2:]), np.float32)

    with pytest.raises(WeightsError, match="reads pictures of 4 channels"):
        translated(network, values)


def numbered(shape, axis):
    """Every value is its index along an axis."""
    sides = [1] * len(shape)
    sides[axis] = shape[axis]
    return np.broadcast_to(np.arange(shape[axis], dtype=np.float32).reshape(sides), shape)


def test_image_pooling_comes_first_in_ours():
    network, name = "torchvision_deeplabv3_resnet50", "classifier.0.project.0.weight"
    values = peer_state(network)
    values[name] = numbered(values[name].shape, 1)

    weight = translated(network, values).state["decoder.context.project.conv.weight"]

    assert weight[0, :256, 0, 0].tolist() == list(range(1024, 1280))
    assert weight[0, 256:, 0, 0].tolist() == list(range(1024))


def test_the_low_level_map_comes_last_in_ours():
    network, name = "vainf_deeplabv3plus_mobilenet", "classifier.classifier.0.weight"
    values = peer_state(network)
    values[name] = numbered(values[name].shape, 1)

    weight = translated(network, values).state["decoder.stages.0.fuse.0.conv.weight"]

    assert weight[0, :, 0, 0].tolist() == [*range(48, 304), *range(48)]


def test_what_is_left_out_is_said():
    values = peer_state("torchvision_deeplabv3_resnet50")
    described = PEERS["torchvision"].describe(values, None)

    assert words_of_left_out(values, described) == ["an auxiliary classifier of the training"]
    assert words_of_left_out({}, described) == []


def test_a_bias_in_front_of_a_norm_is_taken_off_its_mean():
    values = peer_state("bubbliiiing_mobilenet")
    values["cat_conv.0.bias"] = np.full(256, 0.75, np.float32)
    values["cat_conv.1.running_mean"] = np.arange(256, dtype=np.float32)

    state = translated("bubbliiiing_mobilenet", values).state

    mean = state["decoder.stages.0.fuse.0.norm.running_mean"]
    np.testing.assert_array_equal(mean, np.arange(256) - 0.75)


def test_a_bias_in_front_of_a_norm_must_be_there_too():
    values = peer_state("bubbliiiing_mobilenet")
    del values["cat_conv.0.bias"]

    with pytest.raises(WeightsError, match=r"no value \(first: \['cat_conv\.0\.bias'\]"):
        translated("bubbliiiing_mobilenet", values)


def test_a_misshapen_bias_is_named():
    values = peer_state("bubbliiiing_mobilenet")
    values["cat_conv.0.bias"] = np.zeros(3, np.float32)

    with pytest.raises(WeightsError, match=r"first: \['cat_conv\.0\.bias \[3\]'\]"):
        translated("bubbliiiing_mobilenet", values)


def test_names_of_old_versions_are_known_too():
    values = peer_state("smp_deeplabv3_mobilenet_v2")
    spelled = {"decoder.aspp": "decoder.0", "decoder.conv": "decoder.1", "decoder.bn": "decoder.2"}
    old = {
        re.sub(r"^decoder\.(aspp|conv|bn)\b", lambda found: spelled[found[0]], name): value
        for name, value in values.items()
    }

    assert recognized(old) == ["segmentation_models.pytorch"]
    found, expected = (translated("smp_deeplabv3_mobilenet_v2", state) for state in (old, values))
    assert (found.config, found.state.keys()) == (expected.config, expected.state.keys())


def test_one_class_becomes_foreground_against_a_background_of_0(tmp_path):
    values = peer_state("smp_deeplabv3plus_resnet18")
    state = {name: torch.zeros(value.shape) for name, value in values.items()}
    state |= {name: torch.ones_like(t) for name, t in state.items() if name.endswith("_var")}
    state["segmentation_head.0.weight"] = torch.zeros(1, 256, 1, 1)
    state["segmentation_head.0.bias"] = torch.tensor([0.7])
    torch.save({"state_dict": state, "epoch": 3}, tmp_path / "a.ckpt")

    found = convert(tmp_path / "a.ckpt", atrous_rates=(1, 2, 3))

    logits = found.model(torch.zeros(1, 3, 33, 33))[0, :, 0, 0]
    probability = torch.sigmoid(torch.tensor(0.7))
    torch.testing.assert_close(logits.softmax(0), torch.stack([1 - probability, probability]))
    assert found.card.architecture["atrous_rates"] == [1, 2, 3]
    assert found.source == "checkpoint of segmentation_models.pytorch"


def test_the_state_dict_of_something_else_is_refused_with_its_names(tmp_path):
    torch.save({"fc.weight": torch.zeros(2)}, tmp_path / "a.pth")

    with pytest.raises(WeightsError, match=r"a\.pth: none of .*torchvision.*\['fc\.weight'\]"):
        convert(tmp_path / "a.pth")


def test_weights_that_are_not_finite_are_refused(tmp_path):
    values = peer_state("smp_deeplabv3plus_resnet18")
    state = {name: torch.zeros(value.shape) for name, value in values.items()}
    state["encoder.bn1.bias"][3] = torch.inf
    torch.save(state, tmp_path / "a.pth")

    with pytest.raises(WeightsError, match=r"encoder\.bn1\.bias holds values that are not finite"):
        convert(tmp_path / "a.pth")
