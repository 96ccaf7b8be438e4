"""One source of ``atrous predict``, from its file to its outputs."""

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

from atrous.cli.predict_outcome import Result
from atrous.cli.predict_outputs import Wanted
from atrous.cli.predict_video import VIDEO_ENDINGS, VideoOutputs
from atrous.errors import AtrousError, ConfigError, InputError, ResourceError
from atrous.imaging import Picture
from atrous.runtime.outputs.writer import OutputWriter
from atrous.runtime.predictor import Predictor
from atrous.runtime.result import Segmentation
from atrous.runtime.sources import FoundPicture
from atrous.runtime.video import segment_frames
from atrous.runtime.video_read import VideoReader

Watch: TypeAlias = Callable[[Iterable[Any], int, str], Iterable[Any]]
"""Passes frames on and shows how far it is, given their number and a word for them."""


@dataclass(frozen=True)
class Task:
    """A source, and where its outputs go."""

    picture: FoundPicture
    files: dict[str, Path]
    """By kind."""
    finished: bool = False
    """Whether an earlier run has made them."""
    left: bool = False
    """Whether an earlier run was ended while it made them; what is there of them is its own."""

    @property
    def skipped(self) -> Result:
        """What became of it if it is finished."""
        return Result(self.picture.path, skipped=True)

    def failed(self, error: AtrousError) -> Result:
        """What became of it if nothing could be written."""
        return Result(self.picture.path, error=error)


def files_for(picture: FoundPicture, writer: OutputWriter) -> dict[str, Path]:
    """Where each kind of output goes; of a video those kinds that can be videos."""
    if not picture.is_video:
        return writer.files_for(picture.name.as_posix(), picture.path)
    place = writer.job.out / picture.name
    kinds = [kind for kind in writer.job.kinds if kind in VIDEO_ENDINGS]
    return {kind: place.with_name(place.name + VIDEO_ENDINGS[kind]) for kind in kinds}


@dataclass(frozen=True)
class OneByOne:
    """Reads, segments and writes; each step for itself, or all of them when it is called."""

    predictor: Predictor
    wanted: Wanted
    writer: OutputWriter
    watch: Watch | None = None
    """Shows how far a video is."""

    def __call__(self, task: Task) -> Result:
        """All steps, with failures in the result."""
        try:
            return self.finish(task, self.work(task, self.read(task)))
        except AtrousError as error:
            return task.failed(error)

    def read(self, task: Task) -> Picture | None:
        """The picture; None of what is finished, and of a video, which is read as it is segmented.

        Raises:
            InputError: If it cannot be used.
            ResourceError: If an output is there and must not be replaced.
        """
        if task.finished:
            return None
        there = [path for path in task.files.values() if os.path.exists(path)]
        if task.left:
            for path in there:
                path.unlink()
        elif there and not self.wanted.overwrite:
            raise ResourceError(f"{there[0]} is there already; --overwrite replaces it")
        return None if task.picture.is_video else self.predictor.read(task.picture.path)

    def work(self, task: Task, picture: Picture | None) -> Segmentation | Result:
        """The network, and for a video everything; of a damaged one what could be read is written.

        Raises:
            AtrousError: As `Predictor.predict`.
        """
        if task.finished:
            return task.skipped
        if picture is None:
            return self._segment_video(task)
        return self.predictor.predict_picture(picture, detail=self.wanted.detail)

    def finish(self, task: Task, made: Segmentation | Result) -> Result:
        """Write a picture's outputs.

        Raises:
            ResourceError: If they cannot be written.
        """
        if isinstance(made, Result):
            return made
        result = self.wanted.filtered(made)
        source = task.picture.path
        item = self.wanted.item(task.picture.name.as_posix(), source, result)
        self.writer.write(item, task.files)
        height, width = result.mask.shape
        return Result(
            source,
            {
                "height": height,
                "width": width,
                "shares": result.shares,
                "files": _as_text({**task.files, **self.writer.run_files()}),
                "notes": list(result.notes),
                "seconds": round(result.seconds, 4),
            },
        )

    def _segment_video(self, task: Task) -> Result:
        path, files, wanted = task.picture.path, task.files, self.wanted
        if not files:
            raise ConfigError(
                f"{path}: is a video, of which {', '.join(VIDEO_ENDINGS)} can be written; "
                "add one of them to --as"
            )
        with VideoReader(path, max_pixels=self.predictor.max_pixels) as reader:
            with ExitStack() as stack:
                video = VideoOutputs(reader, files, stack, overwrite=wanted.overwrite)
                frames = segment_frames(
                    self.predictor, reader, wanted.choice, video.hear, detail=wanted.detail
                )
                total = reader.expected_frames // wanted.choice.every
                for frame in self.watch(frames, total, path.name) if self.watch else frames:
                    segmentation = wanted.filtered(frame.segmentation)
                    video.write(replace(frame, segmentation=segmentation))
            left_out = [kind for kind in wanted.kinds if kind not in files]
            if left_out:
                video.notes.append(f"is a video, which is not written as {', '.join(left_out)}")
            damage = f"{reader.damage}; what could be read of it is segmented"
            return Result(path, video.row(), InputError(damage) if reader.damage else None)


def _as_text(files: Mapping[str, Path]) -> dict[str, str]:
    return {kind: str(path) for kind, path in files.items()}
