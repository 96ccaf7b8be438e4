"""labelme, CVAT, COCO and YOLO: shapes, sizes, classes, and what is refused."""

import base64
import io
import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from atrous.data.cvat import _shape
from atrous.data.detect import list_split, open_split, splits_of
from atrous.data.sample import read_pair
from atrous.errors import DatasetError
from data.foreign_datasets import SIZE, coco_content, written


def labels_of(root: Path, split: str = "val") -> np.ndarray:
    """The labels of the first picture of a split."""
    opened = open_split(root, split)
    return read_pair(opened.pairs[0], opened.label_set).labels


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def labelme(root: Path, *shapes: dict, **about: object) -> Path:
    """A dataset of two pictures, the first with ``shapes``."""
    for name in ("a", "b"):
        Image.new("RGB", (6, 4)).save(root / f"{name}.png")
        content = {"imagePath": f"{name}.png", "shapes": [*shapes], **about}
        (root / f"{name}.json").write_text(json.dumps(content))
    return root


def rectangle(label: str, *corners: tuple[float, float]) -> dict:
    return {"label": label, "points": corners, "shape_type": "rectangle"}


def test_rectangles_of_labelme_are_filled_from_any_corner(tmp_path):
    root = labelme(tmp_path, rectangle("car", (5, 3), (2, 1)))

    expected = np.zeros((4, 6))
    expected[1:3, 2:5] = 1
    np.testing.assert_array_equal(labels_of(root), expected)


def test_circles_of_labelme_have_their_area(tmp_path):
    root = labelme(tmp_path, {"label": "a", "points": [(50, 40), (80, 40)], "shape_type": "circle"})
    for name in ("a", "b"):
        Image.new("RGB", (100, 80)).save(root / f"{name}.png")

    # A polygon of 64 corners lacks 0.16 % of the circle; the rest is the pixels' edges.
    assert labels_of(root).sum() == pytest.approx(np.pi * 30**2, rel=0.01)


def test_masks_of_labelme_are_laid_on_their_corner(tmp_path):
    file = io.BytesIO()
    Image.fromarray(np.array([[0, 255], [255, 255]], np.uint8)).save(file, format="PNG")
    mask = base64.b64encode(file.getvalue()).decode()
    points = [(3, 1), (4, 2)]
    root = labelme(tmp_path, {"label": "a", "points": points, "shape_type": "mask", "mask": mask})

    np.testing.assert_array_equal(labels_of(root)[1:3, 3:5], [[0, 1], [1, 1]])
    assert labels_of(root).sum() == 3


@pytest.mark.parametrize("kind", ["line", "point", "linestrip"])
def test_shapes_without_an_area_are_refused(tmp_path, kind):
    root = labelme(tmp_path, {"label": "a", "points": [(0, 0), (3, 3)], "shape_type": kind})

    with pytest.raises(DatasetError, match=rf"shape 'a': is a {kind}, which covers no area"):
        labels_of(root)


def test_ignored_and_background_shapes_of_labelme_are_no_classes(tmp_path):
    root = labelme(
        tmp_path,
        rectangle("car", (0, 0), (6, 4)),
        rectangle("__ignore__", (0, 0), (1, 1)),
        rectangle("_background_", (5, 3), (6, 4)),
    )

    assert open_split(root, "val").label_set.names == ("background", "car")
    labels = labels_of(root)
    assert (labels[0, 0], labels[3, 5], labels[2, 2]) == (255, 0, 1)


def test_without_a_background_among_the_names_the_rest_is_ignored(tmp_path):
    root = labelme(tmp_path, rectangle("car", (0, 0), (1, 1)))
    (root / "dataset.toml").write_text('names = ["car", "road"]')

    assert labels_of(root)[0].tolist() == [0, 255, 255, 255, 255, 255]


def test_an_unknown_name_is_refused_with_the_nearest(tmp_path):
    root = labelme(tmp_path, rectangle("cra", (0, 0), (1, 1)))
    (root / "labels.txt").write_text("__ignore__\n_background_\ncar\n")

    with pytest.raises(DatasetError, match=r"no class is called 'cra'; did you mean 'car'\?"):
        labels_of(root)


def test_names_are_mapped_by_the_description(tmp_path):
    root = labelme(tmp_path, rectangle("van", (0, 0), (1, 1)), rectangle("dirt", (1, 0), (2, 1)))
    text = 'names = ["background", "car"]\nlabel_map = { van = "car", dirt = "ignore" }'
    (root / "dataset.toml").write_text(text)

    assert labels_of(root)[0].tolist() == [1, 255, 0, 0, 0, 0]


