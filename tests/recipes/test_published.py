"""Recipes of published results: each holds what was published, and takes a step."""

import json
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from atrous.engine.optimizer import build_optimizer
from atrous.engine.schedule import build_schedule
from atrous.labels import VOC
from atrous.models.build import build_model
from atrous.recipes.classify_recipe import is_classification
from atrous.recipes.recipe import (
    RECIPES,
    Recipe,
    read_recipe,
    recipe_from,
    recipe_notes,
    shipped_recipes,
)
from atrous.recipes.run import run_training
from atrous.weights.zoo.catalogue import SEGMENTATION
from data.foreign_datasets import written
from journeys.tiny import Notes

SEGMENTS = tuple(
    path for path in sorted((RECIPES / "published").glob("*.toml")) if not is_classification(path)
)
every_recipe = pytest.mark.parametrize("path", SEGMENTS, ids=lambda path: path.stem)

PROTOCOLS = {
    # split: steps, crop, learning rate, weight decay, output stride, norms
    "voc_resnet101_deeplabv3": ("train_aug", 30_000, 513, 7e-3, 1e-4, 16, "train"),
    "voc_resnet101": ("train_aug", 30_000, 513, 7e-3, 1e-4, 16, "train"),
    "voc_xception65": ("train_aug", 30_000, 513, 7e-3, 4e-5, 16, "train"),
    "voc_xception65_coco": ("train_aug", 30_000, 513, 1e-4, 4e-5, 16, "train"),
    "voc_xception65_coco_trainval": ("trainval", 30_000, 513, 1e-4, 4e-5, 8, "frozen_statistics"),
    "voc_resnet101_deeplabv3_coco_trainval": (
        *("trainval", 30_000, 513, 1e-3, 1e-4, 8, "frozen_statistics"),
    ),
    "cityscapes_xception65": ("train", 90_000, 769, 7e-3, 4e-5, 16, "train"),
    "cityscapes_xception71": ("train", 90_000, 769, 7e-3, 4e-5, 16, "train"),
    "cityscapes_mobilenetv3_large": ("train", 90_000, 769, 7e-3, 4e-5, 32, "train"),
    "ade20k_xception65": ("train", 150_000, 513, 7e-3, 4e-5, 16, "train"),
    "ade20k_mobilenetv2": ("train", 150_000, 257, 7e-3, 4e-5, 16, "train"),
}
"""From the papers and the pages of the released code, written out a second time."""

ZOO = {
    "voc_mobilenetv2_050_coco": "mobilenetv2_dm05_coco_voc_trainaug",
    "voc_mobilenetv2_050_coco_trainval": "mobilenetv2_dm05_coco_voc_trainval",
    "voc_mobilenetv2_coco": "mobilenetv2_coco_voc_trainaug",
    "voc_mobilenetv2_coco_trainval": "mobilenetv2_coco_voc_trainval",
    "voc_xception65_coco": "xception65_coco_voc_trainaug",
    "voc_xception65_coco_trainval": "xception65_coco_voc_trainval",
    "cityscapes_mobilenetv2_coco": "mobilenetv2_coco_cityscapes_trainfine",
    "cityscapes_mobilenetv3_large": "mobilenetv3_large_cityscapes_trainfine",
    "cityscapes_mobilenetv3_small": "mobilenetv3_small_cityscapes_trainfine",
    "cityscapes_xception65": "xception65_cityscapes_trainfine",
    "cityscapes_xception71_dpc": "xception71_dpc_cityscapes_trainfine",
    "cityscapes_xception71_dpc_trainval": "xception71_dpc_cityscapes_trainval",
    "ade20k_mobilenetv2": "mobilenetv2_ade20k_train",
    "ade20k_xception65": "xception65_ade20k_train",
}
"""The official checkpoint that a recipe would make again."""


def test_every_checkpoint_of_the_zoo_that_is_built_here_has_a_recipe():
    built = {name for name, checkpoint in SEGMENTATION.items() if checkpoint.config}

    assert set(ZOO.values()) == built


@pytest.mark.parametrize(("name", "official"), ZOO.items())
def test_a_recipe_builds_the_network_of_its_checkpoint(name, official):
    model = read_recipe(shipped_recipes()[name]).model
    config = SEGMENTATION[official].config
    assert config is not None

    # The checkpoints serve all output strides; a recipe trains at one.
    assert model == config.model_copy(update={"output_stride": model.output_stride})


@pytest.mark.parametrize(("name", "official"), ZOO.items())
def test_a_recipe_promises_what_was_published_of_its_checkpoint(name, official):
    _, result = recipe_notes(shipped_recipes()[name])

    for evaluation in SEGMENTATION[official].evaluations:
        assert f"{100 * evaluation.mean_iou:.2f}" in result
        assert evaluation.split in result


@pytest.mark.parametrize(("name", "expected"), PROTOCOLS.items())
def test_a_recipe_holds_the_protocol_that_was_published(name, expected):
    recipe = read_recipe(shipped_recipes()[name])

    train, data, model = recipe.train, recipe.data, recipe.model
    assert data.crop_size == (data.crop_size[0],) * 2
    assert (train.batch_size, train.optimizer, train.momentum) == (16, "sgd", 0.9)
    assert expected == (
        *(data.train_split, train.steps, data.crop_size[0], train.learning_rate),
        *(train.weight_decay, model.output_stride, train.norms),
    )


