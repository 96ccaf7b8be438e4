"""Datasets that are damaged or lead astray end in a sentence, never in another error."""

import contextlib
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from atrous.data import DATASETS
from atrous.data.detect import detect_layout, list_split, open_split
from atrous.data.sample import read_pair
from atrous.errors import AtrousError, DatasetError
from data.foreign_datasets import written

TEXTS = {".json", ".jsonl", ".xml", ".txt", ".csv", ".yaml", ".toml", ".tar", ".mat"}
BAD_BYTES = (
    b"\0",
    b"\xff",
    b"9" * 400,
    b"[" * 3000,
    b'"',
    b"{",
    b"-1",
    b"null",
    b"../",
    b"1e999",
    b"\n",
)


def use(root: Path, layout: str) -> None:
    """All that a training does with a dataset, for both splits."""
    for split in ("train", "val"):
        opened = open_split(root, split, layout=layout)
        for pair in opened.pairs:
            read_pair(pair, opened.label_set)


def damaged(content: bytes, random: np.random.Generator) -> bytes:
    """Bytes cut out, cut short, doubled, or replaced by others."""
    start, end = sorted(random.integers(0, len(content) + 1, 2).tolist())
    end = min(end, start + int(random.integers(1, 12)))
    bad = BAD_BYTES[random.integers(len(BAD_BYTES))]
    ways = (
        content[:start] + content[end:],
        content[:start],
        content[:start] + bad + content[end:],
        content[:end] + content[start:],
    )
    return ways[random.integers(len(ways))]


@pytest.mark.parametrize("layout", DATASETS)
def test_forty_damages_to_the_texts_of_a_dataset_end_in_values_or_a_sentence(tmp_path, layout):
    root = written(tmp_path, layout)
    random, said = np.random.default_rng(7), []
    files = sorted(path for path in root.rglob("*") if path.suffix in TEXTS)
    for path in (files[random.integers(len(files))] for _ in range(40 if files else 0)):
        whole = path.read_bytes()
        path.write_bytes(damaged(whole, random))
        try:
            use(root, layout)
        except AtrousError as error:
            said.append(str(error))
        with contextlib.suppress(DatasetError):
            detect_layout(root)
        path.write_bytes(whole)
    use(root, layout)

    assert all(str(root) in sentence for sentence in said)


@pytest.mark.parametrize("layout", DATASETS)
def test_files_that_are_gone_are_faults_or_are_not_listed(tmp_path, layout):
    root = written(tmp_path, layout)
    pictures = [path for path in sorted(root.rglob("*")) if path.suffix in {".jpg", ".png"}]
    for path in pictures:
        whole = path.read_bytes()
        path.unlink()
        for split in ("train", "val"):
            try:
                listing = list_split(root, split, layout=layout)
            except DatasetError:
                continue
            assert all(pair.image.path.is_file() for pair in listing.pairs)
            assert all(str(fault.path) in fault.message for fault in listing.faults)
        path.write_bytes(whole)


@pytest.mark.parametrize(
    ("layout", "file", "old", "new"),
    [
        ("paddleseg", "train.txt", "JPEG/a.jpg", "../a.jpg"),
        ("paddleseg", "train.txt", "JPEG/a.jpg", "/etc/hostname.jpg"),
        ("paddleseg", "train.txt", "PNG/a.png", "..\\..\\a.png"),
        ("csv", "all.csv", "PNG/a.png", "../PNG/a.png"),
        ("jsonl", "all.jsonl", "JPEG/a.jpg", "/JPEG/a.jpg"),
        ("coco", "annotations/instances_train2017.json", '"a.jpg', '"../../../a.jpg'),
        ("cvat", "annotations.xml", 'name="a.png', 'name="../../a.png'),
        ("yolo", "data.yaml", "images/train", "../../../images/train"),
        ("voc", "VOCdevkit/VOC2012/ImageSets/Segmentation/train.txt", "a\n", "../../../../a\n"),
    ],
)
def test_paths_out_of_the_dataset_are_refused(tmp_path, layout, file, old, new):
    root = written(tmp_path, layout)
    text = (root / file).read_text()
    assert old in text
    (root / file).write_text(text.replace(old, new))

    with pytest.raises(DatasetError, match="not below"):
        open_split(root, "train", layout=layout)


def test_a_picture_that_labelme_seeks_out_of_the_dataset_is_refused(tmp_path):
    root = written(tmp_path, "labelme")
    (root / "train" / "a.jpg").rename(tmp_path / "a.jpg")
    path = root / "train" / "a.json"
    path.write_text(path.read_text().replace("a.jpg", "../../a.jpg"))

    with pytest.raises(DatasetError, match=r"names 'train/\.\./\.\./a\.jpg', which is not below"):
        open_split(root, "train")


@pytest.mark.parametrize("layout", ["paired", "camvid", "cityscapes", "voc", "ade20k", "nnunet"])
def test_links_out_of_a_dataset_are_refused_and_links_within_are_not(tmp_path, layout):
    root = written(tmp_path, layout)
    name = {"ade20k": "ADE_training_a", "cityscapes": "a_*_leftImg8bit"}.get(layout, "a")
    picture = next(path for path in sorted(root.rglob(f"{name}*")) if path.is_file())
    inner = picture.rename(root / "elsewhere.bin")
    picture.symlink_to(inner)
    use(root, layout)

    picture.unlink()
    picture.symlink_to(shutil.move(inner, tmp_path / "away.bin"))
    faults = list_split(root, "train", layout=layout).faults
    assert "outside" in {fault.kind for fault in faults}


def test_a_folder_that_links_to_itself_is_walked_once(tmp_path):
    root = written(tmp_path, "paired")
    (root / "train" / "images" / "again").symlink_to(root / "train" / "images")

    use(root, "paired")


def test_xml_with_entities_is_refused(tmp_path):
    root = written(tmp_path, "cvat")
    text = (root / "annotations.xml").read_text()
    bomb = '<!DOCTYPE a [<!ENTITY x "xxxxxxxxxx">]>'
    (root / "annotations.xml").write_text(text.replace("<annotations>", bomb + "<annotations>"))

    with pytest.raises(DatasetError, match="declares entities"):
        open_split(root, "train", layout="cvat")


def test_json_without_end_is_refused(tmp_path):
    root = written(tmp_path, "labelme")
    (root / "train" / "a.json").write_text('{"shapes": [], "imagePath": ' + "[" * 100_000)

    with pytest.raises(DatasetError, match=r"a\.json: not (read: lists within|JSON)"):
        open_split(root, "train")


def test_files_of_a_terabyte_are_refused_from_their_size(tmp_path):
    root = written(tmp_path, "coco")
    with (root / "annotations" / "instances_train2017.json").open("ab") as file:
        os.truncate(file.fileno(), 1 << 40)

    with pytest.raises(DatasetError, match="larger than the 512 MiB"):
        open_split(root, "train", layout="coco")


def test_a_folder_that_cannot_be_looked_at_is_refused():
    with pytest.raises(DatasetError, match=r"cannot be read \(File name too long\)"):
        open_split(Path("x" * 300), "train")


def test_links_in_a_circle_are_refused(tmp_path):
    root = written(tmp_path, "paddleseg")
    (root / "JPEG" / "a.jpg").unlink()
    (root / "JPEG" / "a.jpg").symlink_to("a.jpg")

    with pytest.raises(DatasetError, match=r"names JPEG/a\.jpg, and there is no such file"):
        open_split(root, "train")
