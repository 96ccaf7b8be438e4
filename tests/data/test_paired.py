"""Folders of pictures beside folders of labels, and what dataset.toml may say."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from atrous.data.detect import open_split
from atrous.data.layout import Split
from atrous.errors import DatasetError

SPELLINGS = [
    ("train/images", "train/masks"),
    ("images/train", "masks/train"),
    ("img_dir/train", "ann_dir/train"),
    ("train/images", "train/labels"),
    ("images/train", "labels/train"),
    ("train/Images", "train/Masks"),
    ("imgs/train", "gt/train"),
    ("JPEGImages/train", "SegmentationClass/train"),
    ("train", "trainannot"),
    ("train", "train_masks"),
]


def fill(root: Path, images: str, labels: str, *, values: tuple[int, ...] = (0, 1, 255)) -> Path:
    """A pair called ``a`` whose labels hold ``values``."""
    for folder in (images, labels):
        (root / folder).mkdir(parents=True, exist_ok=True)
    indices = np.resize(np.array(values), (4, 6))
    Image.new("RGB", (6, 4)).save(root / images / "a.jpg")
    Image.fromarray(indices.astype(np.uint16 if max(values) > 255 else np.uint8)).save(
        root / labels / "a.png"
    )
    return root


def opened(root: Path, split: str = "train") -> Split:
    return open_split(root, split, layout="paired")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return fill(tmp_path, "train/images", "train/masks")


def described(root: Path, text: str) -> Path:
    (root / "dataset.toml").write_text(text, encoding="utf-8")
    return root


@pytest.mark.parametrize(("images", "labels"), SPELLINGS)
def test_every_spelling_of_the_folders_is_found(tmp_path, images, labels):
    fill(tmp_path, images, labels)

    (pair,) = opened(tmp_path).pairs

    assert pair.image.path == tmp_path / images / "a.jpg"
    assert pair.labels.path == tmp_path / labels / "a.png"


def test_a_split_that_is_not_there_is_refused_with_those_that_are(root):
    with pytest.raises(DatasetError, match=r"no split 'val' in .*layout paired\); it has train"):
        opened(root, "val")


def test_without_a_description_classes_are_counted_and_255_is_ignored(tmp_path):
    label_set = opened(fill(tmp_path, *SPELLINGS[0], values=(0, 4, 255))).label_set

    assert label_set.names == ("class 0", "class 1", "class 2", "class 3", "class 4")
    assert label_set.ignore_index == 255


def test_the_training_split_is_counted_whichever_is_opened(tmp_path):
    fill(tmp_path, "train/images", "train/masks", values=(0, 5))
    fill(tmp_path, "val/images", "val/masks", values=(0, 1))

    assert opened(tmp_path, "val").label_set.num_classes == 6


def test_a_split_is_counted_itself_where_there_is_no_training_split(tmp_path):
    fill(tmp_path, "val/images", "val/masks", values=(0, 2))

    assert opened(tmp_path, "val").label_set.num_classes == 3


@pytest.mark.parametrize("values", [(0, 255), (0,), (255,)])
def test_labels_of_fewer_than_two_classes_are_refused(tmp_path, values):
    fill(tmp_path, *SPELLINGS[0], values=values)

    with pytest.raises(DatasetError, match=r"expected at least classes 0 and 1\. If 255 marks a c"):
        opened(tmp_path)


def test_more_than_255_classes_need_a_description(tmp_path):
    fill(tmp_path, *SPELLINGS[0], values=(0, 1, 300))

    with pytest.raises(DatasetError, match=r"up to 300, past the 255 .* into dataset\.toml"):
        opened(tmp_path)


def test_a_description_names_colours_and_ignores(root):
    described(root, 'names = ["sky", "Straße"]\nignore = 9\npalette = [[1, 2, 3], [4, 5, 6]]\n')

    label_set = opened(root).label_set

    assert label_set.names == ("sky", "Straße")
    assert label_set.palette == ((1, 2, 3), (4, 5, 6))
    assert label_set.ignore_index == 9


def test_without_a_palette_the_classes_get_colours_that_differ(root):
    described(root, 'names = ["sky", "road", "car"]\n')

    assert len(set(opened(root).label_set.palette)) == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('name = ["a", "b"]', "unknown key 'name'; did you mean 'names'?"),
        ('names = ["a", "b"]\nigonre = 3', "unknown key 'igonre'; did you mean 'ignore'?"),
        (
            'names = ["a", "b"]\nzzz = 3',
            "unknown key 'zzz'; known: names, ignore, palette, label_map",
        ),
        ("names = []", "names: List should have at least 1 item"),
        ('names = ["a", 3]', "names.1: Input should be a valid string, not 3"),
        (
            'names = ["a", "b"]\nignore = "255"',
            "ignore: Input should be a valid integer, not '255'",
        ),
        ('names = ["a", "b"]\npalette = [[1, 2], [3, 4, 5]]', "palette.0: List should have at le"),
        ('names = ["a", "b"]\npalette = [[1, 2, 3]]', "2 class names but 1 palette colours"),
        ('names = ["a", "a"]', "class names must differ; repeated: a"),
        ('names = ["a", "b"]\nignore = 1', "ignore_index 1 is also the index of class 'b'"),
        ("names = [", "not TOML: "),
    ],
)
def test_a_wrong_description_is_refused_with_its_file_and_place(root, text, message):
    described(root, text)

    with pytest.raises(DatasetError) as caught:
        opened(root)
    assert str(caught.value).startswith(f"{root / 'dataset.toml'}: ")
    assert message in str(caught.value)


def test_a_description_that_is_not_utf_8_is_refused(root):
    (root / "dataset.toml").write_bytes(b'names = ["\xff", "b"]')

    with pytest.raises(DatasetError, match=r"dataset\.toml: not text in UTF-8"):
        opened(root)


def flat(root: Path, names: str) -> Path:
    """Pictures in ``images`` and labels in ``masks``, without splits."""
    for folder in ("images", "masks"):
        (root / folder).mkdir()
        for name in names:
            Image.new("L", (6, 4), 1).save(root / folder / f"{name}.png")
    return root


def names_in(root: Path, split: str) -> list[str]:
    return [pair.name for pair in open_split(root, split, layout="paired").pairs]


def test_without_splits_a_fifth_of_the_names_is_val_and_the_rest_train(tmp_path):
    flat(tmp_path, "abcdefghij")

    val = names_in(tmp_path, "val")
    assert len(val) == 2
    assert sorted(names_in(tmp_path, "train") + val) == list("abcdefghij")


def test_the_hash_keeps_nearly_every_picture_in_its_split_when_one_is_added(tmp_path):
    flat(tmp_path, "abcdefghij")
    before = set(names_in(tmp_path, "val"))
    for folder in ("images", "masks"):
        Image.new("L", (6, 4), 1).save(tmp_path / folder / "k.png")

    assert len(before - set(names_in(tmp_path, "val"))) <= 1


def test_one_picture_alone_cannot_be_split(tmp_path):
    with pytest.raises(DatasetError, match=r"a\.png: is the only picture; expected at least two"):
        open_split(flat(tmp_path, "a"), "train")


@pytest.mark.parametrize("place", ["{}.txt", "splits/{}.txt", "ImageSets/Segmentation/{}.txt"])
@pytest.mark.parametrize("form", ["{}", "{}.png", "images/{}.png"])
def test_lists_say_which_pictures_are_in_a_split(tmp_path, place, form):
    flat(tmp_path, "abc")
    for split, names in (("train", "ca"), ("val", "b")):
        path = tmp_path / place.format(split)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(form.format(name) + "\n" for name in names))

    assert names_in(tmp_path, "train") == ["c", "a"]
    assert names_in(tmp_path, "val") == ["b"]


def test_a_listed_picture_that_is_not_there_is_named(tmp_path):
    (flat(tmp_path, "ab") / "train.txt").write_text("a\nzebra\n")

    with pytest.raises(DatasetError, match=r"train\.txt: names 'zebra', and there is no such"):
        open_split(tmp_path, "train")


def test_folders_of_films_are_parts_of_one_dataset(tmp_path):
    for film in ("night", "day"):
        for folder in ("images", "masks"):
            (tmp_path / folder / film).mkdir(parents=True)
            Image.new("L", (6, 4), 1).save(tmp_path / folder / film / "a.png")

    assert sorted(names_in(tmp_path, "train") + names_in(tmp_path, "val")) == ["day/a", "night/a"]


def test_pixel_maps_of_coco_stuff_are_paired_folders(tmp_path):
    for split in ("train2017", "val2017"):
        fill(tmp_path, f"images/{split}", f"stuffthingmaps/{split}")

    assert [open_split(tmp_path, split).name for split in ("train", "val")] == [
        "train2017",
        "val2017",
    ]
