import tracemalloc
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from atrous.errors import ConfigError, InputError
from atrous.runtime.onnx_engine import OnnxEngine
from atrous.runtime.predictor import Predictor
from atrous.runtime.video import FrameChoice, predict_video
from atrous.runtime.video_read import Frame
from video_files import frame_pixels, write_video


@pytest.fixture(scope="module")
def predictor(known_network):
    engine = OnnxEngine(known_network, threads=1)
    return Predictor(engine, engine.card)


def times_of(choice, times):
    frames = [Frame(frame_pixels(0), Fraction(time, 1000)) for time in times]
    return [int(frame.time * 1000) for frame in choice.among(frames)]


def test_every_frame_is_segmented_like_a_picture(predictor, tmp_path):
    found = list(predict_video(predictor, write_video(tmp_path / "a.mp4")))

    assert [frame.time for frame in found] == [Fraction(index, 10) for index in range(10)]
    for index, frame in enumerate(found):
        truth = np.where(frame_pixels(index)[..., 0] > 100, 0, 2)
        # At the border two pixels share a colour in the file.
        assert (frame.segmentation.mask == truth).mean() > 0.95


def test_every_third_frame_is_taken():
    assert times_of(FrameChoice(every=3), range(0, 800, 100)) == [0, 300, 600]


def test_frames_a_second_are_taken_by_their_times():
    slow_then_fast = [0, 90, 240, 260, 280, 300, 510, 1300]

    assert times_of(FrameChoice(fps=4), slow_then_fast) == [0, 260, 510, 1300]


@pytest.mark.parametrize(
    "choice",
    [{"every": 0}, {"fps": 0}, {"fps": float("nan")}, {"temporal": 0}, {"every": 2, "fps": 1}],
)
def test_impossible_choices_are_refused(choice):
    with pytest.raises(ConfigError):
        FrameChoice(**choice)


def noisy(count):
    """A border that stands still, in noise that is as strong as the colours."""
    random = np.random.default_rng(0)
    clean = frame_pixels(8).astype(np.float64) / 4 + 80
    noise = random.normal(0, 50, (count, *clean.shape))
    return [np.clip(clean + one, 0, 255).astype(np.uint8) for one in noise]


def test_smoothing_over_time_lessens_flicker_and_errors(predictor, tmp_path):
    path = write_video(tmp_path / "a.mkv", range(0, 2000, 100), frames=noisy(20))
    truth = np.where(frame_pixels(8)[..., 0] > 100, 0, 2)

    flicker, wrong = {}, {}
    for span in (1, 5):
        frames = predict_video(predictor, path, FrameChoice(temporal=span))
        masks = [frame.segmentation.mask for frame in frames][5:]
        flicker[span] = np.mean([before != after for before, after in pairwise(masks)])
        wrong[span] = np.mean([mask != truth for mask in masks])

    # Over a span of 5 frames independent noise has a third of its deviation.
    assert flicker[5] < flicker[1] / 2
    assert wrong[5] < wrong[1] / 2


def test_memory_does_not_grow_with_the_length(predictor, tmp_path):
    path = write_video(tmp_path / "a.mp4", range(0, 6000, 100), size=(240, 320))
    frames = predict_video(predictor, path)
    next(frames)
    tracemalloc.start()
    for frame in frames:
        del frame
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    one = 240 * 320 * 3 * 4  # its float32 input, the largest array of a frame
    assert peak < 8 * one < 60 * one


def test_a_damaged_video_gives_its_frames_and_then_the_error(predictor, tmp_path):
    path = write_video(tmp_path / "a.mp4", range(0, 4000, 100))
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    found = []

    with pytest.raises(InputError, match=" at 0:00:0"):
        found.extend(predict_video(predictor, path))

    assert len(found) > 10
