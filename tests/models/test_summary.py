from math import inf

import pytest

from atrous.encoders import ENCODERS
from atrous.layers.count import count_multiply_adds, count_parameters
from atrous.models.config import ModelConfig
from atrous.models.summary import build_empty, summarize

HEADS = {
    "deeplabv3plus": {},
    "deeplabv3": {"decoder": "deeplabv3", "atrous_rates": ()},
    "dpc": {"context": "dpc"},
    "two fine maps": {"decoder_strides": (8, 4)},
    "lraspp": {"decoder": "lraspp", "decoder_strides": (8,)},
}
# The sums of one encoder are those of its networks with any head, so not all pairs are tried.
PAIRS = [("xception41", head) for head in HEADS] + [(encoder, "deeplabv3") for encoder in ENCODERS]


def summarized(encoder, size=(129, 97), **options):
    config = ModelConfig(encoder=encoder, num_classes=5, **options)
    return summarize(build_empty(config), size)


@pytest.mark.parametrize(("encoder", "head"), PAIRS)
def test_the_parts_add_up_to_the_whole_network(encoder, head):
    network = build_empty(ModelConfig(encoder=encoder, num_classes=5, **HEADS[head]))

    summary = summarize(network, (129, 97))

    assert summary.parameters == count_parameters(network)
    assert summary.multiply_adds == count_multiply_adds(network, 1, 3, 129, 97)


@pytest.mark.parametrize(
    ("name", "fields"), [("resnet18", (435, 435)), ("mobilenetv3_small_050", (inf, inf))]
)
def test_a_network_of_timm_is_one_part(name, fields):
    pytest.importorskip("timm")
    network = build_empty(ModelConfig(encoder=f"timm:{name}", num_classes=5, output_stride=32))

    summary = summarize(network, (129, 97))

    part = summary.parts[0]
    assert (part.name, part.stride) == ("encoder.network", 32)
    assert part.channels == network.encoder.feature_specs[-1].channels
    assert summary.multiply_adds == count_multiply_adds(network, 1, 3, 129, 97)
    assert summary.fields["encoder"].pixels == fields


def test_an_xception_has_the_flows_of_its_paper():
    parts = summarized("xception65").parts

    flows = {}
    for part in parts:
        flows.setdefault(part.stage, []).append(part.name)
    assert flows["stem"] == ["encoder.root"]
    assert flows["entry"] == [f"encoder.units.{index}" for index in range(3)]
    assert flows["middle"] == ["encoder.units.3-18"]
    assert flows["exit"] == ["encoder.units.19", "encoder.units.20"]


def test_the_original_xception_has_them_too():
    stages = [part.stage for part in summarized("xception").parts]

    assert stages[:7] == ["stem", "entry", "entry", "entry", "middle", "exit", "exit"]


@pytest.mark.parametrize(
    ("output_stride", "strides", "rates"),
    [
        (32, [2, 4, 8, 16, 16, 32, 32], [1, 1, 1, 1, 1, 1, 1]),
        (16, [2, 4, 8, 16, 16, 16, 16], [1, 1, 1, 1, 1, 1, 2]),
        (8, [2, 4, 8, 8, 8, 8, 8], [1, 1, 1, 1, 2, 2, 4]),
    ],
)
def test_strides_and_rates_are_those_of_the_release(output_stride, strides, rates):
    # The released code's walk: a unit that loses its stride keeps the rate it had.
    encoder = [
        part
        for part in summarized("xception65", output_stride=output_stride).parts
        if part.name.startswith("encoder.")
    ]

    assert [part.stride for part in encoder] == strides
    assert [part.atrous_rates for part in encoder] == [((rate, rate),) for rate in rates]


def test_context_and_decoder_have_their_layers():
    parts = {part.name: part for part in summarized("mobilenetv2_035").parts}

    pool, wide = parts["decoder.context.image_pool"], parts["decoder.context.branches.3"]
    assert (pool.stage, pool.stride, pool.size) == ("context", None, (1, 1))
    assert (wide.stride, wide.channels, wide.atrous_rates) == (16, 256, ((18, 18),))
    assert parts["decoder.stages.0.reduce"].channels == 48
    assert (parts["classifier"].stride, parts["classifier"].channels) == (4, 5)


def test_fields_grow_with_the_rate_of_the_branch():
    fields = summarized("mobilenetv2_035").fields

    encoder = fields["encoder"].pixels[0]
    branches = [fields[f"decoder.context.branches.{index}"].pixels[0] for index in range(4)]
    assert branches == [encoder, *(encoder + 2 * rate * 16 for rate in (6, 12, 18))]
    assert fields["decoder.context.image_pool"].pixels == (float("inf"),) * 2


def test_other_channels_than_three_are_possible():
    assert summarized("mobilenetv2_035", in_channels=5).parts[0].parameters > 0


def test_activations_grow_with_the_picture_and_weights_do_not():
    small, large = (summarized("mobilenetv2_035", size=(side, side)) for side in (65, 129))

    # Four times the pixels, at sides that are rounded up.
    assert large.peak_activation_bytes / small.peak_activation_bytes == pytest.approx(4, rel=0.1)
    assert large.weight_bytes == small.weight_bytes
