import sys
from fractions import Fraction

import av
import numpy as np
import pytest

from atrous.errors import DependencyError, InputError
from atrous.runtime.video_read import VideoReader, clock
from video_files import frame_pixels, turn, write_video


def read(path, **options):
    with VideoReader(path, **options) as reader:
        return list(reader.frames()), reader


def test_every_frame_comes_at_its_own_time(tmp_path):
    times = [0, 100, 130, 400, 1000]  # a rate that varies
    frames, reader = read(write_video(tmp_path / "a.mp4", times))

    assert [round(frame.time * 1000) for frame in frames] == times
    assert reader.damage is None
    for index, frame in enumerate(frames):
        # Colours are stored for two by two pixels and with loss.
        assert np.abs(frame.pixels.astype(int) - frame_pixels(index)).mean() < 8


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_the_header_tells_how_many_frames_there_are(tmp_path, name):
    with VideoReader(write_video(tmp_path / name)) as reader:
        assert reader.expected_frames == 10


@pytest.mark.parametrize("ending", ["mkv", "mov", "avi"])
def test_usual_formats_are_read(tmp_path, ending):
    frames, reader = read(write_video(tmp_path / f"a.{ending}"))

    assert len(frames) == 10
    assert reader.damage is None


def test_a_video_that_was_held_upright_comes_upright(tmp_path):
    stored, _ = read(write_video(tmp_path / "a.mp4"))
    turned, _ = read(turn(tmp_path / "a.mp4"))

    np.testing.assert_array_equal(turned[0].pixels, np.rot90(stored[0].pixels, -1))


def test_a_file_that_is_cut_off_gives_what_is_there_and_says_when_it_ends(tmp_path):
    for name in ("a.mp4", "a.mkv"):
        path = write_video(tmp_path / name, range(0, 4000, 100))
        path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])

        frames, reader = read(path)

        assert 10 < len(frames) < 40
        assert reader.damage.startswith(f"{path}: ")
        assert " at 0:00:0" in reader.damage


def test_damage_in_the_middle_is_passed_over_and_its_time_told(tmp_path):
    path = write_video(tmp_path / "a.mp4", range(0, 4000, 100))
    content = bytearray(path.read_bytes())
    middle = len(content) * 3 // 4
    content[middle : middle + 600] = bytes(range(200)) * 3
    path.write_bytes(content)

    frames, reader = read(path)

    assert 30 < len(frames) <= 40
    assert "damaged at 0:00:0" in reader.damage


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty"),
        (b"some text\n" * 99, "not a video that can be read"),
        (b"ffconcat version 1.0\nfile b.mp4\n", "not a video that can be read"),
        (b"#EXTM3U\n#EXTINF:9,\nfile:///etc/passwd\n", "not a video that can be read"),
    ],
)
def test_what_is_no_video_is_refused_and_what_it_names_is_not_opened(tmp_path, content, reason):
    write_video(tmp_path / "b.mp4")
    (tmp_path / "a.mp4").write_bytes(content)

    with pytest.raises(InputError, match=f"a.mp4: {reason}"):
        read(tmp_path / "a.mp4")


def test_a_file_with_audio_alone_is_refused(tmp_path):
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=16_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate = 16_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))

    with pytest.raises(InputError, match="holds no video"):
        read(tmp_path / "a.mp4")


def test_an_encrypted_video_is_refused(tmp_path):
    key = {"encryption_scheme": "cenc-aes-ctr", "encryption_key": "ab" * 16}
    options = {**key, "encryption_kid": "cd" * 16}
    path = write_video(tmp_path / "a.mp4", options=options)

    with pytest.raises(InputError, match="is encrypted"):
        read(path)


def test_frames_that_are_too_large_are_refused_from_the_header(tmp_path):
    with pytest.raises(InputError, match="64 x 48 are more than the limit"):
        read(write_video(tmp_path / "a.mp4"), max_pixels=1000)


def test_a_rate_that_cannot_be_is_taken_for_the_usual_one(tmp_path, monkeypatch):
    with VideoReader(write_video(tmp_path / "a.mp4")) as reader:
        monkeypatch.setattr(
            reader, "_stream", type("S", (), {"average_rate": 0, "guessed_rate": 0})
        )

        assert reader.rate == 25


def test_strange_names_are_only_names(tmp_path):
    path = write_video(tmp_path / "a.mp4").rename(tmp_path / "http:x,\udcff\n.mp4")

    assert len(read(path)[0]) == 10


def test_a_video_without_the_extra_is_told_what_to_install(tmp_path, monkeypatch):
    path = write_video(tmp_path / "a.mp4")
    monkeypatch.setitem(sys.modules, "av", None)

    with pytest.raises(DependencyError, match=r"pip install 'atrous\[video\]'"):
        read(path)


def test_clocks_show_hours_minutes_and_thousandths():
    assert clock(Fraction(3_723_456, 1000)) == "1:02:03.456"