def test_a_picture_that_labelme_names_elsewhere_is_found(tmp_path):
    root = labelme(tmp_path, rectangle("car", (0, 0), (1, 1)))
    (root / "photos").mkdir()
    for name in ("a", "b"):
        (root / f"{name}.png").rename(root / "photos" / f"{name}.png")
        edit(root / f"{name}.json", f"{name}.png", f"photos\\\\{name}.png")

    assert len(open_split(root, "train").pairs) == 1


def test_pictures_and_json_files_without_each_other_are_faults(tmp_path):
    root = written(tmp_path, "labelme")
    (root / "train" / "a.json").unlink()
    (root / "train" / "b.jpg").unlink()

    faults = list_split(root, "train").faults
    assert {(fault.kind, fault.path.name) for fault in faults} == {
        ("no labels", "a.jpg"),
        ("no picture", "b.json"),
    }


@pytest.mark.parametrize(
    ("layout", "file"),
    [
        ("labelme", "val/d.json"),
        ("coco", "annotations/instances_val2017.json"),
        ("cvat", "annotations.xml"),
    ],
)
def test_outlines_for_a_picture_of_another_size_are_refused(tmp_path, layout, file):
    root = written(tmp_path, layout)
    edit(root / file, "32", "33")

    with pytest.raises(DatasetError, match="drawn on 33 x 24, the picture is 32 x 24"):
        labels_of(root)


def coco(root: Path, **changed: object) -> Path:
    """The made-up COCO dataset, with keys of the val file's first annotation changed."""
    folder = written(root, "coco")
    content = coco_content(("d",))
    content["annotations"] = [content["annotations"][0] | changed]  # type: ignore[index]
    (folder / "annotations" / "instances_val2017.json").write_text(json.dumps(content))
    return folder


def test_run_lengths_of_coco_go_down_the_columns(tmp_path):
    counts = [2, 3, SIZE[0] * SIZE[1] - 5]
    labels = labels_of(coco(tmp_path, segmentation={"size": list(SIZE), "counts": counts}))

    assert np.argwhere(labels == 1).tolist() == [[2, 0], [3, 0], [4, 0]]


def test_several_outlines_of_one_thing_are_joined_where_they_overlap(tmp_path):
    square = [0, 0, 4, 0, 4, 4, 0, 4]
    labels = labels_of(coco(tmp_path, segmentation=[square, [2, 2, 6, 2, 6, 6, 2, 6]]))

    assert (labels == 1).sum() == 16 + 16 - 4


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"segmentation": None}, "has no segmentation, only a box"),
        ({"segmentation": []}, "has no segmentation, only a box"),
        ({"segmentation": [[1, 2, 3, 4]]}, "needs at least 3 points"),
        ({"segmentation": {"size": [3, 3], "counts": [9]}}, "not of the picture's size"),
        ({"segmentation": {"size": [24, 32], "counts": [9]}}, "do not fill 32 x 24"),
        ({"segmentation": {"size": [24, 32], "counts": "\u20ac"}}, "run lengths are damaged"),
        ({"category_id": 99}, "names picture 0 and category 99"),
        ({"image_id": 99}, "names picture 99 and category 3"),
        ({"category_id": "car"}, "annotations.0.category_id"),
    ],
)
def test_damaged_annotations_of_coco_are_refused(tmp_path, changed, message):
    with pytest.raises(DatasetError, match=message) as caught:
        labels_of(coco(tmp_path, **changed))
    assert "instances_val2017.json" in str(caught.value)


def test_a_folder_for_each_split_with_its_json_is_coco_too(tmp_path):
    root = written(tmp_path, "coco")
    for split, other in (("train", "train"), ("val", "valid")):
        (root / f"{split}2017").rename(root / other)
        annotations = root / "annotations" / f"instances_{split}2017.json"
        annotations.rename(root / other / "_annotations.coco.json")
    (root / "annotations").rmdir()

    assert splits_of(root) == ("train", "valid")
    assert len(open_split(root, "val").pairs) == 1


def test_one_file_of_coco_is_split_by_a_hash(tmp_path):
    root = written(tmp_path, "coco")
    for name in ("instances_val2017", "instances_train2017"):
        (root / "annotations" / f"{name}.json").unlink()
    (root / "annotations.json").write_text(json.dumps(coco_content(("a", "b", "c"))))
    (root / "train2017").rename(root / "images")

    assert [len(open_split(root, split).pairs) for split in ("train", "val")] == [2, 1]


def test_shapes_of_cvat_lie_over_each_other_by_their_z_order(tmp_path):
    root = written(tmp_path, "cvat")
    before = labels_of(root)
    edit(root / "annotations.xml", 'z_order="1"', 'z_order="-1"')

    changed = labels_of(root) != before
    assert set(before[changed]) == {2}
    assert set(labels_of(root)[changed]) == {1}


