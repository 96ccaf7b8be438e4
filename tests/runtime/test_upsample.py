import tracemalloc
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import atrous
from atrous.errors import ConfigError, WeightsError
from atrous.models.torch_engine import TorchEngine
from atrous.runtime import upsample
from atrous.runtime.bilinear import resize_bilinear
from atrous.runtime.predictor import prepare
from atrous.runtime.upsample import confidence_of, mean_softmax, upsample_labels
from atrous.weights.convert import convert
from runtime.interpolation import (
    assert_best,
    assert_differs_in_ties_only,
    interpolated,
)

EXAMPLES = Path(__file__).parents[2] / "examples"
sides = st.integers(1, 9)
targets = st.tuples(st.integers(1, 40), st.integers(1, 40))
corners = st.sampled_from([True, False, "first"])


def noise(random, shape):
    return random.normal(size=shape)


def smooth(random, shape):
    maps = [cv2.blur(one, (5, 5)) for one in random.normal(size=shape)]
    return np.stack(maps).reshape(shape) * 10


def plateaus(random, shape):
    return random.integers(-1, 2, shape).repeat(2, 2)[..., : shape[2]]


def ties(random, shape):
    return np.round(smooth(random, shape))


def sizes_of_all_kinds(random, shape):
    return random.normal(size=shape) * 10.0 ** random.integers(-6, 7, (shape[0], 1, 1))


@settings(max_examples=250, deadline=None)
@given(
    kind=st.sampled_from([noise, smooth, plateaus, ties, sizes_of_all_kinds]),
    classes=st.integers(1, 30),
    source=st.tuples(sides, sides),
    target=targets,
    align_corners=corners,
    seed=st.integers(0, 9999),
)
def test_labels_are_the_best_in_float64(kind, classes, source, target, align_corners, seed):
    logits = kind(np.random.default_rng(seed), (classes, *source)).astype(np.float32)

    labels = upsample_labels(logits, target, align_corners=align_corners)

    assert_best(logits, labels, align_corners)
    if align_corners != "first":
        assert_differs_in_ties_only(logits, labels, align_corners)


@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(
        st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=12, max_size=12
    ),
    target=targets,
    align_corners=corners,
)
def test_any_finite_logits_have_labels(values, target, align_corners):
    logits = np.array(values, np.float32).reshape(3, 2, 2)

    labels = upsample_labels(logits, target, align_corners=align_corners)

    assert_best(logits.astype(np.float64), labels, align_corners)


@pytest.mark.parametrize("align_corners", [True, False])
@pytest.mark.parametrize("kind", [noise, smooth, ties])
@pytest.mark.parametrize("classes", [2, 21])
def test_maps_of_a_picture_differ_from_torch_in_ties_only(kind, classes, align_corners):
    logits = kind(np.random.default_rng(0), (classes, 65, 65)).astype(np.float32)

    labels = upsample_labels(logits, (257, 300), align_corners=align_corners)

    assert_differs_in_ties_only(logits, labels, align_corners)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 9999), classes=st.integers(2, 6), factor=st.sampled_from([2, 4, 8]))
def test_the_first_of_tied_classes_wins(seed, classes, factor):
    # Whole numbers and steps of 1/2 to 1/8: every value is exact, and many tie.
    logits = np.random.default_rng(seed).integers(-1, 2, (classes, 4, 5)).astype(np.float32)
    size = 3 * factor + 1, 4 * factor + 1

    labels = upsample_labels(logits, size, align_corners=True)

    np.testing.assert_array_equal(labels, interpolated(logits, size, True).argmax(0))


@pytest.mark.parametrize("align_corners", [True, False])
def test_a_trained_network_differs_from_torch_in_ties_only(align_corners):
    predictor = atrous.load("camvid", threads=1)
    pixels = cv2.imread(str(EXAMPLES / "street.jpg"))[::2, ::2]
    logits = predictor.engine.run(prepare(pixels, predictor.card.preprocessing))[0]

    labels = upsample_labels(logits, pixels.shape[:2], align_corners=align_corners)

    assert len(np.unique(labels)) > 3
    assert_differs_in_ties_only(logits, labels, align_corners)


def test_a_network_of_21_classes_differs_from_torch_in_ties_only(shared_weights):
    network = convert(shared_weights / "deeplabv3_257_mv_gpu.tflite").model
    pixels = cv2.imread(str(shared_weights / "photos" / "pets.jpg"))[..., ::-1]
    images = cv2.resize(pixels, (257, 257)).astype(np.float32).transpose(2, 0, 1)[None] / 127.5 - 1
    logits = TorchEngine(network, device=torch.device("cpu")).run(images)[0]

    labels = upsample_labels(logits, (513, 513), align_corners=True)

    assert len(np.unique(labels)) > 1
    assert_differs_in_ties_only(logits, labels, align_corners=True)


