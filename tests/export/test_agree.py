import numpy as np
import pytest

from atrous.errors import ExportError
from atrous.export.agree import EXACT, Agreement, Limits, compare, why_refused

IMAGES = np.random.default_rng(0).normal(size=(1, 3, 8, 9)).astype(np.float32)


def same(images):
    return images * 2


def test_what_is_the_same_agrees_wholly():
    agreement = compare(same, same, [IMAGES, IMAGES[:, :, :4]])

    assert agreement.equal_labels == 1
    assert agreement.logits_difference == 0
    assert why_refused(agreement, EXACT) is None


def test_a_difference_is_held_against_the_spread_of_the_logits():
    agreement = compare(lambda images: same(images) + 0.01, same, [IMAGES])

    assert agreement.logits_difference == pytest.approx(0.01, rel=1e-3)
    assert agreement.logits_spread == pytest.approx(IMAGES.std() * 2)
    assert "logits of the exported file differ" in why_refused(agreement, EXACT)
    assert why_refused(agreement, Limits(logits=0.1, equal_labels=1)) is None


def test_labels_are_counted_where_a_file_gives_them():
    labels = np.zeros((1, 10, 10), np.uint8)
    other = labels.copy()
    other[0, 0, :5] = 1

    agreement = compare(lambda _: other, lambda _: labels, [IMAGES])

    assert agreement.equal_labels == 0.95
    assert "95.00% of the exported file's labels" in why_refused(agreement, EXACT)


def test_values_that_are_no_numbers_are_refused():
    agreement = compare(lambda images: images * np.nan, same, [IMAGES, IMAGES])

    assert why_refused(agreement, EXACT)


def test_another_shape_is_refused():
    with pytest.raises(ExportError, match=r"gives \(1, 3, 8, 8\) for \(1, 3, 8, 9\)"):
        compare(lambda images: images[..., :8], same, [IMAGES])


def test_a_file_that_does_not_run_is_refused():
    def fail(_images):
        raise RuntimeError

    with pytest.raises(ExportError, match="does not run on an input of"):
        compare(fail, same, [IMAGES])


def test_a_loss_of_mean_iou_is_refused():
    agreement = Agreement(1.0, mean_iou=0.70, mean_iou_before=0.71)

    assert agreement.drop == pytest.approx(1)
    assert "loses 1.00 points" in why_refused(agreement, EXACT)
    assert why_refused(agreement, Limits(logits=0, equal_labels=1, drop=1.1)) is None
