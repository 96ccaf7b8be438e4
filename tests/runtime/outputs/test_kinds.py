"""Single files: what each kind holds."""

import json

import numpy as np
import pytest
from PIL import Image

from atrous.data import DATASETS
from atrous.errors import InputError, ResourceError
from atrous.labels import LabelSet
from atrous.runtime.outputs import OUTPUTS, Item, Job
from atrous.runtime.outputs.writer import OutputWriter
from atrous.runtime.result import Segmentation
from runtime.made_up_masks import street

LABELS = LabelSet(
    ("background", "car", "tree", "sky"), ((0, 0, 0), (9, 0, 0), (0, 9, 0), (0, 0, 9))
)


@pytest.fixture
def item(tmp_path):
    """A picture with everything that a prediction can hold."""
    mask = street()
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (*mask.shape, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    probabilities = random.random((4, *mask.shape)).astype(np.float16)
    result = Segmentation(
        mask,
        LABELS,
        pixels,
        confidence=random.random(mask.shape).astype(np.float32),
        probabilities=probabilities,
    )
    return Item("photo", tmp_path / "photo.png", result)


def written(item, tmp_path, *kinds, **settings):
    """The files of some kinds."""
    job = Job(tmp_path / "out", LABELS, kinds, **settings)
    with OutputWriter(job) as writer:
        files = writer.files_for(item.name, item.source)
        writer.write(item, files)
    return {**files, **writer.run_files()}


def test_a_cutout_holds_the_picture_where_classes_are_and_nothing_elsewhere(item, tmp_path):
    with Image.open(written(item, tmp_path, "cutout")["cutout"]) as image:
        cut = np.asarray(image)

    covered = item.result.mask != 0
    np.testing.assert_array_equal(cut[covered, :3], item.result.pixels[covered])
    np.testing.assert_array_equal(cut[..., 3], covered * 255)
    assert not cut[~covered].any()


def test_probabilities_are_kept_to_a_part_in_65535(item, tmp_path):
    with Image.open(written(item, tmp_path, "prob")["prob"]) as image:
        grey = np.asarray(image).astype(np.float64)

    np.testing.assert_allclose(grey / 65_535, item.result.confidence, atol=0.51 / 65_535)


def test_arrays_of_numpy_are_read_without_pickle(item, tmp_path):
    files = written(item, tmp_path, "npz", "probs")

    with np.load(files["npz"]) as held:
        np.testing.assert_array_equal(held["labels"], item.result.mask)
        assert held["classes"].tolist() == list(LABELS.names)
        # Half precision has 11 bits.
        np.testing.assert_allclose(held["confidence"], item.result.confidence, rtol=2**-11)
        assert "probabilities" not in held
    with np.load(files["probs"]) as held:
        np.testing.assert_array_equal(held["probabilities"], item.result.probabilities)


def test_geojson_has_closed_rings_holes_and_the_pixels_of_each_class(item, tmp_path):
    content = json.loads(written(item, tmp_path, "geojson")["geojson"].read_text())

    assert content["type"] == "FeatureCollection"
    assert "crs" not in content
    features = content["features"]
    for ring in (ring for one in features for ring in one["geometry"]["coordinates"]):
        assert ring[0] == ring[-1]
    pixels = dict.fromkeys(LABELS.names, 0)
    for feature in features:
        pixels[feature["properties"]["class"]] += feature["properties"]["pixels"]
    counts = np.bincount(item.result.mask.ravel())
    assert list(pixels.values()) == [0, *counts[1:].tolist()]


def test_coco_has_boxes_and_areas_and_runs_only_for_regions_with_holes(item, tmp_path):
    content = json.loads(written(item, tmp_path, "coco")["coco"].read_text())

    assert content["images"] == [{"id": 1, "file_name": "photo.png", "height": 60, "width": 80}]
    assert [one["name"] for one in content["categories"]] == ["car", "tree", "sky"]
    assert sum(one["area"] for one in content["annotations"]) == (item.result.mask > 0).sum()
    for polygon, one in zip(item.polygons, content["annotations"], strict=True):
        assert isinstance(one["segmentation"], dict) == bool(polygon.holes)
        assert one["bbox"] == list(polygon.box)


def test_the_copy_of_a_picture_is_the_same_to_the_byte(item, tmp_path):
    copy = written(item, tmp_path, "picture")["picture"]

    assert copy == tmp_path / "out" / "images" / "photo.png"
    assert copy.read_bytes() == item.source.read_bytes()


def test_labelme_names_the_picture_where_it_is(item, tmp_path):
    path = written(item, tmp_path, "labelme")["labelme"]

    named = json.loads(path.read_text())["imagePath"]
    assert (path.parent / named).resolve() == item.source


def test_nothing_is_replaced_unasked(item, tmp_path):
    written(item, tmp_path, "coco")

    with pytest.raises(ResourceError, match=r"coco\.json is there already"):
        written(item, tmp_path, "coco")
    written(item, tmp_path, "coco", overwrite=True)


def test_a_description_of_the_users_own_stays(item, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "dataset.toml").write_text("names = ['mine']")

    written(item, tmp_path, "yolo", overwrite=True)

    assert (tmp_path / "out" / "dataset.toml").read_text() == "names = ['mine']"


def test_a_run_that_breaks_off_leaves_no_half_file(item, tmp_path):
    job = Job(tmp_path / "out", LABELS, ("coco", "cvat", "yolo"))

    with pytest.raises(KeyboardInterrupt), OutputWriter(job) as writer:  # noqa: PT012
        writer.write(item, writer.files_for(item.name, item.source))
        raise KeyboardInterrupt

    assert [path.name for path in (tmp_path / "out").rglob("*.*")] == ["photo.txt"]


def test_a_run_without_a_picture_writes_nothing(tmp_path):
    with OutputWriter(Job(tmp_path / "out", LABELS, ("coco", "cvat", "yolo"))):
        pass

    assert not (tmp_path / "out").exists()


def test_a_full_disk_is_said_and_leaves_no_half_file(item, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    job = Job(tmp_path / "out", LABELS, ("coco",))
    monkeypatch.setattr("atrous.runtime.outputs.coco.json_bytes", full)

    with pytest.raises(ResourceError, match="the disk is full"), OutputWriter(job) as writer:
        writer.write(item, {})

    assert not list((tmp_path / "out").iterdir())


def test_a_name_that_xml_cannot_hold_is_refused_and_the_rest_goes_on(item, tmp_path):
    strange = Item("bell\a", item.source, item.result)
    job = Job(tmp_path / "out", LABELS, ("cvat",))

    with OutputWriter(job) as writer:
        with pytest.raises(InputError, match="cannot stand in XML"):
            writer.write(strange, {})
        writer.write(item, {})

    assert (tmp_path / "out" / "cvat.xml").read_text().count("<image ") == 1


def test_every_kind_writes_something_and_none_the_file_of_another(item, tmp_path):
    files = written(item, tmp_path, *OUTPUTS)

    assert set(files) == set(OUTPUTS)
    assert len(set(files.values())) == len(files)
    assert all(path.stat().st_size > 0 for path in files.values())


def test_kinds_for_annotation_tools_are_layouts_that_are_read():
    assert {"labelme", "coco", "cvat", "yolo"} <= set(OUTPUTS) & set(DATASETS)
