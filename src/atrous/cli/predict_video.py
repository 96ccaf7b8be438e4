"""The files that ``atrous predict`` writes of a video."""

from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from atrous.imaging import LabelMap, Pixels
from atrous.runtime.result import Segmentation
from atrous.runtime.video import VideoFrame
from atrous.runtime.video_read import VideoReader
from atrous.runtime.video_write import LABELS, SEEN, WIDE_LABELS, Coding, VideoWriter, video_writer

VIDEO_ENDINGS = {"mask": ".mask.mkv", "color": ".color.mp4", "overlay": ".overlay.mp4"}
"""Ending of each kind of output of a video; masks are kept without loss."""
_EARLY_PACKETS = 10_000
"""Packets of audio that are kept until the first frame comes."""


class VideoOutputs:
    """The outputs of a video, opened with its first frame, and sums over its frames.

    Args:
        reader: The video.
        files: Where each kind of `VIDEO_ENDINGS` goes.
        stack: What the files are closed with, or taken away with if it is left by an error.
        overwrite: Whether files that are there are replaced.
    """

    def __init__(
        self, reader: VideoReader, files: Mapping[str, Path], stack: ExitStack, *, overwrite: bool
    ) -> None:
        self.notes: list[str] = []
        self._reader = reader
        self._files = files
        self._stack = stack
        self._overwrite = overwrite
        self._writers: dict[str, VideoWriter] = {}
        self._early: list[Any] = []
        self._shares: Counter[str] = Counter()
        self._seconds = 0.0
        self._frames = 0
        self._size = (0, 0)

    def hear(self, packet: Any) -> None:
        """Take a packet of audio; an overlay keeps it as it is."""
        overlay = self._writers.get("overlay")
        if overlay:
            overlay.write_sound(packet)
        elif "overlay" in self._files and len(self._early) < _EARLY_PACKETS:
            self._early.append(packet)

    def write(self, frame: VideoFrame) -> None:
        """Add a frame to every file.

        Raises:
            ResourceError: If one cannot be written.
        """
        segmentation = frame.segmentation
        if not self._writers:
            self._open(segmentation.mask)
        for kind, writer in self._writers.items():
            writer.write(_values(segmentation, kind), frame.time)
        self._frames += 1
        self._seconds += segmentation.seconds
        self._shares.update(segmentation.shares)

    def row(self) -> dict[str, Any]:
        """What there is to say of the video."""
        height, width = self._size
        return {
            "height": height,
            "width": width,
            "frames": self._frames,
            "shares": {name: share / self._frames for name, share in self._shares.items()},
            "files": {kind: str(path) for kind, path in self._files.items()},
            "notes": self.notes,
            "seconds": round(self._seconds, 4),
        }

    def _open(self, mask: LabelMap) -> None:
        self._size = height, width = mask.shape[0], mask.shape[1]
        for kind, path in self._files.items():
            writer = video_writer(
                path,
                _coding(kind, mask),
                (height, width),
                rate=self._reader.rate,
                time_base=self._reader.time_base,
                overwrite=self._overwrite,
            )
            self._writers[kind] = self._stack.enter_context(writer)
        if "overlay" in self._writers:
            refused = self._writers["overlay"].copy_sound(self._reader.sound)
            if refused:
                self.notes.append(f"MP4 cannot hold its audio ({', '.join(refused)}): left out")
        if (height % 2 or width % 2) and self._writers.keys() - {"mask"}:
            self.notes.append("odd sides: overlays have a row or column more, masks do not")
        for packet in self._early:
            self.hear(packet)
        self._early.clear()


def _coding(kind: str, mask: LabelMap) -> Coding:
    if kind != "mask":
        return SEEN
    return LABELS if mask.dtype == np.uint8 else WIDE_LABELS


def _values(segmentation: Segmentation, kind: str) -> Pixels | LabelMap:
    if kind == "mask":
        return segmentation.mask
    # The entries of a legend would change places from frame to frame.
    seen = segmentation.color() if kind == "color" else segmentation.overlay(legend=False)
    return np.asarray(seen)
