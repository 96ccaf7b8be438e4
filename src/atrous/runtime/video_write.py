"""Video files from frames, with PyAV."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import IO, Any

import numpy as np

from atrous.errors import ResourceError
from atrous.imaging import LabelMap, Pixels, whole_file
from atrous.runtime.video_read import import_av

_BT709 = 1
"""FFmpeg's number of the colours of HD video."""


@dataclass(frozen=True)
class Coding:
    """How frames are stored."""

    container: str
    codec: str
    pixel_format: str
    options: tuple[tuple[str, str], ...] = ()


SEEN = Coding("mp4", "libx264", "yuv420p", (("crf", "20"), ("preset", "veryfast")))
"""For looking at: plays everywhere."""
LABELS = Coding("matroska", "ffv1", "gray", (("level", "3"), ("slicecrc", "1")))
"""For class indices: without loss, with a checksum in each frame."""
WIDE_LABELS = Coding("matroska", "ffv1", "gray16le", LABELS.options)
"""For more than 256 classes."""


class VideoWriter:
    """Writes frames of one size, see `video_writer`."""

    def __init__(self, container: Any, disk: "_Disk", stream: Any, time_base: Fraction) -> None:
        self._container = container
        self._disk = disk
        self._stream = stream
        self._time_base = time_base
        self._sound: dict[int, Any] = {}
        self._last: int | None = None

    def copy_sound(self, streams: Sequence[Any]) -> list[str]:
        """Take over streams of audio as they are; gives the codecs that the format cannot hold."""
        refused = []
        for stream in streams:
            name = stream.codec_context.codec.canonical_name if stream.codec_context else "unknown"
            if name in self._container.supported_codecs:
                self._sound[stream.index] = self._container.add_stream_from_template(stream)
            else:
                refused.append(name)
        return refused

    def write(self, values: Pixels | LabelMap, time: Fraction) -> None:
        """Add a frame at a time in seconds: (H, W, 3) RGB, or (H, W) class indices.

        Raises:
            OSError: If the disk does not take it.
        """
        av = import_av(Path("a video"))
        if values.ndim == 3:
            even = np.pad(values, [(0, side % 2) for side in values.shape[:2]] + [(0, 0)], "edge")
            image = av.VideoFrame.from_ndarray(even, format="rgb24")
            image = image.reformat(format=self._stream.pix_fmt, dst_colorspace=_BT709)
        else:
            image = av.VideoFrame.from_ndarray(values, format=self._stream.pix_fmt)
        ticks = round(time / self._time_base)
        self._last = ticks if self._last is None else max(ticks, self._last + 1)
        image.pts, image.time_base = self._last, self._time_base
        self._put(self._stream.encode(image))

    def write_sound(self, packet: Any) -> None:
        """Add a packet of one of the streams given to `copy_sound`."""
        target = self._sound.get(packet.stream.index)
        if target is not None and packet.dts is not None:
            packet.stream = target
            self._put(packet)

    def finish(self) -> None:
        """Write what is still held back."""
        self._put(self._stream.encode(None))

    def _put(self, packets: Any) -> None:
        self._container.mux(packets)
        self._disk.check()


@contextlib.contextmanager
def video_writer(
    path: Path,
    coding: Coding,
    size: tuple[int, int],
    *,
    rate: Fraction,
    time_base: Fraction,
    overwrite: bool = False,
) -> Iterator[VideoWriter]:
    """A video that is at its place once the ``with`` block is left well, or is gone.

    Args:
        path: The file to be.
        coding: How frames are stored. With two by two pixels for each colour, as everything that
            plays everywhere has, odd sides get a row or column more.
        size: Height and width of the frames.
        rate: About how many frames a second there are.
        time_base: The tick to which times are rounded; Matroska's own is a thousandth.
        overwrite: Whether a file that is there may be replaced.

    Raises:
        ResourceError: If the file is there and ``overwrite`` is false, or cannot be written.
    """
    av = import_av(path)
    with whole_file(path, overwrite=overwrite) as file:
        disk = _Disk(file)
        try:
            with av.open(disk, "w", format=coding.container) as container:
                stream = container.add_stream(coding.codec, rate=rate, options=dict(coding.options))
                _describe(stream, coding, size, time_base)
                writer = VideoWriter(container, disk, stream, time_base)
                yield writer
                writer.finish()
        except av.error.FFmpegError as error:
            disk.check()
            raise ResourceError(f"{path}: the video cannot be written ({error})") from None
        disk.check()


def _describe(stream: Any, coding: Coding, size: tuple[int, int], time_base: Fraction) -> None:
    height, width = size
    context = stream.codec_context
    context.pix_fmt, context.time_base = coding.pixel_format, time_base
    if coding.pixel_format.startswith("gray"):
        context.height, context.width = height, width
        return
    context.height, context.width = height + height % 2, width + width % 2
    context.colorspace = context.color_primaries = context.color_trc = _BT709
    context.color_range = 1


class _Disk:
    """A file whose errors are kept until they are asked for, since C code lies in between."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._error: OSError | None = None

    def write(self, data: bytes) -> int:
        try:
            if self._error is None:
                self._file.write(data)
        except OSError as error:
            self._error = error
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        try:
            return self._file.seek(offset, whence)
        except OSError as error:
            self._error = self._error or error
            return offset

    def tell(self) -> int:
        return self._file.tell()

    def check(self) -> None:
        """Raise the first error.

        Raises:
            OSError: If there was one.
        """
        if self._error is not None:
            raise self._error
