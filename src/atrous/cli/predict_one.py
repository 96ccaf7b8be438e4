"""One source of ``atrous predict``, from its file to its outputs."""

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from atrous.cli.predict_outcome import Result
from atrous.cli.predict_video import VIDEO_ENDINGS, VideoOutputs
from atrous.errors import AtrousError, ConfigError, InputError, ResourceError
from atrous.imaging import write_image
from atrous.runtime.predictor import Predictor
from atrous.runtime.result import Segmentation
from atrous.runtime.sources import FoundPicture
from atrous.runtime.video import FrameChoice, segment_frames
from atrous.runtime.video_read import VideoReader

ENDINGS = {"mask": ".mask.png", "color": ".color.png", "overlay": ".overlay.jpg"}
"""Ending of each kind of output."""

Watch: TypeAlias = Callable[[Iterable[Any], int, str], Iterable[Any]]
"""Passes frames on and shows how far it is, given their number and a word for them."""


@dataclass(frozen=True)
class Wanted:
    """What is written of a source."""

    kinds: tuple[str, ...]
    """Of `ENDINGS`."""
    overwrite: bool = False
    """Whether files that are there are replaced."""
    choice: FrameChoice = field(default_factory=FrameChoice)
    """Frames of videos."""


def files_for(picture: FoundPicture, out: Path, kinds: tuple[str, ...]) -> dict[str, Path]:
    """Where each kind of output goes; of a video those kinds that can be videos."""
    place = out / picture.name
    endings = VIDEO_ENDINGS if picture.is_video else ENDINGS
    return {kind: place.with_name(place.name + endings[kind]) for kind in kinds if kind in endings}


def segment(
    predictor: Predictor,
    picture: FoundPicture,
    files: Mapping[str, Path],
    wanted: Wanted,
    watch: Watch | None = None,
) -> Result:
    """Segment a picture or video and write its outputs; failures are in the result.

    Of a damaged video what could be read is written, and the result holds both.
    """
    try:
        there = [path for path in files.values() if os.path.exists(path)]
        if there and not wanted.overwrite:
            raise ResourceError(f"{there[0]} is there already; --overwrite replaces it")
        if picture.is_video:
            return _segment_video(predictor, picture, files, wanted, watch)
        result = predictor.predict(picture.path)
        write_outputs(result, files, overwrite=wanted.overwrite)
    except AtrousError as error:
        return Result(picture.path, error=error)
    height, width = result.mask.shape
    return Result(
        picture.path,
        {
            "height": height,
            "width": width,
            "shares": result.shares,
            "files": {kind: str(path) for kind, path in files.items()},
            "notes": list(result.notes),
            "seconds": round(result.seconds, 4),
        },
    )


def write_outputs(
    result: Segmentation, files: Mapping[str, Path], *, overwrite: bool = False
) -> None:
    """Write each kind of output of a picture to its file.

    Raises:
        ResourceError: If a file is there and ``overwrite`` is false, or cannot be written.
    """
    for kind, path in files.items():
        if kind == "mask":
            result.save(path, overwrite=overwrite)
        else:
            seen = result.color() if kind == "color" else result.overlay()
            write_image(path, np.asarray(seen), overwrite=overwrite)


def _segment_video(
    predictor: Predictor,
    picture: FoundPicture,
    files: Mapping[str, Path],
    wanted: Wanted,
    watch: Watch | None,
) -> Result:
    if not files:
        raise ConfigError(
            f"{picture.path}: is a video, of which {', '.join(VIDEO_ENDINGS)} can be written; "
            "add one of them to --as"
        )
    with VideoReader(picture.path, max_pixels=predictor.max_pixels) as reader:
        with ExitStack() as stack:
            video = VideoOutputs(reader, files, stack, overwrite=wanted.overwrite)
            frames = segment_frames(predictor, reader, wanted.choice, video.hear)
            total = reader.expected_frames // wanted.choice.every
            for frame in watch(frames, total, picture.path.name) if watch else frames:
                video.write(frame)
        left_out = [kind for kind in wanted.kinds if kind not in files]
        if left_out:
            video.notes.append(f"is a video, which is not written as {', '.join(left_out)}")
        damage = f"{reader.damage}; what could be read of it is segmented"
        return Result(picture.path, video.row(), InputError(damage) if reader.damage else None)
