"""The two things that networks are asked to learn, and how they are measured."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import torch.nn.functional as F
from torch import Tensor, nn

from atrous.data.loader import Batch
from atrous.encoders import ENCODERS
from atrous.engine.config import LossConfig, TrainConfig
from atrous.engine.loss import LossAtStep, build_loss
from atrous.metrics.boundary import TrimapCurve
from atrous.metrics.confusion import ConfusionMatrix
from atrous.models.build import build_model
from atrous.models.config import model_config_from
from experiments.drawings import PICTURE_CLASSES, SCENE_CLASSES, draw_picture, draw_scene
from experiments.network import SmallXceptionClassifier, SmallXceptionEncoder
from experiments.training import NO_ANSWER, Draw, answers, predict

Settings: TypeAlias = Mapping[str, object]
"""Arguments that differ from a task's own."""
Scores: TypeAlias = dict[str, float | list[float]]
"""What was measured, by name; fractions."""

TRIMAP_WIDTHS = (1, 2, 3, 5, 8, 12)
"""Half widths of the bands around outlines, in pixels of a scene with sides of 96."""


@dataclass(frozen=True)
class Task:
    """Pictures, a network, and a score."""

    draw: Draw
    build: Callable[[Settings], nn.Module]
    loss: LossAtStep
    measure: Callable[[nn.Module, list[Batch]], Scores]
    score: str
    """The score that settings are compared by."""
    train: TrainConfig
    test_pictures: int
    side: int
    """Of a picture, in pixels."""


def build_classifier(settings: Settings) -> nn.Module:
    """The small Xception, as classifier of drawn pictures."""
    return SmallXceptionClassifier(num_classes=PICTURE_CLASSES, **settings)  # type: ignore[arg-type]


def build_segmenter(settings: Settings) -> nn.Module:
    """DeepLab V3+ on the small encoder, an eighth as wide as in the paper.

    The scenes' deepest map is 6 x 6, where the paper's is 33 x 33: rates are as large a share.
    """
    own = {"encoder": "small", "num_classes": SCENE_CLASSES, "atrous_rates": (1, 2, 3)}
    widths = {"decoder_channels": 32, "aspp_channels": 32, "reduced_channels": 6}
    config = model_config_from({**own, **widths, **settings})
    return build_model(config, encoders={**ENCODERS, "small": SmallXceptionEncoder})


def classification_loss(logits: Tensor, labels: Tensor, step: int) -> Tensor:  # noqa: ARG001
    """Mean cross entropy over the pictures."""
    return F.cross_entropy(logits, labels)


def measure_classes(network: nn.Module, batches: list[Batch]) -> Scores:
    """Share of the pictures whose class is found."""
    right = predict(network, batches) == answers(batches)
    return {"accuracy": float(right.mean())}


def measure_pixels(network: nn.Module, batches: list[Batch]) -> Scores:
    """Mean IoU, over everything and in bands around the outlines, and the IoU of each class."""
    predicted, labels = predict(network, batches), answers(batches)
    matrix = ConfusionMatrix(SCENE_CLASSES, ignore_index=NO_ANSWER)
    matrix.update(predicted, labels)
    trimap = TrimapCurve(
        SCENE_CLASSES, ignore_index=NO_ANSWER, widths=TRIMAP_WIDTHS, around="classes"
    )
    for ours, theirs in zip(predicted, labels, strict=True):
        trimap.update(ours, theirs)
    return {
        "mean_iou": matrix.mean_iou(),
        "iou": matrix.iou().tolist(),
        "trimap": trimap.curve(),
    }


_adamw = partial(TrainConfig, optimizer="adamw", schedule="poly", clip_norm=5.0)

TASKS: Mapping[str, Task] = {
    "classification": Task(
        draw=draw_picture,
        build=build_classifier,
        loss=classification_loss,
        measure=measure_classes,
        score="accuracy",
        train=_adamw(steps=250, batch_size=32, learning_rate=1e-2, weight_decay=1e-2),
        test_pictures=1024,
        side=32,
    ),
    "segmentation": Task(
        draw=draw_scene,
        build=build_segmenter,
        loss=build_loss(LossConfig(), num_classes=SCENE_CLASSES, ignore_index=NO_ANSWER),
        measure=measure_pixels,
        score="mean_iou",
        train=_adamw(steps=200, batch_size=4, learning_rate=2e-2, weight_decay=1e-2),
        test_pictures=48,
        side=96,
    ),
}
