"""Pairs on disk: partners, sizes, values, and errors that keep their type."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torch.utils.data import DataLoader

from atrous.data.detect import open_split
from atrous.data.folders import find_files, match
from atrous.data.layout import pairs_of
from atrous.data.loader import Normalization, Samples
from atrous.data.sample import ImageFile, LabelFile, Pair, read_labels, read_pair, spread
from atrous.errors import DatasetError, InputError
from atrous.labels import numbered_label_set

TWO = numbered_label_set(2)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder in ("images", "labels"):
        (tmp_path / folder).mkdir()
    for name in ("a", "b"):
        Image.new("RGB", (6, 4)).save(tmp_path / "images" / f"{name}.jpg")
        Image.new("L", (6, 4), 1).save(tmp_path / "labels" / f"{name}.png")
    return tmp_path


def pairs_in(root: Path):
    images, labels = (find_files(root / folder, root) for folder in ("images", "labels"))
    return pairs_of(match(images, labels, source=LabelFile, where="labels"), str(root / "images"))


def test_pairs_come_in_the_order_of_their_names(root):
    assert [pair.name for pair in pairs_in(root)] == ["a", "b"]


def test_the_same_name_in_two_folders_is_two_pairs(root):
    for folder in ("images", "labels"):
        (root / folder / "night").mkdir()
        Image.new("L", (6, 4)).save(root / folder / "night" / "a.png")

    assert [pair.name for pair in pairs_in(root)] == ["a", "b", "night/a"]


@pytest.mark.parametrize("missing", ["images/b.jpg", "labels/b.png"])
def test_a_missing_partner_is_named(root, missing):
    (root / missing).unlink()

    with pytest.raises(DatasetError, match=r"/b\..*: (has no labels|are labels without a picture)"):
        pairs_in(root)


def test_missing_partners_are_counted(root):
    for path in (root / "labels").iterdir():
        path.unlink()

    with pytest.raises(DatasetError, match=r"a\.jpg: has no labels in labels \(and 1 more file"):
        pairs_in(root)


def test_labels_that_differ_in_capital_letters_are_hinted_at(root):
    (root / "labels" / "b.png").rename(root / "labels" / "B.png")

    with pytest.raises(
        DatasetError, match=r"b\.jpg: has .*; B\.png differs from it only in capital"
    ):
        pairs_in(root)


@pytest.mark.parametrize("ending", ["_mask", "_label", "_gtFine_labelIds", "_gt"])
def test_labels_are_found_under_the_endings_that_tools_give_them(root, ending):
    (root / "labels" / "a.png").rename(root / "labels" / f"a{ending}.png")

    assert pairs_in(root)[0].labels.path.name == f"a{ending}.png"


def test_a_link_out_of_the_dataset_is_refused(root, tmp_path_factory):
    away = tmp_path_factory.mktemp("away") / "a.jpg"
    (root / "images" / "a.jpg").rename(away)
    (root / "images" / "a.jpg").symlink_to(away)

    with pytest.raises(DatasetError, match=r"a\.jpg: is a link out of .*; copy the file"):
        pairs_in(root)


def test_two_files_of_one_name_are_refused(root):
    Image.new("RGB", (6, 4)).save(root / "images" / "a.png")

    with pytest.raises(
        DatasetError, match=r"a\.png: two files share the name 'a', the other is .*a\.jpg"
    ):
        pairs_in(root)


def test_hidden_files_and_other_endings_are_left_out(root):
    (root / "images" / ".thumbs").mkdir()
    for name in ("._a.jpg", "Thumbs.db", "notes.txt", ".thumbs/a.jpg"):
        (root / "images" / name).write_bytes(b"not a picture")

    assert len(pairs_in(root)) == 2


def test_a_folder_that_is_called_like_a_picture_is_no_picture(root):
    (root / "images" / "album.png").mkdir()

    assert len(pairs_in(root)) == 2


def test_capital_endings_are_found(root):
    (root / "images" / "a.jpg").rename(root / "images" / "a.JPG")

    assert pairs_in(root)[0].image.path.name == "a.JPG"


def test_folders_without_pictures_are_refused(root):
    for path in (root / "images").iterdir():
        path.unlink()

    with pytest.raises(DatasetError, match=r"are labels without a picture"):
        pairs_in(root)


def test_labels_of_another_size_are_refused_with_both_sizes(root):
    Image.new("L", (5, 4)).save(root / "labels" / "a.png")

    with pytest.raises(DatasetError, match=r"labels are 5 x 4, the picture is 6 x 4; they must"):
        read_pair(pairs_in(root)[0], TWO)


def test_a_picture_turned_by_its_exif_tag_is_hinted_at(root):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (6, 4)).save(root / "images" / "a.jpg", exif=exif)

    with pytest.raises(DatasetError, match="6 x 4, the picture is 4 x 6; the picture may be turne"):
        read_pair(pairs_in(root)[0], TWO)


@pytest.mark.parametrize("value", [2, 21, 254])
def test_a_label_without_a_class_is_refused_with_what_was_expected(root, value):
    Image.new("L", (6, 4), value).save(root / "labels" / "a.png")

    expected = rf"unknown label values \[{value}\]; expected 0 to 1, or 255 to ignore a pixel"
    with pytest.raises(DatasetError, match=expected):
        read_pair(pairs_in(root)[0], TWO)


def test_a_16_bit_label_without_a_class_is_refused(root):
    Image.fromarray(np.full((4, 6), 300, np.uint16)).save(root / "labels" / "a.png")

    with pytest.raises(DatasetError, match=r"unknown label values \[300\]"):
        read_pair(pairs_in(root)[0], TWO)


def test_many_wrong_values_are_cut_short(root):
    Image.fromarray(np.arange(24, dtype=np.uint8).reshape(4, 6)).save(root / "labels" / "a.png")

    with pytest.raises(DatasetError, match=r"values \[2, 3, 4, 5, 6, 7, 8, 9\];"):
        read_pair(pairs_in(root)[0], TWO)


def test_ignored_pixels_are_no_wrong_values(root):
    Image.new("L", (6, 4), 255).save(root / "labels" / "a.png")

    assert (read_pair(pairs_in(root)[0], TWO).labels == 255).all()


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize(
    ("broken", "content", "kind", "message"),
    [
        ("masks/a.png", None, DatasetError, r"unknown label values \[7\]; expected 0 to 1"),
        ("images/a.png", b"<html>", InputError, "not a picture in a format that is read"),
    ],
)
def test_errors_keep_their_type_and_sentence_across_workers(
    tmp_path, workers, broken, content, kind, message
):
    for name, value in (("images", 0), ("masks", 7)):
        (tmp_path / "train" / name).mkdir(parents=True)
        Image.new("L", (6, 4), value).save(tmp_path / "train" / name / "a.png")
    (tmp_path / "dataset.toml").write_text('names = ["a", "b"]')
    if content:
        (tmp_path / "train" / broken).write_bytes(content)
    samples = Samples(
        open_split(tmp_path, "train"), seed=0, normalization=Normalization(), augment=None
    )

    with pytest.raises(kind, match=message) as caught:
        list(DataLoader(samples, sampler=[(0, 0)], num_workers=workers))
    assert type(caught.value) is kind


def test_labels_alone_are_read_without_their_picture(tmp_path):
    labels = tmp_path / "labels.png"
    Image.fromarray(np.array([[0, 1], [255, 1]], np.uint8)).save(labels)
    pair = Pair("a", ImageFile(tmp_path / "gone.jpg"), LabelFile(labels))

    found = read_labels(pair, TWO)
    np.testing.assert_array_equal(found, [[0, 1], [255, 1]])


def test_labels_alone_are_held_against_the_classes(tmp_path):
    labels = tmp_path / "labels.png"
    Image.fromarray(np.array([[0, 7]], np.uint8)).save(labels)
    pair = Pair("a", ImageFile(tmp_path / "gone.jpg"), LabelFile(labels))

    with pytest.raises(DatasetError, match=r"labels\.png: unknown label values \[7\]"):
        read_labels(pair, TWO)


@given(st.integers(1, 50), st.integers(1, 50))
def test_a_sample_is_even_and_in_order(length, count):
    taken = spread(range(length), count)

    assert len(taken) == min(length, count)
    steps = np.diff(taken)
    assert steps.size == 0 or (steps.min() >= 1 and steps.max() - steps.min() <= 1)
