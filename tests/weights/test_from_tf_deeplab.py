import json
import re

import numpy as np
import pytest
import torch

from atrous.errors import WeightsError
from atrous.weights.formats.leaves import FOLDED_LEAVES
from atrous.weights.formats.tf_checkpoint import read_tf_checkpoint
from atrous.weights.from_tf_deeplab import detect, fill, translate
from parity.official import (
    OFFICIAL,
    build_official,
    official_config,
    official_values,
    pictures,
)
from weights.foreign import mobilenetv2_layers


@pytest.mark.parametrize(
    ("variant", "output_stride"),
    [
        ("mobilenet_v2", 16),
        ("mobilenet_v2", 8),
        ("resnet_v1_50_beta", 16),
        ("resnet_v1_50_beta", 8),
        ("mobilenet_v3_large_seg", 32),
        ("mobilenet_v3_small_seg", 32),
    ],
)
def test_a_translated_network_gives_the_logits_of_one_filled_name_by_name(variant, output_stride):
    model = fill(translate(official_values(variant), output_stride=output_stride, where="f"))
    official, images = build_official(variant, output_stride=output_stride), pictures(1, 33, 46)

    with torch.inference_mode():
        torch.testing.assert_close(model(images), official(images))


@pytest.mark.parametrize("variant", OFFICIAL)
def test_the_variant_is_told_by_names_and_shapes(variant):
    translated = translate(official_values(variant, empty=True), output_stride=16, where="f")

    assert translated.config == official_config(variant, output_stride=16)


@pytest.mark.parametrize(
    "variant", sorted(OFFICIAL.keys() - {"xception_41_chained", "xception_71_dpc"})
)
def test_the_names_of_the_official_graphs_have_a_place_each(variant, oracle):
    lines = (oracle / f"names_{variant}.txt").read_text().splitlines()
    rows = (line.split(" ", 1) for line in lines)
    values = {n: np.broadcast_to(np.float32(0), json.loads(shape)) for n, shape in rows}

    translated = translate(values, output_stride=16, where=variant)

    assert len(translated.state) == len(values)
    assert translated.config == official_config(variant, output_stride=16)


def test_a_real_checkpoint_gives_the_logits_of_the_official_graph(oracle):
    stored = np.load(oracle / "full_mobilenet_v2_os16_97x130.npz")
    values = read_tf_checkpoint(oracle / "ckpt" / "mobilenet_v2" / "model.ckpt")
    model = fill(translate(values, output_stride=16, where="model.ckpt"))
    images = torch.from_numpy((stored["image"] / 127.5 - 1).astype(np.float32))

    with torch.inference_mode():
        logits = model.logits_at_stride(images.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        labels = model(images.permute(0, 3, 1, 2)).argmax(1)

    # As in test_official_graph: a thousandth of the logits' spread, for float32 rounding.
    assert np.abs(logits.numpy() - stored["logits"]).max() < 1e-3 * stored["logits"].std()
    np.testing.assert_array_equal(labels, stored["prediction"])


def test_variables_of_the_training_are_left_out_knowingly():
    values = official_values("mobilenet_v2", empty=True)
    momenta = {f"{name}/Momentum": value for name, value in values.items()}

    translated = translate(
        values | momenta | {"global_step": np.array(30_000)}, output_stride=16, where="f"
    )

    assert translated.skipped == len(momenta) + 1


def test_folded_norms_only_add_their_bias():
    values = {}
    for name, weights in mobilenetv2_layers().items():
        values[f"{name}/weights"] = weights.astype(np.float32)
        values[f"{name}/biases"] = np.arange(len(weights), dtype=np.float32)

    model = fill(translate(values, output_stride=16, where="f", leaves=FOLDED_LEAVES))

    root = model.encoder.root
    x = torch.randn(1, 3, 9, 9)
    convolved = root.conv(torch.nn.functional.pad(x, (1, 1, 1, 1)))
    expected = convolved + torch.arange(32.0)[:, None, None]
    torch.testing.assert_close(root(x), expected.clamp(0, 6))
    np.testing.assert_array_equal(model.classifier.bias.detach(), np.arange(21))


def without(values, name):
    return {key: value for key, value in values.items() if key != name}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            lambda v: v | {"aspp9/weights": np.zeros(1)},
            r"1 of its values .*aspp9/weights \[1\]",
        ),
        (
            lambda v: without(v, "concat_projection/BatchNorm/beta"),
            r"1 of our tensors got no value \(first: \['decoder\.context\.project\.norm\.bias'\]\)",
        ),
        (
            lambda v: v | {"aspp0/BatchNorm/beta": np.zeros(3, np.float32)},
            r"aspp0/BatchNorm/beta \[3\]",
        ),
        (
            lambda v: {name: value for name, value in v.items() if not name.startswith("logits/")},
            "without a segmentation head",
        ),
        (lambda _: {"resnet_v2_50/conv1/weights": np.zeros(1)}, "none of the released DeepLab"),
        (lambda _: {}, "none of the released DeepLab"),
    ],
)
def test_nothing_is_taken_unless_all_of_it_fits(change, reason):
    values = change(official_values("mobilenet_v2", empty=True))

    with pytest.raises(WeightsError, match=re.compile(f"^f: .*{reason}", re.DOTALL)):
        translate(values, output_stride=16, where="f")


def test_a_head_without_image_pooling_is_told_and_built():
    values = {
        name: value
        for name, value in official_values("xception_41", empty=True).items()
        if not name.startswith("image_pooling")
    }
    values["concat_projection/weights"] = np.broadcast_to(np.float32(0), (1, 1, 1024, 256))

    config = translate(values, output_stride=16, where="f").config

    assert config.image_pooling is False


def test_multi_grid_is_for_the_encoders_that_were_trained_with_it():
    root = {f"resnet_v1_18/conv1_1/{leaf}": np.zeros(1) for leaf in ("weights", "biases")}

    config = detect(root | {"logits/semantic/biases": np.zeros(21)}, output_stride=16, where="f")

    assert (config.encoder, config.multi_grid) == ("resnet18_beta", (1, 1, 1))


def empty(*shape):
    return np.broadcast_to(np.float32(0), shape)


WRONG = {
    "renamed": lambda name, value: {f"{name}_1": value},
    "missing": lambda *_: {},
    "larger": lambda name, value: {name: empty(*(side + 1 for side in value.shape))},
    "of more axes": lambda name, value: {name: empty(*value.shape, 2)},
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("variant", ["xception_41", "mobilenet_v2", "mobilenet_v3_small_seg"])
def test_one_wrong_tensor_is_refused_and_named_wherever_it_is(variant, wrong):
    values = official_values(variant, empty=True)
    in_the_head = [name for name in values if not name.startswith(("xception_41/", "Mobilenet"))]

    for name in [*in_the_head[::4], *list(values)[::97]]:
        changed = without(values, name) | WRONG[wrong](name, values[name])
        with pytest.raises(WeightsError, match="f: ") as caught:
            translate(changed, output_stride=16, where="f")
        # What is missing is told by our name for it.
        assert wrong == "missing" or name in str(caught.value)
