"""Frames from video files, with PyAV.

Files are opened here and handed over as streams, and only formats of a short list are tried: text
that names other files or addresses, as playlists do, is never followed.
"""

import contextlib
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import IO, Any, Self

import numpy as np

from atrous.errors import DependencyError, InputError
from atrous.imaging import MAX_PIXELS, Pixels, decoding

_FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg"
_USUAL_RATE = Fraction(25)
_FASTEST_RATE = 1000
_EARLY = 0.5
"""Seconds that a file may end before the time in its header."""


@dataclass(frozen=True)
class Frame:
    """A decoded frame."""

    pixels: Pixels
    """(H, W, 3) RGB, upright."""
    time: Fraction
    """Seconds on the video's own clock."""


class VideoReader:
    """Reads a video frame by frame; memory does not grow with its length.

    Use it in a ``with`` block.

    Args:
        path: The file.
        max_pixels: Largest height times width of a frame.

    Raises:
        InputError: If it is not a video, damaged from its start on, or too large.
        DependencyError: If PyAV is not installed.
    """

    def __init__(self, path: Path, *, max_pixels: int = MAX_PIXELS) -> None:
        self._path = path
        self._av = import_av(path)
        self.damage: str | None = None
        """What was found to be wrong, once frames were read; None if nothing."""
        self._ended = 0.0
        with contextlib.ExitStack() as stack:
            self._file = stack.enter_context(_opened(path))
            self._container = stack.enter_context(self._open_container())
            if not self._container.streams.video:
                raise InputError(f"{path}: holds no video")
            self._stream = self._container.streams.video[0]
            self._check_size(max_pixels)
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def rate(self) -> Fraction:
        """Frames a second, as the header has it; 25 where it has none that can be."""
        rate = self._stream.average_rate or self._stream.guessed_rate
        return Fraction(rate) if rate and 0 < rate <= _FASTEST_RATE else _USUAL_RATE

    @property
    def time_base(self) -> Fraction:
        """The tick of the clock in seconds."""
        return Fraction(self._stream.time_base or 1 / _USUAL_RATE)

    @property
    def sound(self) -> Sequence[Any]:
        """PyAV's streams of audio."""
        return tuple(self._container.streams.audio)

    @property
    def expected_frames(self) -> int:
        """About how many frames there are, from the header; 0 if it does not say."""
        seconds = max((self._container.duration or 0) / 1_000_000, 0.0)
        return int(self._stream.frames or seconds * self.rate)

    def frames(self, on_sound: Callable[[Any], None] | None = None) -> Iterator[Frame]:
        """Every frame that can be decoded.

        What is damaged is passed over; the first damage is told in `damage`.

        Args:
            on_sound: Given the packets of audio as they come along.

        Yields:
            Frames in the order in which they are shown, of rising times and one size.

        Raises:
            InputError: If no frame can be decoded.
        """
        frame: Frame | None = None
        for image in self._images(on_sound):
            with decoding(str(self._path)):
                pixels = _upright(image)
            if frame and pixels.shape != frame.pixels.shape:
                self._note(frame.time, "its frames change their size")
                return
            frame = Frame(pixels, self._time_of(image, frame))
            yield frame
        if frame is None:
            raise InputError(f"{self._path}: no frame of this video could be decoded")
        if self._ends_early():
            self._note(frame.time, "the file is cut off")

    def _images(self, on_sound: Callable[[Any], None] | None) -> Iterator[Any]:
        for packet in self._packets():
            if packet.stream.type == "audio":
                if on_sound:
                    on_sound(packet)
                continue
            yield from self._decoded(packet)
        yield from self._decoded(None)  # what the decoder still holds

    def _packets(self) -> Iterator[Any]:
        packets = self._container.demux(self._stream, *self.sound)
        try:
            for packet in packets:
                if packet.dts is None and not packet.size:  # a mark of the end
                    continue
                start = _seconds(packet.pts, packet.time_base)
                self._ended = max(self._ended, start + _seconds(packet.duration, packet.time_base))
                if packet.is_corrupt:
                    self._note(start)
                yield packet
        except self._av.error.FFmpegError:
            self._note(self._ended)

    def _decoded(self, packet: Any) -> list[Any]:
        try:
            return list(self._stream.codec_context.decode(packet))
        except self._av.error.EOFError:
            return []
        except self._av.error.FFmpegError:
            start = _seconds(packet.pts, packet.time_base) if packet else self._ended
            self._note(start)
            return []

    def _time_of(self, image: Any, before: Frame | None) -> Fraction:
        if image.pts is None:
            return before.time + 1 / self.rate if before else Fraction(0)
        time = image.pts * Fraction(image.time_base or self.time_base)
        return max(time, before.time + self.time_base) if before else time

    def _note(self, seconds: float | Fraction, what: str = "damaged") -> None:
        if self.damage is None:
            self.damage = f"{self._path}: {what} at {clock(seconds)}"

    def _ends_early(self) -> bool:
        if "mp4" in self._container.format.name:
            return _boxes_are_cut(self._file)
        return self._ended < (self._container.duration or 0) / 1_000_000 - _EARLY

    def _open_container(self) -> Any:
        try:
            return self._av.open(self._file, container_options={"format_whitelist": _FORMATS})
        except self._av.error.FFmpegError:
            raise InputError(
                f"{self._path}: not a video that can be read, or damaged at its start"
            ) from None

    def _check_size(self, max_pixels: int) -> None:
        context = self._stream.codec_context
        if context is None:
            raise InputError(f"{self._path}: there is no decoder for this kind of video")
        width, height = context.width, context.height
        if width * height > max_pixels:
            raise InputError(
                f"{self._path}: frames of {width} x {height} are more than the limit of "
                f"{max_pixels / 1e6:.0f} megapixels; raise it with --max-megapixels"
            )


def import_av(path: Path) -> Any:
    """PyAV, which is an extra.

    Raises:
        DependencyError: If it is not installed.
    """
    try:
        import av  # noqa: PLC0415
    except ModuleNotFoundError:
        raise DependencyError(f"{path}: a video needs PyAV; pip install 'atrous[video]'") from None
    return av


def clock(seconds: float | Fraction) -> str:
    """Hours, minutes and seconds, such as 0:01:07.240."""
    whole, thousandths = divmod(max(round(float(seconds) * 1000), 0), 1000)
    minutes, whole = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{whole:02}.{thousandths:03}"


def _opened(path: Path) -> IO[bytes]:
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    if path.stat().st_size == 0:
        raise InputError(f"{path}: the file is empty")
    try:
        return path.open("rb")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None


def _upright(image: Any) -> Pixels:
    pixels = image.to_ndarray(format="rgb24")
    # Degrees against the clock by which the frame is turned for showing.
    return np.ascontiguousarray(np.rot90(pixels, round(image.rotation / 90)))


def _seconds(ticks: int | None, time_base: Fraction | None) -> float:
    return float((ticks or 0) * (time_base or 0))


def _boxes_are_cut(file: IO[bytes]) -> bool:
    """Whether an MP4 file ends before the end of its last box."""
    end = file.seek(0, 2)
    place = 0
    while place + 8 <= end:
        file.seek(place)
        size, _, large = struct.unpack(">I4sQ", file.read(16).ljust(16, b"\0"))
        size = large if size == 1 else size
        if size < 8:  # 0 reaches to the end of the file
            return False
        place += size
    return place > end
