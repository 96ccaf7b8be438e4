import json
import subprocess
import sys

import pytest

from atrous.cli.main import main
from atrous.recipes.recipe import shipped_recipes
from atrous.weights.load import MODELS
from atrous.weights.zoo.catalogue import CHECKPOINTS


def run(*arguments):
    with pytest.raises(SystemExit) as exit_info:
        main([str(argument) for argument in arguments])
    return exit_info.value.code


@pytest.fixture(autouse=True)
def wide(monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")


def test_everything_is_listed_by_its_name(capsys):
    assert run("model", "list") == 0

    words = capsys.readouterr().out.split()
    assert set(words) >= {*CHECKPOINTS, *shipped_recipes(), *MODELS}
    assert {checkpoint.archive for checkpoint in CHECKPOINTS.values()} <= {
        word.removesuffix(".tar.gz") for word in words
    }


def test_a_line_stays_within_a_hundred_columns(capsys):
    run("model", "list")

    assert max(len(line.rstrip()) for line in capsys.readouterr().out.splitlines()) <= 100


def test_the_list_as_json_has_the_published_numbers(capsys):
    assert run("model", "list", "--json") == 0

    result = json.loads(capsys.readouterr().out)["result"]
    found = {row["name"]: row for row in result["checkpoints"]}
    assert found.keys() == CHECKPOINTS.keys()
    voc = found["xception65_coco_voc_trainaug"]
    assert [row["mean_iou"] for row in voc["evaluations"]] == [0.822, 0.8358]
    assert voc["architecture"]["encoder"] == "xception65"
    assert voc["license"] == "Apache-2.0"
    assert {row["name"] for row in result["recipes"]} == shipped_recipes().keys()
    assert result["models"][0]["result"]["split"] == "val"


def test_listing_imports_no_torch():
    code = (
        "from atrous.cli.main import main; import sys\n"
        "try: main(['model', 'list'])\n"
        "except SystemExit as stop: assert not stop.code\n"
        "assert not {'torch', 'torchvision', 'timm', 'onnx'} & set(sys.modules)"
    )

    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
