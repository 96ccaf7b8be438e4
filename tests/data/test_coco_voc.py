"""COCO with the classes of VOC."""

import json

import numpy as np
import pytest
from PIL import Image

from atrous.data.coco_voc import CALLED_IN_COCO, SPLITS, write_voc_classes
from atrous.data.detect import open_split
from atrous.data.sample import read_pair
from atrous.errors import DatasetError, ResourceError
from atrous.labels import VOC

OTHER = ("giraffe", "toothbrush")
NAMES = (*(CALLED_IN_COCO.get(name, name) for name in VOC.names[1:]), *OTHER)


def square(image, name, side, at=0):
    ring = [at, at, at + side, at, at + side, at + side, at, at + side]
    return {
        "id": 1,
        "image_id": image,
        "category_id": 10 + NAMES.index(name),
        "area": float(side * side),
        "segmentation": [ring],
        "iscrowd": 0,
    }


def write_coco(root, annotations, images=3):
    """Pictures of 64 x 64 with some annotations; numbers of categories are not VOC's."""
    content = {
        "images": [
            {"id": index, "file_name": f"{index}.jpg", "height": 64, "width": 64}
            for index in range(images)
        ],
        "annotations": annotations,
        "categories": [{"id": 10 + index, "name": name} for index, name in enumerate(NAMES)],
    }
    (root / "annotations").mkdir(parents=True)
    for split in SPLITS:
        (root / "annotations" / f"instances_{split}.json").write_text(json.dumps(content))


def test_the_classes_are_those_of_voc_and_all_else_is_background(tmp_path):
    write_coco(tmp_path / "coco", [square(1, "giraffe", 60), square(1, "couch", 40)])
    out = tmp_path / "out"

    assert write_voc_classes(tmp_path / "coco", out) == {"train2017": 1, "val2017": 1}

    for split in SPLITS:
        (out / split).mkdir()
        Image.new("RGB", (64, 64)).save(out / split / "1.jpg")
    opened = open_split(out, "train", layout="coco")
    assert opened.label_set.names == VOC.names
    labels = read_pair(opened.pairs[0], opened.label_set).labels
    assert np.unique(labels).tolist() == [0, VOC.names.index("sofa")]
    assert int((labels > 0).sum()) == 40 * 40


def test_pictures_with_little_of_the_classes_are_left_out(tmp_path):
    annotations = [
        *(square(0, "cat", 31), square(0, "giraffe", 60)),  # 961 pixels
        *(square(1, "cat", 30), square(1, "dog", 11, at=40)),  # 1021 in all
    ]
    write_coco(tmp_path / "coco", annotations)

    write_voc_classes(tmp_path / "coco", tmp_path / "out")

    text = (tmp_path / "out" / "annotations" / "instances_train2017.json").read_text()
    content = json.loads(text)
    assert [image["id"] for image in content["images"]] == [1]
    assert [one["category_id"] for one in content["annotations"]] == [8, 12]


def test_every_class_of_voc_must_have_its_category(tmp_path):
    write_coco(tmp_path / "coco", [])
    path = tmp_path / "coco" / "annotations" / "instances_train2017.json"
    path.write_text(path.read_text().replace('"couch"', '"bench"'))

    with pytest.raises(DatasetError, match=r"instances_train2017\.json: has no category 'couch'"):
        write_voc_classes(tmp_path / "coco", tmp_path / "out")


def test_a_file_that_is_not_cocos_is_refused_with_its_name(tmp_path):
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations" / "instances_train2017.json").write_text("[]")

    with pytest.raises(DatasetError, match=r"instances_train2017\.json: "):
        write_voc_classes(tmp_path, tmp_path / "out")


def test_nothing_is_written_over(tmp_path):
    write_coco(tmp_path / "coco", [square(0, "cat", 50)])
    write_voc_classes(tmp_path / "coco", tmp_path / "out")

    with pytest.raises(ResourceError, match="is there already"):
        write_voc_classes(tmp_path / "coco", tmp_path / "out")
