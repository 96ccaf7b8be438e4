"""From a video to the segmentation of each frame."""

import copy
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import floor
from pathlib import Path
from typing import Any

from atrous.bands import RGB8
from atrous.errors import ConfigError, InputError
from atrous.runtime.detail import PLAIN, Detail
from atrous.runtime.predictor import Predictor
from atrous.runtime.result import Segmentation
from atrous.runtime.temporal import TemporalEngine
from atrous.runtime.video_read import Frame, VideoReader


@dataclass(frozen=True)
class FrameChoice:
    """Which frames of a video are segmented, and how they are held together.

    Args:
        every: The first of every so many frames.
        fps: At most so many frames a second; None for all. Times stay as they are.
        temporal: Over about how many frames the logits are averaged; 1 for none. See
            `atrous.runtime.temporal.TemporalEngine`.

    Raises:
        ConfigError: If a number is out of its range, or both ``every`` and ``fps`` are given.
    """

    every: int = 1
    fps: float | None = None
    temporal: float = 1.0

    def __post_init__(self) -> None:
        if self.every < 1 or not 1 <= self.temporal <= 1000:
            raise ConfigError("--every is 1 or more, and --temporal from 1 to 1000")
        if self.fps is not None and not 0 < self.fps <= 1000:
            raise ConfigError(f"--fps is above 0 and up to 1000, not {self.fps:g}")
        if self.fps is not None and self.every > 1:
            raise ConfigError("give --every or --fps, not both")

    def among(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """The frames that are chosen."""
        due: int | None = None
        for index, frame in enumerate(frames):
            if self.fps is None:
                if index % self.every == 0:
                    yield frame
                continue
            slot = floor(frame.time * Fraction(self.fps))
            if due is None or slot >= due:
                due = slot + 1
                yield frame


@dataclass(frozen=True)
class VideoFrame:
    """A frame's segmentation and when it is shown."""

    time: Fraction
    """Seconds on the video's own clock."""
    segmentation: Segmentation


def predict_video(
    predictor: Predictor, path: str | Path, choice: FrameChoice | None = None
) -> Iterator[VideoFrame]:
    """Segment a video frame by frame; memory does not grow with its length.

    Args:
        predictor: The model.
        path: A video file.
        choice: Which frames, and how they are held together; None for all, each by itself.

    Raises:
        InputError: If it is not a video, or if a part of it is damaged: after the last frame that
            can be read.
        DependencyError: If PyAV is not installed.
    """
    with VideoReader(Path(path), max_pixels=predictor.max_pixels) as reader:
        yield from segment_frames(predictor, reader, choice or FrameChoice())
        if reader.damage:
            raise InputError(reader.damage)


def segment_frames(
    predictor: Predictor,
    reader: VideoReader,
    choice: FrameChoice,
    on_sound: Callable[[Any], None] | None = None,
    *,
    detail: Detail = PLAIN,
) -> Iterator[VideoFrame]:
    """As `predict_video`, of a video that is open; its damage is in the reader.

    Args:
        predictor: The model.
        reader: The video.
        choice: Which frames, and how they are held together.
        on_sound: Given the packets of audio as they come along.
        detail: What the results hold besides the masks.
    """
    if predictor.card.preprocessing.kind != RGB8:
        raise InputError(
            f"videos hold 8-bit RGB, and {predictor.card.name!r} reads "
            f"{predictor.card.preprocessing.kind.channels} channels of "
            f"{predictor.card.preprocessing.bits} bits"
        )
    temporal = None
    if choice.temporal > 1:
        temporal = TemporalEngine(predictor.engine, choice.temporal)
        predictor = copy.copy(predictor)
        predictor.engine = temporal
    for frame in choice.among(reader.frames(on_sound)):
        if temporal:
            temporal.begin_frame(frame.pixels)
        yield VideoFrame(frame.time, predictor.predict(frame.pixels, detail=detail))
