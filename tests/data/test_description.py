"""What dataset.toml says of the numbers and colours in label files."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from atrous.data.description import read_description
from atrous.data.detect import open_split
from atrous.data.sample import read_pair
from atrous.errors import DatasetError

TWO = 'names = ["road", "car"]\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder in ("images", "masks"):
        (tmp_path / "train" / folder).mkdir(parents=True)
    Image.new("RGB", (3, 1)).save(tmp_path / "train" / "images" / "a.png")
    return tmp_path


def read(root: Path, labels: list[int] | list[list[int]], text: str) -> list[int]:
    """The labels of a picture of three pixels whose label file holds ``labels``."""
    array = np.array([labels])
    kind = np.uint16 if array.max() > 255 else np.uint8
    Image.fromarray(array.astype(kind)).save(root / "train" / "masks" / "a.png")
    (root / "dataset.toml").write_text(text)
    opened = open_split(root, "train")
    return read_pair(opened.pairs[0], opened.label_set).labels[0].tolist()


def test_values_are_mapped_to_names_indices_and_ignore(root):
    text = TWO + 'label_map = { 7 = "car", 8 = 0, 9 = "ignore" }'

    assert read(root, [7, 8, 9], text) == [1, 0, 255]


def test_a_picture_of_0_and_255_is_mended_by_one_line(root):
    assert read(root, [0, 255, 0], TWO + "ignore = 254\nlabel_map = { 255 = 1 }") == [0, 1, 0]


def test_values_that_are_not_named_stay(root):
    assert read(root, [0, 1, 2], TWO + "label_map = { 2 = 0 }") == [0, 1, 0]


def test_values_of_16_bits_are_mapped(root):
    assert read(root, [1000, 0, 1], TWO + "label_map = { 1000 = 1 }") == [1, 0, 1]


def test_colours_of_the_palette_are_classes(root):
    text = TWO + "palette = [[128, 64, 128], [0, 0, 142]]"

    assert read(root, [[0, 0, 142], [128, 64, 128], [0, 0, 142]], text) == [1, 0, 1]


def test_colours_are_mapped_by_their_hexadecimal_names(root):
    text = TWO + 'label_map = { "#ff0000" = "car", "#0000FF" = 0, "#000000" = "ignore" }'

    assert read(root, [[255, 0, 0], [0, 0, 255], [0, 0, 0]], text) == [1, 0, 255]


def test_unknown_colours_are_named_with_their_count(root):
    text = TWO + "palette = [[128, 64, 128], [0, 0, 142]]"

    with pytest.raises(DatasetError, match=r"1 colours are in no palette: #0a0b0c on 2 pixels"):
        read(root, [[10, 11, 12], [10, 11, 12], [0, 0, 142]], text)


def test_colours_without_a_meaning_are_refused_with_what_to_write(root):
    with pytest.raises(DatasetError, match=r"holds RGB colours; .* names and palette into dataset"):
        read(root, [[1, 2, 3]] * 3, TWO)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('label_map = { 7 = "cat" }', "label_map: no class is called 'cat'; did you mean 'car'?"),
        ("label_map = { 7 = 2 }", "label_map: 2 is no class; expected 0 to 1 or 'ignore'"),
        ("label_map = { 7 = 1.5 }", "label_map.7"),
        ('ignore = -1\nlabel_map = { 7 = "ignore" }', "ignore is -1; expected 0 to 65535 to map"),
        ("palette = [[1, 2, 3], [1, 2, 3]]", "palette gives one colour to two classes"),
    ],
)
def test_a_map_that_makes_no_sense_is_refused(tmp_path, text, message):
    (tmp_path / "dataset.toml").write_text(TWO + text)

    with pytest.raises(DatasetError) as caught:
        read_description(tmp_path)
    assert message in str(caught.value)


def test_a_palette_without_names_is_refused(tmp_path):
    (tmp_path / "dataset.toml").write_text("palette = [[1, 2, 3]]")

    with pytest.raises(DatasetError, match="palette needs names"):
        read_description(tmp_path)


@pytest.mark.parametrize("name", ["classes.txt", "class_names.txt", "labels.txt"])
def test_a_list_of_names_is_read_where_there_is_no_description(tmp_path, name):
    (tmp_path / name).write_text("__ignore__\nroad\n\ncar\n")

    assert read_description(tmp_path).label_set.names == ("road", "car")


def test_a_description_of_a_gigabyte_is_not_read(tmp_path):
    with (tmp_path / "dataset.toml").open("wb") as file:
        file.truncate(1 << 30)

    with pytest.raises(DatasetError, match=r"dataset\.toml: is larger than the 1 MiB"):
        read_description(tmp_path)
