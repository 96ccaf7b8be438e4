"""CamVid's layout, made up and real."""

import numpy as np
import pytest
from PIL import Image

from atrous.data.camvid import CAMVID
from atrous.data.detect import open_split
from atrous.data.sample import read_pair
from atrous.errors import DatasetError
from atrous.imaging import read_labels


def test_each_picture_of_a_split_gets_the_labels_of_its_name(camvid_like):
    pairs = open_split(camvid_like, "val", layout="camvid").pairs

    assert [pair.name for pair in pairs] == ["p0", "p1", "p2", "p3"]
    assert all(pair.image.path.parent == camvid_like / "val" for pair in pairs)
    assert all(
        pair.labels.path == camvid_like / "valannot" / pair.image.path.name for pair in pairs
    )


def test_a_sample_holds_the_very_pixels_of_its_files(camvid_like):
    pair = open_split(camvid_like, "train", layout="camvid").pairs[1]

    sample = read_pair(pair, CAMVID)

    np.testing.assert_array_equal(sample.image, np.asarray(Image.open(pair.image.path)))
    np.testing.assert_array_equal(sample.labels, np.asarray(Image.open(pair.labels.path)))


def test_a_split_that_is_not_there_is_refused_with_what_is(camvid_like):
    with pytest.raises(DatasetError, match=r"no split 'test' .*camvid\); it has train, val"):
        open_split(camvid_like, "test", layout="camvid")


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(
        DatasetError, match=r"not of the layout 'camvid'; expected folders train and tr"
    ):
        open_split(tmp_path, "train", layout="camvid")


@pytest.mark.shared
@pytest.mark.parametrize(("split", "count"), [("train", 367), ("val", 101)])
def test_the_real_splits_have_the_sizes_of_the_tutorial(camvid_root, split, count):
    assert len(open_split(camvid_root, split).pairs) == count


@pytest.mark.shared
def test_the_real_class_shares_are_those_that_its_readme_states(camvid_root):
    pixels = np.zeros(12, np.int64)
    for pair in open_split(camvid_root, "train").pairs:
        pixels += np.bincount(read_labels(pair.labels.path).ravel(), minlength=12)

    stated = [16.9, 23.3, 1.0, 31.7, 4.5, 9.7, 1.2, 1.1, 5.9, 0.6, 0.3, 4.0]
    np.testing.assert_allclose(100 * pixels / pixels.sum(), stated, atol=0.1)
