import subprocess
import sys

import numpy as np
import pytest

import atrous
from atrous.data.camvid import CAMVID
from atrous.errors import WeightsError
from atrous.weights.load import DEFAULT_MODEL, MODELS, find_model, find_start, load

MEBIBYTE = 1 << 20


@pytest.mark.parametrize("name", MODELS)
def test_shipped_models_are_small_and_say_all_about_themselves(name):
    path = find_model(name)
    card = load(name).card

    assert path.stat().st_size <= 16 * MEBIBYTE
    assert card.license
    assert card.recipe["start"]
    assert 0 < card.result["mean_iou"] < 1
    assert set(card.result["iou"]) == set(card.classes)


def test_the_default_model_knows_camvids_classes():
    predictor = atrous.load()

    assert predictor.label_set == CAMVID
    assert find_model(None) == find_model(DEFAULT_MODEL)


def test_a_run_folder_stands_for_its_last_model(tmp_path):
    (tmp_path / "last.safetensors").touch()

    assert find_model(tmp_path) == tmp_path / "last.safetensors"
    assert find_start(str(tmp_path)) == tmp_path / "last.safetensors"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("camvit", "did you mean 'camvid'"),
        ("x.onnx", "no such model file"),
        (".", "folder without last.safetensors"),
    ],
)
def test_what_is_not_there_is_said(name, reason, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    with pytest.raises(WeightsError, match=reason):
        find_model(name)


def test_without_torch_a_safetensors_model_says_what_to_install(tmp_path):
    (tmp_path / "m.safetensors").touch()
    program = (
        "import sys; sys.modules['torch'] = None\n"
        "import atrous\n"
        "try: atrous.load(sys.argv[1])\n"
        "except atrous.DependencyError as error: assert 'atrous[train]' in str(error)\n"
        "else: raise SystemExit('no error')"
    )

    subprocess.run([sys.executable, "-c", program, str(tmp_path / "m.safetensors")], check=True)


def test_every_thread_count_gives_the_same_mask():
    pixels = np.random.default_rng(0).integers(0, 255, (60, 80, 3)).astype(np.uint8)

    one, two = (load(threads=threads).predict(pixels).mask for threads in (1, 2))

    assert (one == two).mean() > 0.999
