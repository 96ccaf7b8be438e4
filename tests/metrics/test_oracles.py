"""The scores against those of other libraries, where they are installed."""

import cv2
import numpy as np
import pytest

from atrous.metrics.boundary import BoundaryIoU
from atrous.metrics.calibration import Calibration
from atrous.metrics.confusion import ConfusionMatrix

CLASSES, VOID = 6, 255
# Sums of whole numbers and one division: only the mean over classes is rounded, in float64.
EXACT = 1e-12


def drawn(seed=0):
    """Predictions and labels of three pictures, a tenth of them ignored."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, CLASSES, (3, 40, 50)).astype(np.uint8)
    predicted = np.where(random.random(labels.shape) < 0.7, labels, labels[:, ::-1])
    labels[random.random(labels.shape) < 0.1] = VOID
    return predicted, labels


def measured():
    matrix = ConfusionMatrix(CLASSES)
    for predicted, labels in zip(*drawn(), strict=True):
        matrix.update(predicted, labels)
    return matrix


def test_scikit_learn_has_the_same_scores():
    metrics = pytest.importorskip("sklearn.metrics")
    predicted, labels = (values[drawn()[1] != VOID] for values in drawn())
    matrix = measured()

    np.testing.assert_array_equal(matrix.counts, metrics.confusion_matrix(labels, predicted))
    for ours, theirs in (
        (matrix.mean_iou(), metrics.jaccard_score(labels, predicted, average="macro")),
        (
            matrix.frequency_weighted_iou(),
            metrics.jaccard_score(labels, predicted, average="weighted"),
        ),
        (matrix.mean_dice(), metrics.f1_score(labels, predicted, average="macro")),
        (matrix.mean_class_accuracy(), metrics.balanced_accuracy_score(labels, predicted)),
        (matrix.pixel_accuracy(), metrics.accuracy_score(labels, predicted)),
    ):
        assert ours == pytest.approx(theirs, abs=EXACT)


def test_torchmetrics_has_the_same_scores():
    classification = pytest.importorskip("torchmetrics.classification")
    torch = pytest.importorskip("torch")
    predicted, labels = (torch.tensor(values.astype(np.int64)) for values in drawn())
    matrix = measured()

    for name, ours in (("JaccardIndex", matrix.iou()), ("F1Score", matrix.dice())):
        score = getattr(classification, f"Multiclass{name}")(
            CLASSES, average="none", ignore_index=VOID
        )
        # torchmetrics divides in float32.
        np.testing.assert_allclose(ours, score(predicted, labels).numpy(), rtol=1e-6)
    counts = classification.MulticlassConfusionMatrix(CLASSES, ignore_index=VOID)
    np.testing.assert_array_equal(matrix.counts, counts(predicted, labels).numpy())


def test_torchmetrics_has_the_same_calibration_error():
    classification = pytest.importorskip("torchmetrics.classification")
    torch = pytest.importorskip("torch")
    probabilities = np.random.default_rng(0).dirichlet([0.3] * CLASSES, (40, 50))
    labels = drawn()[1][0]
    calibration = Calibration(bins=15)
    calibration.update(probabilities.argmax(-1), probabilities.max(-1), labels)

    kept = labels != VOID
    theirs = classification.MulticlassCalibrationError(CLASSES, n_bins=15)(
        torch.tensor(probabilities[kept]), torch.tensor(labels[kept].astype(np.int64))
    )
    # A pixel whose probability rounds across the border of a bin may be counted in the next one.
    assert calibration.error() == pytest.approx(float(theirs), abs=1e-5)


def test_cityscapes_own_script_has_the_same_iou():
    script = pytest.importorskip("cityscapesscripts.evaluation.evalPixelLevelSemanticLabeling")
    labels_of = pytest.importorskip("cityscapesscripts.helpers.labels")
    ids = np.array([label.id for label in labels_of.labels if not label.ignoreInEval])[:CLASSES]
    matrix = np.zeros((max(labels_of.id2label) + 1,) * 2, np.ulonglong)
    matrix[np.ix_(ids, ids)] = measured().counts

    script.args.evalLabels = list(ids)
    iou = [script.getIouScoreForLabel(index, matrix, script.args) for index in ids]
    np.testing.assert_allclose(measured().iou(), iou, rtol=0, atol=EXACT)


def test_boundary_iou_of_one_class_is_that_of_erosions_with_opencv():
    random = np.random.default_rng(0)
    masks = [cv2.blur(random.random((60, 80)), (9, 9)) > 0.5 for _ in range(2)]
    boundary = BoundaryIoU(2)
    boundary.update(*(mask.astype(np.uint8) for mask in masks))

    bands = []
    for mask in masks:
        padded = cv2.copyMakeBorder(mask.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
        # 2 % of the diagonal of 100 pixels: two erosions with 3 x 3.
        bands.append(
            mask & ~cv2.erode(padded, np.ones((3, 3)), iterations=2)[1:-1, 1:-1].astype(bool)
        )
    assert boundary.iou()[1] == (bands[0] & bands[1]).sum() / (bands[0] | bands[1]).sum()
