import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from atrous.runtime import upsample
from atrous.runtime.upsample import confidence_of, resize_bilinear, upsample_labels

sides = st.integers(1, 9)


def interpolated(logits, size, align_corners):
    if align_corners == "first":  # by its definition, along one axis after the other
        for axis, side in ((1, size[0]), (2, size[1])):
            places = np.arange(side) * logits.shape[axis] / side
            logits = np.apply_along_axis(
                lambda row, at=places: np.interp(at, np.arange(len(row)), row), axis, logits
            )
        return logits
    full = F.interpolate(
        torch.from_numpy(logits).double()[None], size, mode="bilinear", align_corners=align_corners
    )
    return full[0].numpy()


@settings(max_examples=150, deadline=None)
@given(
    classes=st.integers(1, 6),
    source=st.tuples(sides, sides),
    target=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    align_corners=st.sampled_from([True, False, "first"]),
    seed=st.integers(0, 999),
)
def test_labels_are_those_of_interpolating_in_float64(classes, source, target, align_corners, seed):
    logits = np.random.default_rng(seed).normal(size=(classes, *source)).astype(np.float32)

    labels = upsample_labels(logits, target, align_corners=align_corners)

    full = interpolated(logits, target, align_corners)
    chosen = np.take_along_axis(full, labels[None].astype(np.int64), 0)[0]
    # A class may only be chosen over the best one if rounding in float32 cannot tell them apart.
    assert (full.max(0) - chosen).max() <= 1e-5


def test_rows_are_the_same_however_many_are_done_at_a_time(monkeypatch):
    logits = np.random.default_rng(0).normal(size=(5, 12, 17)).astype(np.float32)
    at_once = upsample_labels(logits, (95, 130), align_corners=False)

    monkeypatch.setattr(upsample, "_STRIP_VALUES", 1)

    np.testing.assert_array_equal(upsample_labels(logits, (95, 130), align_corners=False), at_once)


def test_the_first_of_tied_classes_wins():
    labels = upsample_labels(np.zeros((4, 3, 3), np.float32), (7, 7), align_corners=True)

    assert (labels == 0).all()


@pytest.mark.parametrize(("classes", "dtype"), [(256, np.uint8), (257, np.uint16)])
def test_more_than_256_classes_make_16_bit_labels(classes, dtype):
    logits = np.zeros((classes, 2, 2), np.float32)
    logits[-1] = 1

    labels = upsample_labels(logits, (5, 5), align_corners=False)

    assert labels.dtype == dtype
    assert (labels == classes - 1).all()


def test_confidence_is_the_softmax_of_the_label():
    logits = np.random.default_rng(0).normal(size=(5, 4, 6)).astype(np.float32)
    labels = upsample_labels(logits, (13, 17), align_corners=True)
    confidence = confidence_of(labels, [logits], align_corners=True)

    full = resize_bilinear(logits, (13, 17), align_corners=True).astype(np.float64)
    softmax = np.exp(full) / np.exp(full).sum(0)
    # Softmax in float32.
    np.testing.assert_allclose(confidence, softmax.max(0), rtol=1e-5)
