"""The gate: how a file compares with the model it came from, and whether that will do."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atrous.errors import AtrousError, ExportError
from atrous.export.graph import Run


@dataclass(frozen=True)
class Agreement:
    """How an exported file compares with the model it came from, over all pictures tried."""

    equal_labels: float
    """Share of pixels whose class the original model gives too: at the decoder's stride, or at the
    picture's size where the file gives labels."""
    logits_difference: float = 0.0
    """Largest difference against torch with the weights that the file holds; 0 where the file gives
    labels only."""
    logits_spread: float = 0.0
    """Standard deviation of torch's logits, the largest over the pictures."""
    mean_iou: float | None = None
    """Of the file, on the data that it was measured on."""
    mean_iou_before: float | None = None
    """Of the model, on the same data."""
    float_layers: tuple[str, ...] = ()
    """Of a file of 8 bits, the layers that were left in 32."""

    @property
    def drop(self) -> float | None:
        """What the mean IoU lost, in points of 100."""
        if self.mean_iou is None or self.mean_iou_before is None:
            return None
        return 100 * (self.mean_iou_before - self.mean_iou)


@dataclass(frozen=True)
class Limits:
    """What a file may differ by."""

    logits: float
    """Largest difference of logits, in their standard deviations."""
    equal_labels: float
    """Least share of equal labels."""
    drop: float = 0.5
    """Largest loss of mean IoU, in points of 100, where it is measured."""


# Rounding in 32 bits stays a hundred times below a thousandth, and moves a label only where two
# classes tie.
EXACT = Limits(logits=1e-3, equal_labels=0.999)
HALF = Limits(logits=0.1, equal_labels=0.98)
INT8 = Limits(logits=float("inf"), equal_labels=0.95)


def compare(
    exported: Run,
    original: Run,
    inputs: Sequence[NDArray[Any]],
    *,
    same_weights: Run | None = None,
) -> Agreement:
    """Run a file and its model on the same inputs.

    Args:
        exported: Runs the file.
        original: Runs the model.
        inputs: What both take, see `atrous.export.graph.Graph`.
        same_weights: Runs a model with the weights that the file holds, for the logits, where these
            were rounded; None for the original.

    Raises:
        ExportError: If the file does not run, or gives another shape or other than numbers.
    """
    difference, spread, equal, pixels = 0.0, 0.0, 0, 0
    for images in inputs:
        found, before = _run(exported, images), original(images)
        if found.shape != before.shape:
            raise ExportError(
                f"the exported file gives {found.shape} for {images.shape}, torch {before.shape}"
            )
        if before.ndim == 4:
            expected = same_weights(images) if same_weights else before
            # A value that is not a number makes the difference one, which is within no limit.
            difference = float(np.maximum(difference, np.abs(found - expected).max()))
            spread = max(spread, float(expected.std()))
            found, before = found.argmax(axis=1), before.argmax(axis=1)
        equal, pixels = equal + int((found == before).sum()), pixels + before.size
    return Agreement(equal / pixels, difference, spread)


def _run(exported: Run, images: NDArray[Any]) -> NDArray[Any]:
    try:
        return np.asarray(exported(images))
    except (AtrousError, MemoryError, KeyboardInterrupt):
        raise
    # Each runtime raises types of its own; each means the same to the user.
    except Exception as error:
        raise ExportError(
            f"the exported file does not run on an input of {images.shape}: "
            f"{str(error).strip().splitlines()[0][:300] if str(error).strip() else error!r}"
        ) from None


def why_refused(agreement: Agreement, limits: Limits) -> str | None:
    """What speaks against a file; None if nothing does."""
    spread = max(agreement.logits_spread, 1e-3)
    if not agreement.logits_difference <= limits.logits * spread:
        return (
            f"logits of the exported file differ from torch's by up to "
            f"{agreement.logits_difference:.2g}, more than {limits.logits:g} of their standard "
            f"deviation {agreement.logits_spread:.2g}"
        )
    if agreement.equal_labels < limits.equal_labels:
        return (
            f"{agreement.equal_labels:.2%} of the exported file's labels are the model's, less "
            f"than {limits.equal_labels:.2%}"
        )
    if agreement.drop is not None and not agreement.drop <= limits.drop:
        return (
            f"the exported file loses {agreement.drop:.2f} points of mean IoU, more than "
            f"{limits.drop:g}"
        )
    return None