@pytest.mark.parametrize(
    ("shape", "area"),
    [
        ('<box label="car" xtl="2" ytl="1" xbr="12" ybr="5"/>', 40),
        ('<box label="car" xtl="8" ytl="8" xbr="18" ybr="12" rotation="90"/>', 40),
        ('<ellipse label="car" cx="16" cy="12" rx="10" ry="8"/>', np.pi * 80),
    ],
)
def test_boxes_and_ellipses_of_cvat_have_their_area(tmp_path, shape, area):
    root = written(tmp_path, "cvat")
    text = (root / "annotations.xml").read_text()
    start = text.index('<image name="d.png"')
    head = text[start : text.index(">", start) + 1]
    (root / "annotations.xml").write_text(f"{text[:start]}{head}{shape}</image></annotations>")

    # An ellipse of 64 corners on so few pixels is off by a few of them.
    assert (labels_of(root) == 1).sum() == pytest.approx(area, rel=0.03)


def test_a_turned_box_of_cvat_stands_upright():
    text = '<box xtl="0" ytl="4" xbr="10" ybr="6" rotation="45"/>'
    outline = _shape(ElementTree.fromstring(text), 1, "x")  # noqa: S314

    # Clockwise on the screen, where y goes down: the left end goes up.
    left_end = outline.rings[0][[0, 3]].mean(axis=0)
    np.testing.assert_allclose(left_end, np.array([5, 5]) - 5 / np.sqrt(2))


def test_polylines_of_cvat_are_refused(tmp_path):
    root = written(tmp_path, "cvat")
    edit(root / "annotations.xml", "<polygon", "<polyline")

    with pytest.raises(DatasetError, match="has a polyline, which covers no area"):
        labels_of(root)


def test_a_file_of_cvat_without_subsets_is_split_by_a_hash(tmp_path):
    root = written(tmp_path, "cvat")
    for subset in ("Train", "Val"):
        edit(root / "annotations.xml", f' subset="{subset}"', "")

    assert [len(open_split(root, split).pairs) for split in ("train", "val")] == [3, 1]


def test_an_empty_file_of_yolo_is_all_background(tmp_path):
    root = written(tmp_path, "yolo")
    (root / "labels" / "val" / "d.txt").write_text("")

    assert (labels_of(root) == 0).all()


def test_a_missing_file_of_yolo_is_a_fault(tmp_path):
    root = written(tmp_path, "yolo")
    (root / "labels" / "val" / "d.txt").unlink()

    with pytest.raises(DatasetError, match=r"d\.jpg: has no labels in .*labels/val"):
        labels_of(root)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("0 0.5 0.5 0.1 0.1", "holds a box, not an outline"),
        ("2 0 0 1 0 1 1", "class 2 has no name; expected 0 to 1"),
        ("0.5 0 0 1 0 1 1", "class 0.5 has no name"),
        ("0 0 0 1 0 1 1 1", "a point has one number"),
        ("0 0 0 x 0 1 1", "expected a number, not 'x'"),
        ("0 0 0 nan 0 1 1", "expected a number, not 'nan'"),
        ("0 1 1", "needs at least 3 points"),
    ],
)
def test_lines_of_yolo_that_are_no_outlines_are_refused(tmp_path, line, message):
    root = written(tmp_path, "yolo")
    (root / "labels" / "val" / "d.txt").write_text(line)

    with pytest.raises(DatasetError, match=message):
        labels_of(root)


def test_the_folders_of_an_export_by_roboflow_are_found(tmp_path):
    root = written(tmp_path, "yolo")
    for split, other in (("train", "train"), ("val", "valid")):
        for kind in ("images", "labels"):
            (root / other).mkdir(exist_ok=True)
            (root / kind / split).rename(root / other / kind)
    text = "train: ../train/images\nval: ../valid/images\nnc: 2\nnames: ['car', 'person']\n"
    (root / "data.yaml").write_text(text)

    assert len(open_split(root, "train").pairs) == 3


def test_a_file_of_cvat_with_one_subset_of_any_name_is_split_by_a_hash(tmp_path):
    root = written(tmp_path, "cvat")
    for subset in ("Train", "Val"):
        edit(root / "annotations.xml", f' subset="{subset}"', ' subset="default"')

    assert [len(open_split(root, split).pairs) for split in ("train", "val")] == [3, 1]


def test_a_file_of_coco_that_a_tool_calls_default_is_split_by_a_hash(tmp_path):
    root = written(tmp_path, "coco")
    (root / "annotations" / "instances_val2017.json").unlink()
    train = root / "annotations" / "instances_train2017.json"
    train.rename(root / "annotations" / "instances_default.json")
    (root / "train2017").rename(root / "images")

    assert [len(open_split(root, split).pairs) for split in ("train", "val")] == [2, 1]
