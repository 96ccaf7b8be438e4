"""Any layout, written anew as paired folders."""

import numpy as np
import pytest
from PIL import Image

from atrous.data import DATASETS
from atrous.data.convert import convert
from atrous.data.detect import detect_layout, open_split, usual_splits
from atrous.data.layout import Split
from atrous.data.sample import ImageFile, LabelFile, Pair, read_pair
from atrous.data.write import description_of
from atrous.errors import DatasetError, ResourceError
from atrous.labels import LabelSet, numbered_label_set
from data.foreign_datasets import written


@pytest.mark.parametrize("layout", DATASETS)
def test_what_was_written_holds_the_same_pixels_and_names(tmp_path, layout):
    root = written(tmp_path, layout)
    splits = [open_split(root, split, layout=layout) for split in ("train", "val")]
    list(convert(splits, tmp_path / "out"))

    assert detect_layout(tmp_path / "out")[0] == "paired"
    assert usual_splits(tmp_path / "out") == tuple(sorted(split.name for split in splits))
    for split in splits:
        copy = open_split(tmp_path / "out", split.name)
        assert copy.label_set == split.label_set
        for old, new in zip(split.pairs, copy.pairs, strict=True):
            expected = read_pair(old, split.label_set)
            found = read_pair(new, copy.label_set)
            np.testing.assert_array_equal(found.labels, expected.labels)
            np.testing.assert_array_equal(found.image, expected.image)


def test_nothing_is_written_over(tmp_path):
    with pytest.raises(ResourceError, match="is there already"):
        list(convert([open_split(written(tmp_path, "labelme"), "val")], tmp_path))


def test_names_that_differ_in_capital_letters_alone_are_refused_before_anything_is_written(
    tmp_path,
):
    pairs = tuple(
        Pair(name, ImageFile(tmp_path / f"{name}.png"), LabelFile(tmp_path / f"{name}.png"))
        for name in ("a", "A")
    )

    with pytest.raises(DatasetError, match=r"A\.png: would be written where .*a\.png is; rename"):
        list(convert([Split("paired", "train", numbered_label_set(2), pairs)], tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_a_class_of_any_name_is_described(tmp_path):
    label_set = LabelSet(('say "ä"', "b\\c\n"), ((0, 0, 0), (1, 1, 1)), 7)
    for folder, value in (("images", 0), ("masks", 1)):
        (tmp_path / "train" / folder).mkdir(parents=True)
        Image.new("L", (4, 4), value).save(tmp_path / "train" / folder / "a.png")
    (tmp_path / "dataset.toml").write_text(description_of(label_set))

    assert open_split(tmp_path, "train").label_set == label_set
