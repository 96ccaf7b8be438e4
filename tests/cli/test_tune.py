"""``atrous tune`` as a user types it, on a network whose best setting is known."""

import json

import numpy as np
import pytest
from PIL import Image

from atrous.cli.main import main
from atrous.runtime.card import read_card
from atrous.speed.tune import Bench
from known_network import color_blocks


def run(*arguments):
    with pytest.raises(SystemExit) as exit_info:
        main(["tune", *(str(argument) for argument in arguments)])
    return exit_info.value.code


@pytest.fixture
def blocks(tmp_path):
    """Pictures whose labels the known network finds."""
    pixels, labels = color_blocks()
    for split in ("val", "test"):
        for kind, values in (("images", pixels), ("masks", labels)):
            (tmp_path / "data" / split / kind).mkdir(parents=True)
            for name in "ab":
                Image.fromarray(values).save(tmp_path / "data" / split / kind / f"{name}.png")
    names = 'names = ["red", "green", "blue"]\n'
    (tmp_path / "data" / "dataset.toml").write_text(names)
    return tmp_path / "data"


FAST = ("--engine", "onnx", "--precision", "fp32", "--output-strides", "16", "--rounds", "1")


def test_a_setting_is_chosen_and_its_card_saved(
    known_network, blocks, tmp_path, capsys, monkeypatch
):
    """The known network has no architecture, so that its stride is not changed."""
    monkeypatch.setattr("atrous.speed.tune.files_by_stride", lambda path, *_: {16: path})

    code = run(
        known_network, blocks, *FAST, "--scales", "0.5,1", "--json", "-q",
        "--save", tmp_path / "card.json", "--plot", tmp_path / "scores.png",
    )  # fmt: skip

    result = json.loads(capsys.readouterr().out)["result"]
    assert code == 0
    assert len(result["candidates"]) == 4
    assert result["chosen"]["score"]["mean_iou"] == 1.0
    card = read_card((tmp_path / "card.json").read_text(), where="card")
    assert card.preprocessing.longest_side == result["chosen"]["look"]["longest_side"]
    assert np.asarray(Image.open(tmp_path / "scores.png")).any()


def test_nothing_that_fits_is_told_by_the_exit_code(known_network, blocks, capsys, monkeypatch):
    monkeypatch.setattr("atrous.speed.tune.files_by_stride", lambda path, *_: {16: path})

    assert run(known_network, blocks, *FAST, "--scales", "1", "--max-memory", "1MB") == 1
    assert "nothing fits" in capsys.readouterr().out


def test_a_test_split_is_refused(known_network, blocks, capsys):
    assert run(known_network, blocks, "--split", "test") == 2
    assert "make its score worthless" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (["--max-memory", "much"], "much"),
        (["--output-strides", "4"], "8, 16, 32"),
        (["--save", "out.pt"], "saved as .onnx or .safetensors"),
    ],
)
def test_what_makes_no_sense_is_refused(known_network, blocks, flags, reason, capsys):
    assert run(known_network, blocks, *flags) == 2
    assert reason in capsys.readouterr().err


def test_other_classes_are_refused(blocks, capsys):
    assert run("camvid", blocks) == 2
    assert "are not the dataset's" in capsys.readouterr().err


def test_an_interruption_shows_what_was_measured(known_network, blocks, capsys, monkeypatch):
    def interrupted(self, engine, look):
        raise KeyboardInterrupt

    monkeypatch.setattr("atrous.speed.tune.files_by_stride", lambda path, *_: {16: path})
    monkeypatch.setattr(Bench, "speed", interrupted)

    assert run(known_network, blocks, *FAST) == 130
    assert "interrupted" in capsys.readouterr().err
