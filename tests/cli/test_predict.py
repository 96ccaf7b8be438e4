import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from atrous.cli.main import main
from atrous.data.detect import open_split
from atrous.data.sample import read_pair
from atrous.imaging import read_labels
from known_network import color_blocks


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


def save_blocks(*paths):
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(color_blocks()[0]).save(path)


def test_a_picture_gets_a_mask_an_overlay_and_a_table(run, color_picture, tmp_path):
    code, out, _ = run(color_picture)

    assert code == 0
    written = tmp_path / "segmented" / "blocks.mask.png"
    np.testing.assert_array_equal(read_labels(written), color_blocks()[1])
    with Image.open(tmp_path / "segmented" / "blocks.overlay.jpg") as overlay:
        assert overlay.size == (90, 60)
    shares = [line.split() for line in out.splitlines() if "%" in line]
    assert sorted(line[1:3] for line in shares) == [
        ["blue", "33.33%"],
        ["green", "33.33%"],
        ["red", "33.33%"],
    ]


def test_only_the_kinds_asked_for_are_written(run, color_picture, tmp_path):
    run(color_picture, "--as", "color", "-o", "o")

    assert [path.name for path in (tmp_path / "o").iterdir()] == ["blocks.color.png"]


def test_one_picture_can_go_to_one_file(run, color_picture, tmp_path):
    code, _, _ = run(color_picture, "--as", "mask", "-o", "here.png")

    assert code == 0
    np.testing.assert_array_equal(read_labels(tmp_path / "here.png"), color_blocks()[1])


def test_json_is_one_object_with_every_number(run, color_picture):
    _, out, _ = run(color_picture, "--json")

    answer = json.loads(out)
    (picture,) = answer["result"]["pictures"]
    assert answer["ok"] is True
    assert answer["command"] == "predict"
    assert (picture["height"], picture["width"]) == (60, 90)
    assert picture["shares"]["red"] == pytest.approx(1 / 3)
    assert set(picture["files"]) == {"mask", "overlay"}


def test_a_folder_goes_on_past_bad_files_and_names_them(run, tmp_path):
    save_blocks(tmp_path / "in/a.png", tmp_path / "in/sub/a.png")
    (tmp_path / "in/empty.jpg").touch()
    (tmp_path / "in/page.jpg").write_text("<html></html>")

    code, _, err = run("in", "-o", "out")

    assert code == 7
    assert "empty.jpg: the file is empty" in err
    assert "page.jpg: not a picture" in err
    assert "2 of 4 could not be segmented" in err
    made = sorted(
        path.relative_to(tmp_path / "out").as_posix()
        for path in (tmp_path / "out").rglob("*.mask.png")
    )
    assert made == ["a.mask.png", "sub/a.mask.png"]


def test_nothing_that_is_there_is_replaced_without_being_told(run, color_picture, tmp_path):
    run(color_picture)
    mask = tmp_path / "segmented" / "blocks.mask.png"
    mask.write_bytes(b"edited by hand")

    code, _, err = run(color_picture)

    assert code == 6
    assert "is there already; --overwrite replaces it" in err
    assert mask.read_bytes() == b"edited by hand"
    assert run(color_picture, "--overwrite")[0] == 0
    assert mask.read_bytes() != b"edited by hand"


def test_a_folder_without_pictures_is_said(run, tmp_path):
    (tmp_path / "bare").mkdir()

    code, _, err = run("bare")

    assert code == 3
    assert "no pictures in this folder" in err