@every_recipe
def test_a_published_recipe_keeps_to_the_details_of_the_release(path):
    recipe = read_recipe(path)

    data, train, model = recipe.data, recipe.train, recipe.model
    assert (data.scale, data.scale_step, data.flip) == ((0.5, 2.0), 0.25, True)
    assert (train.bias_factor, train.last_layer_factor, train.encoder_factor) == (2.0, 1.0, 1.0)
    assert (model.padding, model.align_corners) == ("same", True)
    assert data.mean == data.std == (127.5, 127.5, 127.5)
    assert model.multi_grid == ((1, 2, 4) if "resnet101" in path.stem else (1, 1, 1))


@every_recipe
def test_the_learning_rates_of_a_recipe_fall_along_the_power_of_the_papers(path):
    recipe = read_recipe(path)
    train = recipe.train
    with torch.device("meta"):
        optimizer = build_optimizer(build_model(recipe.model), train)
    schedule = build_schedule(optimizer, train, total_steps=train.total_steps(1))

    factors = [schedule.lr_lambdas[0](step * train.total_steps(1) // 4) for step in (0, 2, 3, 4)]
    assert factors == pytest.approx([1.0, 0.5**0.9, 0.25**0.9, 0.0])
    found = {(group["initial_lr"], group["weight_decay"]) for group in optimizer.param_groups}
    rate, decay = train.learning_rate, train.weight_decay
    # Dense convolutions; norms and depthwise kernels; biases.
    assert found == {(rate, decay), (rate, 0.0), (2 * rate, 0.0)}


def dataset(folder: Path, layout: str) -> Path:
    """A made-up dataset with the splits that recipes name."""
    root = written(folder, layout)
    if layout == "voc":
        lists = root / "VOCdevkit" / "VOC2012" / "ImageSets" / "Segmentation"
        names = [(lists / f"{split}.txt").read_text() for split in ("train", "val")]
        (lists / "trainval.txt").write_text("".join(names))
        paint_hard_classes(root / "VOCdevkit" / "VOC2012" / "SegmentationClass")
    if layout == "coco":
        for path in (root / "annotations").iterdir():
            name_all_classes(path)
    if layout == "cityscapes":
        for kind, coarse in (("leftImg8bit", "leftImg8bit"), ("gtFine", "gtCoarse")):
            for file in (root / kind / "train").rglob("*.png"):
                place = file.relative_to(root / kind / "train")
                copy = root / coarse / "train_extra" / str(place).replace(kind, coarse)
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(file.read_bytes())
    return root


def name_all_classes(path: Path) -> None:
    """Number the categories of a file of COCO as `atrous.data.coco_voc` does."""
    content = json.loads(path.read_text())
    names = {category["id"]: category["name"] for category in content["categories"]}
    for one in content["annotations"]:
        one["category_id"] = VOC.names.index(names[one["category_id"]])
    content["categories"] = [{"id": i, "name": name} for i, name in enumerate(VOC.names) if i]
    path.write_text(json.dumps(content))


def paint_hard_classes(folder: Path) -> None:
    """Give a corner of every picture the class chair, which recipes repeat."""
    for file in folder.glob("*.png"):
        with Image.open(file) as labels:
            labels.load()
        labels.putpixel((1, 1), 9)
        labels.save(file)


def shortened(recipe: Recipe) -> Recipe:
    """One step of two small crops, of the same network with a light encoder."""
    table: Mapping[str, dict[str, object]] = recipe.model_dump(mode="json")
    heavy = recipe.model.encoder.startswith(("xception", "resnet"))
    if heavy:
        table["model"]["encoder"] = "mobilenetv2_035"
        table["model"]["multi_grid"] = [1, 1, 1]
    table["data"] |= {"crop_size": [65, 65], "workers": 0}
    table["train"] |= {"steps": 1, "batch_size": 2, "precision": "fp32", "evaluate_every": 1000}
    return recipe_from(dict(table), where="the test")


@every_recipe
def test_a_published_recipe_takes_a_step_on_its_layout_and_ends(path, tmp_path):
    recipe = shortened(read_recipe(path))
    notes = Notes()

    root = dataset(tmp_path, recipe.data.layout)
    run_training(recipe, root, out=tmp_path / "run", name=path.stem, reporter=notes)

    assert [progress.step for progress in notes.steps] == [1]
    assert not notes.steps[0].skipped
    assert (tmp_path / "run" / "last.safetensors").is_file()


def test_the_second_stage_starts_from_the_first_and_keeps_its_statistics(tmp_path):
    weights = []
    start = None
    for name in ("voc_mobilenetv2_coco", "voc_mobilenetv2_coco_trainval"):
        recipe, out = shortened(read_recipe(shipped_recipes()[name])), tmp_path / name
        root = tmp_path / "as-voc"
        root = root if root.is_dir() else dataset(tmp_path, "voc")
        run_training(recipe, root, out=out, name=name, reporter=Notes(), start=start)
        start = out / "last.safetensors"
        weights.append(load_file(start))

    first, second = weights
    assert first.keys() == second.keys()
    for name in first:
        stays = "running" in name or "num_batches" in name
        assert torch.equal(first[name], second[name]) or not stays, name
    moved = [name for name in first if not torch.equal(first[name], second[name])]
    assert "classifier.weight" in moved
    assert any("norm.weight" in name for name in moved)


def test_a_second_stage_without_a_first_is_warned_of(tmp_path):
    recipe = shortened(read_recipe(shipped_recipes()["voc_mobilenetv2_coco_trainval"]))
    notes = Notes()

    run_training(recipe, dataset(tmp_path, "voc"), out=tmp_path / "run", name="t", reporter=notes)

    assert any("nothing has given them statistics" in sentence for sentence in notes.sentences)


def test_names_tell_the_dataset_and_every_dataset_has_recipes():
    kinds = [name for name, _ in groupby(path.stem.split("_")[0] for path in SEGMENTS)]

    assert kinds == ["ade20k", "cityscapes", "coco", "voc"]
