"""The experiments: which settings are held against which."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from experiments.tasks import Settings


@dataclass(frozen=True)
class Experiment:
    """Settings of one task that differ in one thing."""

    question: str
    source: str
    """Where a paper asks it."""
    task: str
    """Key into `experiments.tasks.TASKS`."""
    settings: Mapping[str, Settings]
    """By name; the first is what the others are compared with."""
    chart: Literal["course", "trimap", "differences"]
    """Scores over training, along outlines, or against the first setting."""


_PLAIN: Settings = {}
_SPLIT: Settings = {"order": "pointwise_first"}

EXPERIMENTS: Mapping[str, Experiment] = {
    "activation": Experiment(
        question="What should stand between the depthwise and the pointwise convolution?",
        source="Xception, figure 10",
        task="classification",
        chart="course",
        settings={
            "nothing": _PLAIN,
            "ReLU": {"activation": "relu"},
            "ELU": {"activation": "elu"},
        },
    ),
    "residual": Experiment(
        question="Are residual connections needed?",
        source="Xception, figure 9",
        task="classification",
        chart="course",
        settings={"with": _PLAIN, "without": {"residual": False}},
    ),
    "segments": Experiment(
        question="How many segments of channels should the 3x3 convolutions keep apart?",
        source="Xception, section 1.1 and figures 2 to 4",
        task="classification",
        chart="course",
        # Widths that make the networks' weights as many as those of the extreme form, within 11 %.
        settings={
            "as many as channels": _SPLIT,
            "9": {**_SPLIT, "segments": 9, "width": 36},
            "3": {**_SPLIT, "segments": 3, "width": 27},
            "1": {**_SPLIT, "segments": 1, "width": 18},
        },
    ),
    "low-level": Experiment(
        question="To how many channels should the decoder cut the low-level features?",
        source="DeepLab V3+, table 1",
        task="segmentation",
        chart="differences",
        settings={
            "6": _PLAIN,
            **{str(width): {"reduced_channels": width} for width in (1, 2, 4, 8)},
        },
    ),
    "decoder": Experiment(
        question="Which convolutions should the decoder have?",
        source="DeepLab V3+, table 2",
        task="segmentation",
        chart="differences",
        settings={
            "two 3x3, 32": _PLAIN,
            "one 3x3, 32": {"decoder_convs": 1},
            "three 3x3, 32": {"decoder_convs": 3},
            "two 3x3, 16": {"decoder_channels": 16},
            "two 1x1, 32": {"decoder_kernel_size": 1},
            "strides 8 and 4": {"decoder_strides": (8, 4)},
        },
    ),
    "aspp": Experiment(
        question="What does ASPP bring?",
        source="DeepLab V3, section 3.3; DeepLab V3+, section 3.1",
        task="segmentation",
        chart="differences",
        settings={
            "ASPP": _PLAIN,
            "no atrous branches": {"atrous_rates": ()},
            "no image pooling": {"image_pooling": False},
            "neither": {"atrous_rates": (), "image_pooling": False},
        },
    ),
    "trimap": Experiment(
        question="How much of the decoder's gain is along the outlines?",
        source="DeepLab V3+, figure 5",
        task="segmentation",
        chart="trimap",
        settings={"decoder": _PLAIN, "bilinear": {"decoder": "deeplabv3"}},
    ),
}