def test_a_second_run_does_not_segment_its_own_results(run, tmp_path):
    save_blocks(tmp_path / "a.png")
    run(".")

    code, out, _ = run(".", "--overwrite", "--json")

    assert code == 0
    assert len(json.loads(out)["result"]["pictures"]) == 1


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        ((), 2, "nothing to segment"),
        (("a.png", "--as", "masc"), 2, "--as takes mask, color, overlay, cutout"),
        (("a.png", "b.png", "-o", "x.png"), 2, "is one file, but 2 pictures"),
        (("a.png", "-o", "x.jpg", "--as", "mask"), 2, "stored without loss"),
        (("a.png", "-o", "a.png/out"), 6, "cannot be made"),
        (("missing.png",), 3, "no such file or folder"),
        (("huge.png", "--max-megapixels", "0.001"), 3, "more than the limit"),
        (("a.png", "--max-megapixels", "nan"), 2, "--max-megapixels"),
        (("a.png", "--threads", "-3"), 2, "Must be >= 0"),
    ],
)
def test_every_mistake_has_its_sentence_and_its_exit_code(run, tmp_path, arguments, code, reason):
    save_blocks(tmp_path / "a.png", tmp_path / "b.png", tmp_path / "huge.png")

    found, _, err = run(*arguments)

    assert found == code
    assert reason in err
    assert "Traceback" not in err


def test_an_unknown_model_is_refused_with_the_nearest_name(run, color_picture, capsys):
    with pytest.raises(SystemExit) as exit_info:
        main(["predict", str(color_picture), "--model", "camvit"])

    assert exit_info.value.code == 4
    assert "did you mean 'camvid'?" in capsys.readouterr().err


def test_a_pickle_is_never_opened_as_a_model(run, color_picture, tmp_path, capsys):
    (tmp_path / "model.pt").write_bytes(b"\x80\x04cos\nsystem\n.")

    with pytest.raises(SystemExit) as exit_info:
        main(["predict", str(color_picture), "--model", str(tmp_path / "model.pt")])

    assert exit_info.value.code == 4
    assert "never opened" in capsys.readouterr().err


def test_failures_are_in_the_json_too(run, tmp_path):
    (tmp_path / "empty.png").touch()

    code, out, _ = run("empty.png", "--json")

    answer = json.loads(out)
    assert code == 3
    assert answer["ok"] is False
    assert answer["result"]["failures"][0]["source"] == "empty.png"


def test_notes_on_a_picture_are_told(run, tmp_path):
    Image.new("RGBA", (40, 40), (255, 0, 0, 128)).save(tmp_path / "clear.png")

    _, _, err = run("clear.png")

    assert "clear.png: transparent pixels were laid on white" in err


def test_strange_names_are_only_names(run, tmp_path):
    names = ["-dash.png", "sp ace.png", "日本.png", "new\nline.png", "a[b].png"]
    save_blocks(*(tmp_path / "in" / name for name in names))

    code, out, _ = run("in", "--json")

    assert code == 0
    assert len(json.loads(out)["result"]["pictures"]) == len(names)