def test_rows_are_the_same_however_many_are_done_at_a_time(monkeypatch):
    logits = smooth(np.random.default_rng(0), (5, 12, 17)).astype(np.float32)
    at_once = upsample_labels(logits, (95, 130), align_corners=False)

    monkeypatch.setattr(upsample, "_STRIP_PIXELS", 1)

    np.testing.assert_array_equal(upsample_labels(logits, (95, 130), align_corners=False), at_once)


def test_half_a_map_of_noise_beside_plain_classes_has_the_best_labels():
    random = np.random.default_rng(0)
    logits = random.normal(size=(8, 20, 40)).astype(np.float32)
    logits[3, :, 8:] += 100

    labels = upsample_labels(logits, (77, 158), align_corners=True)

    assert_best(logits, labels, align_corners=True)
    assert (labels[:, 32:] == 3).all()


def test_logits_may_lie_in_memory_in_any_order():
    channels_last = noise(np.random.default_rng(0), (6, 9, 4)).astype(np.float32)
    mirrored = channels_last.transpose(2, 0, 1)[..., ::-1]

    labels = upsample_labels(mirrored, (30, 31), align_corners=True)

    expected = upsample_labels(mirrored.copy("C"), (30, 31), align_corners=True)
    np.testing.assert_array_equal(labels, expected)


def test_logits_stay_as_they_were():
    logits = noise(np.random.default_rng(0), (3, 5, 5)).astype(np.float32)
    before = logits.copy()

    upsample_labels(logits, (9, 9), align_corners=True)
    confidence_of(np.zeros((5, 5), np.uint8), [logits], align_corners=True)

    np.testing.assert_array_equal(logits, before)


@pytest.mark.parametrize(("classes", "dtype"), [(256, np.uint8), (257, np.uint16)])
def test_more_than_256_classes_make_16_bit_labels(classes, dtype):
    logits = noise(np.random.default_rng(0), (classes, 3, 4)).astype(np.float32)
    logits[-1, 1, 1] = logits[0, 2, 2] = 100

    labels = upsample_labels(logits, (9, 13), align_corners=True)

    assert labels.dtype == dtype
    assert (labels[4, 4], labels[8, 8]) == (classes - 1, 0)
    assert_best(logits, labels, align_corners=True)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_logits_that_are_not_finite_are_refused(value):
    logits = np.zeros((3, 4, 4), np.float32)
    logits[1, 2, 2] = value

    with pytest.raises(WeightsError, match="not finite"):
        upsample_labels(logits, (16, 16), align_corners=True)


@pytest.mark.parametrize(
    ("shape", "size", "message"),
    [((0, 4, 4), (8, 8), "empty"), ((4, 4), (8, 8), "a map"), ((2, 4, 4), (0, 8), "1 or more")],
)
def test_maps_and_sizes_without_pixels_are_refused(shape, size, message):
    with pytest.raises(ConfigError, match=message):
        upsample_labels(np.zeros(shape, np.float32), size, align_corners=True)


def peak_of(work):
    """Most bytes that were held at once beside those held before."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", [noise, smooth])
def test_labels_need_a_fraction_of_the_memory_of_full_size_logits(kind):
    logits = kind(np.random.default_rng(0), (150, 65, 65)).astype(np.float32)
    size = (1025, 1025)

    peak = peak_of(lambda: upsample_labels(logits, size, align_corners=True))

    assert peak < 0.1 * 150 * size[0] * size[1] * 4


def test_probabilities_of_many_views_need_the_memory_of_a_strip():
    random = np.random.default_rng(0)
    views = [noise(random, (21, 65, side)).astype(np.float32) for side in (65, 97, 113)] * 4
    size = (513, 513)

    peak = peak_of(lambda: [None for _ in mean_softmax(views, size, align_corners=True)])

    # One full-size map has 22 MB, twelve of them 265 MB.
    assert peak < 21 * size[0] * size[1] * 4


def test_confidence_is_the_softmax_of_the_label():
    logits = np.random.default_rng(0).normal(size=(5, 4, 6)).astype(np.float32)
    labels = upsample_labels(logits, (13, 17), align_corners=True)
    confidence = confidence_of(labels, [logits], align_corners=True)

    full = interpolated(logits, (13, 17), True)
    softmax = np.exp(full) / np.exp(full).sum(0)
    # Softmax in float32.
    np.testing.assert_allclose(confidence, softmax.max(0), rtol=1e-5)


def test_between_equal_values_is_exactly_their_value():
    row = np.full((1, 1, 2), 0.1, np.float32)

    assert (resize_bilinear(row, (3, 50), align_corners=True) == row[0, 0, 0]).all()
