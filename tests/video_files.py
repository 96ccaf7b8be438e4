"""Made-up videos: a bar of the known network's colours, and damage to them."""

import io
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

TICK = Fraction(1, 1000)
RATE = 16_000
_UPRIGHT = (0x10000).to_bytes(4, "big")
_LEFT = (-0x10000 & 0xFFFFFFFF).to_bytes(4, "big")
_NONE = bytes(4)


def frame_pixels(index: int, size: tuple[int, int] = (48, 64)) -> np.ndarray:
    """A frame: red left of a border that moves right, and blue; (H, W, 3)."""
    pixels = np.full((*size, 3), 20, np.uint8)
    border = 16 + 2 * index
    pixels[:, :border, 0] = 220
    pixels[:, border:, 2] = 220
    return pixels


def write_video(
    path: Path,
    times: Sequence[int] = tuple(range(0, 1000, 100)),
    *,
    size: tuple[int, int] = (48, 64),
    sound: str | None = None,
    frames: Sequence[np.ndarray] | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """A video whose frames are shown at ``times`` in milliseconds, each coded by itself."""
    index_first = {"movflags": "faststart"} if path.suffix == ".mp4" else {}
    with av.open(str(path), "w", options=options or index_first) as container:
        coding = {"crf": "4", "g": "1", "bf": "0"}
        stream = container.add_stream("libx264", rate=10, options=coding)
        stream.height, stream.width = size
        stream.pix_fmt, stream.codec_context.time_base = "yuv420p", TICK
        heard = container.add_stream(sound, rate=RATE, layout="mono") if sound else None
        for index, time in enumerate(times):
            pixels = frame_pixels(index, size) if frames is None else frames[index]
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = time, TICK
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if heard:
            for packet in _tone(heard, times[-1] / 1000):
                container.mux(packet)
    return path


def _tone(stream: av.AudioStream, seconds: float):
    for start in range(0, int(seconds * RATE), 1024):
        wave = np.sin(np.arange(start, start + 1024) / 6)[None] * 0.1
        wide = stream.codec_context.format.name
        values = wave.astype(np.float32) if wide.startswith("flt") else (wave * 3e4).astype("<i2")
        frame = av.AudioFrame.from_ndarray(values, format=wide, layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, start, Fraction(1, RATE)
        yield from stream.encode(frame)
    yield from stream.encode(None)


def turn(path: Path) -> Path:
    """Say in an MP4 file that it is to be shown turned by 90 degrees with the clock."""
    content = path.read_bytes()
    upright = _UPRIGHT + _NONE * 3 + _UPRIGHT
    turned = _NONE + _UPRIGHT + _NONE + _LEFT + _NONE
    at = content.index(upright, content.index(b"tkhd"))
    path.write_bytes(content[:at] + turned + content[at + len(turned) :])
    return path


def read_frames(path: Path, pixel_format: str) -> list[tuple[Fraction, np.ndarray]]:
    """Times in seconds and values of all frames, by PyAV alone."""
    with av.open(str(path)) as container:
        return [
            (frame.pts * frame.time_base, frame.to_ndarray(format=pixel_format))
            for frame in container.decode(video=0)
        ]


def sound_of(path: Path) -> list[bytes]:
    """Coded audio, packet by packet."""
    with av.open(io.BytesIO(path.read_bytes())) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]
