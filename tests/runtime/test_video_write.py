import errno
from fractions import Fraction

import numpy as np
import pytest

from atrous.errors import ResourceError
from atrous.runtime.video_read import VideoReader
from atrous.runtime.video_write import LABELS, SEEN, WIDE_LABELS, video_writer
from video_files import TICK, frame_pixels, read_frames, sound_of, write_video

TIMES = [Fraction(0), Fraction(1, 10), Fraction(3, 4)]


def write(path, coding, frames, times=TIMES, **options):
    size = frames[0].shape[:2]
    writer = video_writer(path, coding, size, rate=Fraction(10), time_base=TICK, **options)
    with writer as video:
        for values, time in zip(frames, times, strict=True):
            video.write(values, time)


@pytest.mark.parametrize(
    ("coding", "dtype", "pixel_format"),
    [(LABELS, np.uint8, "gray"), (WIDE_LABELS, np.uint16, "gray16le")],
)
def test_class_indices_come_back_as_they_were(tmp_path, coding, dtype, pixel_format):
    random = np.random.default_rng(0)
    masks = [random.integers(0, np.iinfo(dtype).max, (49, 63)).astype(dtype) for _ in TIMES]

    write(tmp_path / "m.mkv", coding, masks)

    found = read_frames(tmp_path / "m.mkv", pixel_format)
    assert [time for time, _ in found] == TIMES
    for (_, values), mask in zip(found, masks, strict=True):
        np.testing.assert_array_equal(values, mask)


def test_pictures_keep_colours_and_times(tmp_path):
    color = np.full((48, 64, 3), (200, 60, 30), np.uint8)

    write(tmp_path / "v.mp4", SEEN, [color] * 3)

    found = read_frames(tmp_path / "v.mp4", "rgb24")
    assert [time for time, _ in found] == TIMES
    # 8 bits of brightness and of two colour differences round by up to 2.
    assert np.abs(found[1][1].astype(int) - color).max() <= 2


def test_odd_sides_are_made_even_by_repeating_the_last(tmp_path):
    write(tmp_path / "v.mp4", SEEN, [frame_pixels(0, (47, 63))] * 3)

    assert read_frames(tmp_path / "v.mp4", "rgb24")[0][1].shape == (48, 64, 3)


def test_times_that_do_not_rise_are_moved_on(tmp_path):
    mask = np.zeros((8, 8), np.uint8)

    write(tmp_path / "m.mkv", LABELS, [mask] * 3, [Fraction(1), Fraction(1), Fraction(1, 2)])

    assert len({time for time, _ in read_frames(tmp_path / "m.mkv", "gray")}) == 3


def test_audio_is_taken_over_packet_by_packet(tmp_path):
    source = write_video(tmp_path / "a.mp4", sound="aac")
    with VideoReader(source) as reader:
        writer = video_writer(
            tmp_path / "v.mp4", SEEN, (48, 64), rate=reader.rate, time_base=reader.time_base
        )
        with writer as video:
            refused = video.copy_sound(reader.sound)
            for frame in reader.frames(video.write_sound):
                video.write(frame.pixels, frame.time)

    assert refused == []
    assert sound_of(tmp_path / "v.mp4") == sound_of(source)


def test_audio_that_the_format_cannot_hold_is_named(tmp_path):
    source = write_video(tmp_path / "a.avi", sound="g722")
    with (
        VideoReader(source) as reader,
        video_writer(
            tmp_path / "v.mp4", SEEN, (48, 64), rate=reader.rate, time_base=reader.time_base
        ) as video,
    ):
        assert video.copy_sound(reader.sound) == ["adpcm_g722"]
        video.write(frame_pixels(0), Fraction(0))


def test_a_full_disk_leaves_no_file(tmp_path, monkeypatch):
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    random = np.random.default_rng(0)
    noise = [random.integers(0, 255, (480, 640, 3)).astype(np.uint8) for _ in TIMES]
    monkeypatch.setattr("atrous.runtime.video_write._Disk.put", full)

    with pytest.raises(ResourceError, match=r"v.mp4: the disk is full"):
        write(tmp_path / "v.mp4", SEEN, noise)

    assert list(tmp_path.iterdir()) == []


def test_a_video_that_is_there_is_not_replaced(tmp_path):
    (tmp_path / "v.mp4").write_bytes(b"edited by hand")

    with pytest.raises(ResourceError, match="is there already"):
        write(tmp_path / "v.mp4", SEEN, [frame_pixels(0)] * 3)

    write(tmp_path / "v.mp4", SEEN, [frame_pixels(0)] * 3, overwrite=True)
    assert len(read_frames(tmp_path / "v.mp4", "rgb24")) == 3


def test_an_error_of_the_caller_leaves_no_file(tmp_path):
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012
        writer = video_writer(tmp_path / "v.mp4", SEEN, (48, 64), rate=Fraction(10), time_base=TICK)
        with writer as video:
            video.write(frame_pixels(0), Fraction(0))
            raise KeyboardInterrupt

    assert list(tmp_path.iterdir()) == []
