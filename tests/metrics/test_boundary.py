"""Boundary scores against their definitions, written naively on small maps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from atrous.metrics.boundary import BoundaryF, BoundaryIoU, TrimapCurve
from atrous.metrics.confusion import ConfusionMatrix

CLASSES, VOID = 3, 255
WIDTHS = (1, 2, 4)
SIZE = (7, 9)
predictions = arrays(np.uint8, SIZE, elements=st.integers(0, CLASSES - 1))
label_maps = arrays(np.uint8, SIZE, elements=st.integers(0, CLASSES - 1) | st.just(VOID))
PIXELS = [(y, x) for y in range(SIZE[0]) for x in range(SIZE[1])]


def neighbours(y, x):
    around = ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1))
    return [place for place in around if 0 <= place[0] < SIZE[0] and 0 <= place[1] < SIZE[1]]


def squared(one, other):
    return (one[0] - other[0]) ** 2 + (one[1] - other[1]) ** 2


def naive_band(labels, width, around):
    if around == "void":
        centres = [place for place in PIXELS if labels[place] == VOID]
        return [p for p in PIXELS if any(squared(p, c) <= width**2 for c in centres)]
    centres = [p for p in PIXELS if any(labels[p] != labels[n] for n in neighbours(*p))]
    return [p for p in PIXELS if any(squared(p, c) < width**2 for c in centres)]


@pytest.mark.parametrize("around", ["void", "classes"])
@given(predicted=predictions, labels=label_maps)
def test_the_trimap_curve_is_the_one_of_the_definition(around, predicted, labels):
    trimap = TrimapCurve(CLASSES, widths=WIDTHS, around=around)
    trimap.update(predicted, labels)

    for width, found in zip(WIDTHS, trimap.curve(), strict=True):
        naive = ConfusionMatrix(CLASSES)
        for place in naive_band(labels, width, around):
            naive.update(predicted[place], labels[place])
        assert found == pytest.approx(naive.mean_iou(), abs=1e-12, nan_ok=True)


def naive_near_contour(mask, width):
    """Pixels of a mask whose erosion with a square does not hold them (Cheng et al., eq. 1)."""
    padded = np.pad(mask, width)
    eroded = np.array(
        [
            padded[y : y + 2 * width + 1, x : x + 2 * width + 1].all()
            for y, x in np.ndindex(mask.shape)
        ]
    ).reshape(mask.shape)
    return mask & ~eroded


@given(predictions, label_maps)
def test_boundary_iou_is_the_one_of_the_definition(predicted, labels):
    boundary = BoundaryIoU(CLASSES, dilation_ratio=0.18)  # of a diagonal of 11.4: 2 pixels
    boundary.update(predicted, labels)
    seen = np.where(labels == VOID, VOID, predicted)

    for index, found in enumerate(boundary.iou()):
        ours, theirs = (naive_near_contour(values == index, 2) for values in (seen, labels))
        union = (ours | theirs).sum()
        expected = (ours & theirs).sum() / union if union else float("nan")
        assert found == pytest.approx(expected, nan_ok=True)


def naive_contour(labels, index):
    return [
        place
        for place in PIXELS
        if labels[place] == index
        and any(labels[n] not in (index, VOID) for n in neighbours(*place))
    ]


@given(predictions, label_maps)
def test_the_boundary_f_score_is_the_one_of_the_definition(predicted, labels):
    boundary = BoundaryF(CLASSES, tolerances=(1, 2))
    boundary.update(predicted, labels)
    seen = np.where(labels == VOID, VOID, predicted)

    for row, tolerance in enumerate((1, 2)):
        for index in range(CLASSES):
            ours, theirs = naive_contour(seen, index), naive_contour(labels, index)
            right = sum(any(squared(p, t) <= tolerance**2 for t in theirs) for p in ours)
            found = sum(any(squared(p, t) <= tolerance**2 for p in ours) for t in theirs)
            expected = float("nan")
            if ours or theirs:
                precision = right / len(ours) if ours else 0
                recall = found / len(theirs) if theirs else 0
                both = precision + recall
                expected = 2 * precision * recall / both if both else 0
            assert boundary.f_score()[row, index] == pytest.approx(expected, nan_ok=True)


def builders():
    return [
        pytest.param(lambda: TrimapCurve(CLASSES, widths=WIDTHS), TrimapCurve.curve, id="trimap"),
        pytest.param(lambda: BoundaryIoU(CLASSES), lambda score: [score.mean()], id="iou"),
        pytest.param(lambda: BoundaryF(CLASSES), BoundaryF.means, id="f"),
    ]


@pytest.mark.parametrize(("build", "read"), builders())
def test_a_prediction_that_is_right_wherever_there_are_labels_scores_one(build, read):
    labels = np.random.default_rng(0).integers(0, CLASSES, (20, 30)).astype(np.uint8)
    labels[5:9] = VOID
    score = build()
    score.update(np.where(labels == VOID, 1, labels), labels)

    assert read(score) == [1] * len(read(score))


@pytest.mark.parametrize(("build", "read"), builders())
def test_merged_parts_are_the_whole(build, read):
    random = np.random.default_rng(0)
    pictures = [random.integers(0, CLASSES, (2, 20, 30)).astype(np.uint8) for _ in range(4)]
    for _, labels in pictures:
        labels[:4] = VOID
    whole, first, second = build(), build(), build()
    for turn, (predicted, labels) in enumerate(pictures):
        whole.update(predicted, labels)
        (second if turn % 2 else first).update(predicted, labels)

    assert read(second.merge(first)) == read(whole)


def test_without_void_there_is_no_band_around_it():
    trimap = TrimapCurve(CLASSES, widths=WIDTHS)
    trimap.update(np.zeros(SIZE, np.uint8), np.zeros(SIZE, np.uint8))

    assert np.isnan(trimap.curve()).all()


@pytest.mark.parametrize("widths", [(), (0, 1), (3, 2), (2, 2)])
def test_widths_must_rise_from_one(widths):
    with pytest.raises(ValueError, match="rising order"):
        TrimapCurve(CLASSES, widths=widths)


def test_curves_of_different_conventions_are_not_merged():
    with pytest.raises(ValueError, match="cannot be merged"):
        TrimapCurve(CLASSES).merge(TrimapCurve(CLASSES, around="classes"))
    with pytest.raises(ValueError, match="cannot be merged"):
        BoundaryIoU(CLASSES).merge(BoundaryIoU(CLASSES, dilation_ratio=0.1))
    with pytest.raises(ValueError, match="cannot be merged"):
        BoundaryF(CLASSES).merge(BoundaryF(CLASSES, tolerances=(9,)))


def test_more_classes_than_a_byte_holds_have_boundaries_too():
    labels = np.repeat(np.array([[0, 299, 65_535]], np.uint16), 20, axis=1)
    labels = np.repeat(labels, 9, axis=0)
    for score in (
        BoundaryIoU(300, ignore_index=65_535),
        BoundaryF(300, ignore_index=65_535),
        TrimapCurve(300, ignore_index=65_535),
    ):
        score.update(labels % 300, labels)
        assert np.nanmin(score.curve() if isinstance(score, TrimapCurve) else 1) == 1
