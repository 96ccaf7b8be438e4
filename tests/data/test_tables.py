"""Lists of pairs: PaddleSeg, CSV, JSON Lines."""

import numpy as np
import pytest
from PIL import Image

from atrous.data.detect import detect_layout, list_split, open_split
from atrous.errors import DatasetError
from data.foreign_datasets import written


@pytest.mark.parametrize("between", [" ", "\t", "   "])
def test_a_blank_or_a_tab_is_between_picture_and_labels(tmp_path, between):
    root = written(tmp_path, "paddleseg")
    text = (root / "val.txt").read_text()
    (root / "val.txt").write_text(text.replace(" ", between))

    assert len(open_split(root, "val").pairs) == 1


def test_names_with_blanks_are_read_behind_a_tab(tmp_path):
    root = written(tmp_path, "paddleseg")
    (root / "JPEG" / "d.jpg").rename(root / "JPEG" / "my photo.jpg")
    (root / "val.txt").write_text("JPEG/my photo.jpg\tPNG/d.png\n")

    assert open_split(root, "val").pairs[0].name == "JPEG/my photo"


def test_files_that_a_list_names_and_are_not_there_are_faults(tmp_path):
    root = written(tmp_path, "paddleseg")
    (root / "JPEG" / "a.jpg").unlink()
    (root / "PNG" / "b.png").unlink()

    faults = list_split(root, "train").faults
    assert [fault.kind for fault in faults] == ["no picture", "no labels"]
    assert "names JPEG/a.jpg, and there is no such file" in faults[0].message


def test_a_table_without_splits_is_split_by_a_hash(tmp_path):
    root = written(tmp_path, "csv")
    rows = [f"JPEG/{name}.jpg,PNG/{name}.png" for name in "abcd"]
    (root / "all.csv").write_text("\n".join(["image,mask", *rows]))

    assert [len(open_split(root, split).pairs) for split in ("train", "val")] == [3, 1]


def test_tables_called_as_splits_are_splits(tmp_path):
    root = written(tmp_path, "csv")
    (root / "all.csv").unlink()
    for split, names in (("train", "abc"), ("val", "d")):
        rows = [f"JPEG/{name}.jpg,PNG/{name}.png" for name in names]
        (root / f"{split}.csv").write_text("\n".join(["image_path,label_path", *rows]))

    assert len(open_split(root, "train").pairs) == 3


@pytest.mark.parametrize(
    ("layout", "file", "line", "message"),
    [
        ("csv", "all.csv", "JPEG/a.jpg\n", "line 6: expected columns image and mask"),
        ("jsonl", "all.jsonl", "[1]\n", "line 5: expected an object with image and mask"),
        ("jsonl", "all.jsonl", '{"image": 3}\n', "line 5: expected columns image and mask"),
        ("jsonl", "all.jsonl", "{,}\n", "line 5: not JSON"),
        ("paddleseg", "val.txt", "a b c\n", "expected a picture and its labels, not 'a b c'"),
    ],
)
def test_a_damaged_line_is_refused_with_its_place(tmp_path, layout, file, line, message):
    root = written(tmp_path, layout)
    with (root / file).open("a") as opened:
        opened.write(line)

    with pytest.raises(DatasetError, match=message):
        open_split(root, "val")


def test_classes_are_counted_where_nobody_names_them(tmp_path):
    root = written(tmp_path, "csv")
    (root / "labels.txt").unlink()
    Image.fromarray(np.full((24, 32), 6, np.uint8)).save(root / "PNG" / "a.png")

    assert open_split(root, "val").label_set.num_classes == 7


def test_other_tables_are_no_lists_of_pairs(tmp_path):
    (tmp_path / "results.csv").write_text("epoch,loss\n1,0.5\n")
    (tmp_path / "train.txt").write_text("just a note\n")

    with pytest.raises(DatasetError, match="no known layout"):
        detect_layout(tmp_path)
