"""Videos from end to end: what ``atrous predict`` writes of them."""

import errno
import json

import numpy as np
import pytest
from PIL import Image

from atrous.cli.main import main
from atrous.runtime.onnx_engine import OnnxEngine
from atrous.runtime.predictor import Predictor
from known_network import color_blocks
from video_files import frame_pixels, read_frames, sound_of, turn, write_video


@pytest.fixture
def run(known_network, tmp_path, monkeypatch, capsys):
    """Runs ``atrous predict`` with the known network, in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        with pytest.raises(SystemExit) as exit_info:
            main(["predict", "--model", str(known_network), *map(str, arguments)])
        captured = capsys.readouterr()
        return exit_info.value.code, captured.out, captured.err

    return run


def test_a_video_becomes_exact_masks_and_an_overlay_with_its_sound(run, known_network, tmp_path):
    times = [0, 100, 130, 400, 1000]
    source = write_video(tmp_path / "a.mp4", times, sound="aac")

    code, out, _ = run("a.mp4", "-o", "o")

    engine = OnnxEngine(known_network)
    predictor = Predictor(engine, engine.card)
    masks = read_frames(tmp_path / "o" / "a.mask.mkv", "gray")
    assert code == 0
    assert [round(time * 1000) for time, _ in masks] == times
    for (_, mask), (_, pixels) in zip(masks, read_frames(source, "rgb24"), strict=True):
        np.testing.assert_array_equal(mask, predictor.predict_pixels(pixels))
    overlays = read_frames(tmp_path / "o" / "a.overlay.mp4", "rgb24")
    assert [round(time * 1000) for time, _ in overlays] == times
    assert sound_of(tmp_path / "o" / "a.overlay.mp4") == sound_of(source)
    assert "5 frames" in out


def test_an_overlay_shows_the_colors_of_the_classes(run, tmp_path):
    write_video(tmp_path / "a.mp4")

    run("a.mp4", "-o", "o", "--as", "color")

    (_, pixels), *_ = read_frames(tmp_path / "o" / "a.color.mp4", "rgb24")
    # Away from the border: red is class 0, blue class 2; stored with loss.
    assert np.abs(pixels[20, 5].astype(int) - (200, 0, 0)).max() <= 4
    assert np.abs(pixels[20, 50].astype(int) - (0, 0, 200)).max() <= 4


def test_json_tells_frames_and_their_mean_shares(run, tmp_path):
    write_video(tmp_path / "a.mp4")

    _, out, _ = run("a.mp4", "--json", "--as", "mask")

    (row,) = json.loads(out)["result"]["pictures"]
    borders = [16 + 2 * index for index in range(10)]
    assert (row["frames"], row["height"], row["width"]) == (10, 48, 64)
    # The border itself may lie a pixel off, since two pixels share a colour.
    assert row["shares"]["red"] == pytest.approx(np.mean(borders) / 64, abs=1 / 64)


def test_a_folder_of_pictures_and_videos_gives_both(run, tmp_path):
    (tmp_path / "in").mkdir()
    Image.fromarray(color_blocks()[0]).save(tmp_path / "in" / "b.png")
    write_video(tmp_path / "in" / "a.mp4")
    (tmp_path / "in" / "text.mp4").write_text("no video")

    code, _, err = run("in", "-o", "o", "--as", "mask")

    assert code == 7
    assert "text.mp4: not a video that can be read" in err
    assert sorted(path.name for path in (tmp_path / "o").iterdir()) == ["a.mask.mkv", "b.mask.png"]


def test_of_a_cut_video_what_can_be_read_is_kept(run, tmp_path):
    path = write_video(tmp_path / "a.mp4", range(0, 4000, 100))
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])

    code, _, err = run("a.mp4", "-o", "o", "--as", "mask", "--manifest", "m.jsonl")

    assert code == 7
    assert "at 0:00:0" in err
    assert "what could be read of it is segmented" in err
    assert len(read_frames(tmp_path / "o" / "a.mask.mkv", "gray")) > 10
    row = json.loads((tmp_path / "m.jsonl").read_text())
    assert row["exit"] == 3
    assert row["frames"] > 10


def test_fewer_frames_keep_their_times(run, tmp_path):
    write_video(tmp_path / "a.mp4")

    run("a.mp4", "-o", "o", "--as", "mask", "--every", "4")

    found = read_frames(tmp_path / "o" / "a.mask.mkv", "gray")
    assert [float(time) for time, _ in found] == [0, 0.4, 0.8]


def test_a_video_that_was_held_upright_gives_upright_masks(run, tmp_path):
    turn(write_video(tmp_path / "a.mp4"))

    run("a.mp4", "-o", "o", "--as", "mask")

    _, mask = read_frames(tmp_path / "o" / "a.mask.mkv", "gray")[0]
    assert mask.shape == (64, 48)
    # What was left, red, is now on top.
    assert (mask[:14] == 0).all()
    assert (mask[20:] == 2).all()


def test_one_video_may_go_to_one_file(run, tmp_path):
    write_video(tmp_path / "a.mp4")

    assert run("a.mp4", "-o", "x.mp4", "--as", "overlay")[0] == 0
    assert len(read_frames(tmp_path / "x.mp4", "rgb24")) == 10


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (["--as", "npz"], 2, "is a video, of which mask, color, overlay can be written"),
        (["--as", "mask", "-o", "x.png"], 2, "use the ending .mkv"),
        (["--every", "0"], 2, "--every is 1 or more"),
        (["--fps", "0"], 2, "--fps is above 0"),
        (["--fps", "2", "--every", "2"], 2, "not both"),
        (["--temporal", "0.5"], 2, "--temporal from 1"),
        (["--max-megapixels", "0.001"], 3, "more than the limit"),
    ],
)
def test_wishes_that_do_not_go_with_a_video_are_said(run, tmp_path, arguments, code, reason):
    write_video(tmp_path / "a.mp4")

    found, _, err = run("a.mp4", *arguments)

    assert found == code
    assert reason in err


def test_kinds_that_videos_do_not_have_are_told_beside_those_they_have(run, tmp_path):
    write_video(tmp_path / "a.mp4")

    code, _, err = run("a.mp4", "-o", "o", "--as", "mask,npz")

    assert code == 0
    assert "a.mp4: is a video, which is not written as npz" in err


def test_a_disk_that_is_full_leaves_neither_file(run, tmp_path, monkeypatch):
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    write_video(tmp_path / "a.mp4", size=(480, 640), times=range(0, 2000, 100))
    monkeypatch.setattr("atrous.runtime.video_write._Disk.put", full)

    code, _, err = run("a.mp4", "-o", "o")

    assert code == 6
    assert "the disk is full" in err
    assert not (tmp_path / "o").exists()


def test_a_video_is_resumed_as_a_whole(run, tmp_path):
    write_video(tmp_path / "a.mp4", frames=[frame_pixels(0)] * 10)
    arguments = ["a.mp4", "-o", "o", "--as", "mask", "--manifest", "m.jsonl"]
    run(*arguments)

    code, _, err = run(*arguments, "--resume")

    assert code == 0
    assert "1 were finished before and skipped" in err