def test_predicting_imports_no_torch(known_network, color_picture, tmp_path):
    program = (
        "import sys; from atrous.cli.main import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit as done: assert done.code == 0, done.code\n"
        "heavy = {'torch', 'torchvision', 'timm', 'accelerate', 'onnx'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    arguments = ["predict", str(color_picture), "-o", str(tmp_path / "o")]

    subprocess.run(
        [sys.executable, "-c", program, *arguments, "--model", str(known_network)], check=True
    )
    subprocess.run([sys.executable, "-c", program, *arguments, "--overwrite"], check=True)


def test_a_picture_can_be_seen_at_several_scales_and_mirrored(run, color_picture, tmp_path):
    code, _, _ = run(color_picture, "--scales", "0.5,1", "--flip")

    assert code == 0
    found = read_labels(tmp_path / "segmented" / "blocks.mask.png")
    # Smaller looks blur the edges between the colours by a pixel or two, and nothing else.
    assert (found == color_blocks()[1]).mean() > 0.9


@pytest.mark.parametrize(
    ("scales", "reason"), [("1,x", "numbers joined by commas"), ("9", "factors from 0.1 to 4")]
)
def test_impossible_scales_are_said(run, color_picture, scales, reason):
    code, _, err = run(color_picture, "--scales", scales)

    assert code == 2
    assert reason in err


def test_a_picture_can_be_seen_in_windows(run, color_picture, tmp_path):
    code, _, _ = run(color_picture, "--slide", "64x64")

    assert code == 0
    found = read_labels(tmp_path / "segmented" / "blocks.mask.png")
    assert (found == color_blocks()[1]).mean() > 0.9


def test_windows_too_small_are_refused(run, color_picture):
    code, _, err = run(color_picture, "--slide", "16x16")

    assert code == 2
    assert "too small to slide" in err


def test_a_run_makes_a_dataset_that_can_be_corrected_and_trained_on(run, tmp_path):
    save_blocks(tmp_path / "in/a.png", tmp_path / "in/b.png")
    (tmp_path / "in/empty.jpg").touch()

    code, out, _ = run("in", "-o", "set", "--as", "picture,coco", "--simplify", "0", "--json")

    assert code == 7  # the broken picture is named, and the file of the run holds the others
    split = open_split(tmp_path / "set", "train+val")
    assert split.layout == "coco"
    for pair in split.pairs:
        sample = read_pair(pair, split.label_set)
        np.testing.assert_array_equal(sample.labels, color_blocks()[1])
    assert json.loads(out)["result"]["pictures"][0]["files"]["coco"] == "set/coco.json"


def test_only_wanted_classes_are_in_mask_and_shares(run, color_picture, tmp_path):
    _, out, _ = run(color_picture, "--classes", "RED,blue", "--as", "mask,cutout", "--json")

    expected = np.where(color_blocks()[1] == 1, 255, color_blocks()[1])
    written = tmp_path / "segmented"
    np.testing.assert_array_equal(read_labels(written / "blocks.mask.png"), expected)
    with Image.open(written / "blocks.cutout.png") as image:
        np.testing.assert_array_equal(np.asarray(image)[..., 3] == 255, expected != 255)
    (picture,) = json.loads(out)["result"]["pictures"]
    assert picture["shares"]["green"] == 0


def test_the_table_shows_shares_of_all_pixels_also_of_those_without_a_class(run, color_picture):
    _, out, _ = run(color_picture, "--classes", "RED", "--as", "mask")

    (row,) = [line for line in out.splitlines() if "red" in line]
    assert f"{(color_blocks()[1] == 0).mean():.2%}" in row


def test_unsure_pixels_have_no_class_and_smooth_edges_stay_at_colors(run, color_picture, tmp_path):
    run(color_picture, "--smooth", "--as", "mask,prob,npz")
    run(color_picture, "--min-confidence", "1", "--as", "mask", "-o", "unsure.png")

    written = tmp_path / "segmented"
    found = read_labels(written / "blocks.mask.png")
    assert (found == color_blocks()[1]).mean() > 0.98
    with Image.open(written / "blocks.prob.png") as image, np.load(written / "blocks.npz") as held:
        grey = np.asarray(image) / 65_535
        np.testing.assert_allclose(grey, held["confidence"], atol=0.001)
    assert (read_labels(tmp_path / "unsure.png") == 255).all()


def test_a_file_of_the_run_that_is_there_is_said_before_anything_is_computed(
    run, color_picture, tmp_path
):
    (tmp_path / "segmented").mkdir()
    (tmp_path / "segmented" / "coco.json").write_text("{}")

    code, _, err = run(color_picture, "--as", "mask,coco")

    assert code == 6
    assert "coco.json is there already; --overwrite replaces it" in err
    assert [path.name for path in (tmp_path / "segmented").iterdir()] == ["coco.json"]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--classes", "rde"), "did you mean 'red'"),
        (("--classes", ","), "takes names of classes"),
        (("--as", "cutout"), "--as cutout needs --classes"),
        (("--as", "yolo", "-o", "x.json"), "--as yolo needs a folder"),
        (("--as", "geojson", "-o", "x.png"), "use the ending .geojson or .json for geojson"),
        (("--min-area", "-1"), "Must be >= 0"),
        (("--min-confidence", "nan"), "--min-confidence"),
        (("--simplify", "nan"), "--simplify"),
    ],
)
def test_wishes_for_outputs_that_make_no_sense_are_said(run, color_picture, arguments, reason):
    code, _, err = run(color_picture, *arguments)

    assert code == 2
    assert reason in err
    assert "Traceback" not in err
