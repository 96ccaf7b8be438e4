"""Our networks against the official TensorFlow graph with the same weights and pictures.

The tolerance is a thousandth of the logits' standard deviation. Two right implementations differ
by float32 rounding, up to 2e-4 in units of the logits; the slightest mistake in the networks, an
epsilon of 1e-5 for 1e-3, moves them by twenty times the tolerance.
"""

import json
from functools import cache

import numpy as np
import pytest
import torch

from atrous.models.build import build_model
from atrous.models.segmenter import Segmenter
from parity.official import (
    OFFICIAL,
    STORED_STRIDES,
    build_official,
    official_config,
    official_names,
    pictures,
    tensorflow_shape,
)
from parity.store import CLASS_STEP, STORED, STORED_SHAPE

TOLERANCE = 1e-3
SHAPES = [(1, 97, 130), (2, 65, 65), (1, 64, 84)]
WITHOUT_NAMES = {"xception_41_chained", "xception_71_dpc"}
WITH_LOGITS = ("xception_65", "mobilenet_v2", "resnet_v1_50_beta")


@cache
def official(variant: str, output_stride: int) -> Segmenter:
    return build_official(variant, output_stride=output_stride)


def relative_difference(logits: torch.Tensor, expected: np.ndarray) -> float:
    reference = torch.from_numpy(expected)
    assert logits.shape == reference.shape
    return float((logits - reference).abs().max() / reference.std())


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("output_stride", [16, 8])
@pytest.mark.parametrize("variant", WITH_LOGITS)
def test_logits_are_those_of_the_official_graph(variant, output_stride, shape, oracle):
    key = "logits_os{}_{}x{}x{}".format(output_stride, *shape)
    expected = np.load(oracle / f"compact_{variant}.npz")[key].transpose(0, 3, 1, 2)

    with torch.inference_mode():
        logits = official(variant, output_stride).logits_at_stride(pictures(*shape))

    assert relative_difference(logits, expected) <= TOLERANCE


@pytest.mark.parametrize("variant", sorted(OFFICIAL.keys() - WITHOUT_NAMES))
def test_every_official_variable_has_one_place_in_our_network(variant, oracle):
    with torch.device("meta"):
        state = build_model(official_config(variant, output_stride=16)).state_dict()

    ours = {
        theirs: list(tensorflow_shape(theirs, state[name]))
        for name, theirs in official_names(variant, state)
    }

    lines = (oracle / f"names_{variant}.txt").read_text().splitlines()
    assert ours == {
        name: json.loads(shape) for name, shape in (line.split(" ", 1) for line in lines)
    }


@pytest.mark.parametrize(
    ("variant", "output_stride"),
    [(variant, stride) for variant, strides in STORED_STRIDES.items() for stride in strides],
)
def test_logits_are_those_stored_when_the_official_graph_agreed(variant, output_stride):
    stored = np.load(STORED / f"{variant}.npz")

    with torch.inference_mode():
        logits = official(variant, output_stride).logits_at_stride(pictures(*STORED_SHAPE))

    expected = stored[f"logits_os{output_stride}"]
    assert relative_difference(logits[:, ::CLASS_STEP], expected) <= TOLERANCE
