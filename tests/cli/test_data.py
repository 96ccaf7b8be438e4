"""The commands that look into datasets."""

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from atrous.cli.main import main
from data.broken_datasets import FAULTS, write_dataset
from data.foreign_datasets import written


def run(*arguments):
    with pytest.raises(SystemExit) as exit_info:
        main(["data", *map(str, arguments)])
    return exit_info.value.code


@pytest.fixture(autouse=True)
def wide(monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")


@pytest.fixture
def clean(tmp_path):
    return write_dataset(tmp_path / "set")


def broken(tmp_path, name):
    root = write_dataset(tmp_path / "set", named=FAULTS[name].named)
    FAULTS[name].break_it(root)
    return root


def test_a_dataset_without_fault_is_0(clean, capsys):
    assert run("check", clean) == 0

    assert "Nothing wrong was found." in capsys.readouterr().out


def test_findings_are_1_and_say_what_to_do_and_where(tmp_path, capsys):
    assert run("check", broken(tmp_path, "labels missing")) == 1

    out = capsys.readouterr().out
    for words in ("pictures without labels", "add the label map", "train/images/p0.png"):
        assert words in out


@pytest.mark.parametrize("command", ["check", "stats"])
@pytest.mark.parametrize("place", ["nowhere", "."])
def test_what_is_no_dataset_is_3(tmp_path, capsys, command, place):
    assert run(command, tmp_path / place) == 3

    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("name", FAULTS)
def test_a_table_stays_within_a_hundred_columns(tmp_path, capsys, name):
    run("check", broken(tmp_path, name), "--quiet")

    out, err = capsys.readouterr()
    assert max(len(line.rstrip()) for line in out.splitlines()[1:]) <= 100
    assert "bug" not in err


def test_json_lists_every_finding_the_proposal_and_the_classes(tmp_path, capsys):
    assert run("check", broken(tmp_path, "0 and 255"), "--json") == 1

    given = json.loads(capsys.readouterr().out)
    assert given["ok"] is False
    assert len(given["result"]["findings"]) == 9
    assert given["result"]["findings"][0] == {
        "kind": "binary_255",
        "severity": "error",
        "where": "train/masks/p0.png",
        "what": "values 255 on 960 pixels",
    }
    assert "255 = 1" in given["result"]["proposal"]
    assert [row["name"] for row in given["result"]["classes"]] == ["background", "foreground"]


def test_a_mended_copy_a_description_and_a_page_are_written(tmp_path, capsys):
    root = broken(tmp_path, "0 and 255")
    places = {flag: tmp_path / flag for flag in ("--fix-to", "--toml-to", "--report")}

    assert run("check", root, *(part for item in places.items() for part in item)) == 1

    assert run("check", places["--fix-to"]) == 0
    assert "255 = 1" in places["--toml-to"].read_text()
    assert places["--report"].read_text().startswith("<!doctype html>")


@pytest.mark.parametrize("flag", ["--fix-to", "--toml-to", "--report"])
def test_nothing_is_written_over_and_that_is_said_before_reading(clean, capsys, flag):
    place = clean / "train" / "images" / "p0.png"
    before = place.read_bytes()

    assert run("check", clean, flag, place) == 6

    assert place.read_bytes() == before
    assert "reading" not in capsys.readouterr().err


def test_pairs_that_the_copy_lacks_are_named(tmp_path, capsys):
    run("check", broken(tmp_path, "labels cut in half"), "--fix-to", tmp_path / "m", "--json")

    out, err = capsys.readouterr()
    assert "train/p0 is not in the copy: damaged" in err
    assert json.loads(out)["result"]["left_out"].keys() == {"train/p0"}


def test_classes_are_counted_with_weights_for_a_recipe(clean, capsys):
    assert run("stats", clean) == 0

    out = capsys.readouterr().out
    for words in ("background", "cat", "dog", "class_weights = [", "crop_size = [49, 65]"):
        assert words in out


def test_counting_a_broken_dataset_tells_so(tmp_path, capsys):
    assert run("stats", broken(tmp_path, "labels missing")) == 0

    assert "wrong in 1 places" in capsys.readouterr().err


def test_a_preview_is_one_picture(clean, tmp_path, capsys):
    assert run("preview", clean, "--out", tmp_path / "sheet.png", "--pictures", 4) == 0

    assert np.asarray(Image.open(tmp_path / "sheet.png")).shape == (2 * 246 + 6, 2 * 326 + 6, 3)
    assert "4 of 6 pictures of train" in capsys.readouterr().out


def test_checking_imports_no_torch(clean):
    code = (
        "from atrous.cli.main import main; import sys\n"
        f"try: main(['data', 'check', {str(clean)!r}])\n"
        "except SystemExit as stop: assert not stop.code\n"
        "assert not {'torch', 'torchvision', 'timm', 'onnx'} & set(sys.modules)"
    )

    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_training_tells_what_is_wrong_with_its_dataset_before_it_fails(tmp_path, capsys):
    root = broken(tmp_path, "0 and 255")

    with pytest.raises(SystemExit) as exit_info:
        main(["train", "folder", "--data", str(root), "--out", str(tmp_path / "run")])

    assert exit_info.value.code == 3
    err = capsys.readouterr().err
    assert "masks of 0 and 255: train/masks/p0.png" in err
    assert f"atrous data check {root}" in err


def test_a_folder_of_outlines_is_converted_and_then_sound(tmp_path, capsys):
    assert run("convert", written(tmp_path, "labelme"), "--out", tmp_path / "out", "--json") == 0

    result = json.loads(capsys.readouterr().out)["result"]
    assert (result["layout"], result["splits"], result["pairs"]) == ("labelme", ["train", "val"], 4)
    assert run("check", tmp_path / "out") == 0


def test_only_the_splits_asked_for_are_converted(tmp_path, capsys):
    root = written(tmp_path, "voc")

    assert run("convert", root, "-o", tmp_path / "out", "--splits", "train_aug,val") == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "dataset.toml",
        "train_aug",
        "val",
    ]


@pytest.mark.parametrize("place", ["out", "as-labelme/out"])
def test_a_place_that_is_taken_or_inside_is_not_converted_into(tmp_path, capsys, place):
    (tmp_path / "out").mkdir()

    assert run("convert", written(tmp_path, "labelme"), "-o", tmp_path / place) == 6


def test_a_dataset_is_dealt_anew_with_its_labels(tmp_path, clean, capsys):
    out = tmp_path / "dealt"

    assert run("split", clean, "-o", out, "--shares", "train=0.5,val=0.25,test=0.25", "--json") == 0

    result = json.loads(capsys.readouterr().out)["result"]
    before = sum(1 for _ in clean.glob("*/images/*"))
    assert sum(result["splits"].values()) == before
    assert all(result["splits"].values())
    assert run("check", out) in (0, 1)  # a class may be missing from so small a split
    for picture in out.glob("*/images/*"):
        source = next(clean.glob(f"*/images/{picture.name}"))
        assert picture.read_bytes() == source.read_bytes()


@pytest.mark.parametrize("shares", ["train", "train=x", "train=0.8,train=0.2", "=1", "../up=1"])
def test_shares_that_are_none_are_refused_before_anything_is_written(
    shares, clean, tmp_path, capsys
):
    assert run("split", clean, "-o", tmp_path / "out", "--shares", shares) == 2

    assert "such as train=0.8,val=0.2" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_new_splits_are_never_written_into_the_dataset(clean, capsys):
    assert run("split", clean, "-o", clean / "again") == 6

    assert "lies inside the dataset" in capsys.readouterr().err


def test_a_dataset_of_outlines_becomes_shards_that_hold_the_same(tmp_path, capsys):
    out = tmp_path / "shards"

    assert run("shard", written(tmp_path, "labelme"), out, "--pairs-per-shard", 2, "--json") == 0

    result = json.loads(capsys.readouterr().out)["result"]
    assert (result["splits"], result["shards"]) == ({"train": 3, "val": 1}, 3)
    assert sorted(path.name for path in out.iterdir()) == [
        "dataset.toml",
        "train-000000.tar",
        "train-000001.tar",
        "val-000000.tar",
    ]
    assert run("check", out) == 0


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--shard-size", "5 apples"), "such as 500MB"),
        (("--shard-size", "0MB"), "such as 500MB"),
        (("--shard-size", "1GB", "--pairs-per-shard", "9"), "give one of them"),
    ],
)
def test_sizes_of_shards_that_are_none_are_refused(options, reason, clean, tmp_path, capsys):
    assert run("shard", clean, tmp_path / "out", *options) == 2

    assert reason in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_size_of_shards_is_kept_to(tmp_path, clean):
    assert run("shard", clean, tmp_path / "small", "--shard-size", "1KB") == 0
    assert run("shard", clean, tmp_path / "large", "--shard-size", "0.5gb") == 0

    pairs = sum(1 for _ in clean.glob("*/images/*"))
    assert len(list((tmp_path / "small").glob("*.tar"))) == pairs
    assert len(list((tmp_path / "large").glob("*.tar"))) == 2


def test_a_dataset_without_usual_splits_says_which_it_has(tmp_path, capsys):
    root = written(tmp_path, "csv")
    table = (root / "all.csv").read_text().replace(",train", ",fold1").replace(",val", ",fold2")
    (root / "all.csv").write_text(table)

    assert run("shard", root, tmp_path / "out") == 3
    assert "no split called train, val or test; its splits: fold1, fold2" in capsys.readouterr().err
    assert run("shard", root, tmp_path / "out", "--splits", "fold1") == 2
    assert "would not be found again" in capsys.readouterr().err
