import numpy as np
from PIL import Image

from atrous.data.detect import open_split
from atrous.data.frequencies import count_pixels
from atrous.data.layout import Split
from atrous.data.sample import ImageFile, LabelFile, Pair
from atrous.labels import numbered_label_set
from conftest import write_camvid_like


def test_every_labelled_pixel_counts_for_its_class(tmp_path):
    # One picture of 48 x 64: bands of the 11 classes, the first 2 rows of the first ignored.
    pairs = open_split(write_camvid_like(tmp_path / "c", images=1), "train", layout="camvid")
    rows = [0] * 11
    for row in range(2, 48):
        rows[row * 11 // 48] += 1

    assert count_pixels(pairs) == tuple(64 * count for count in rows)


def test_pictures_of_any_channels_are_counted(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((2, 3, 5), np.uint16))
    labels = tmp_path / "a-labels.png"
    Image.fromarray(np.array([[0, 1, 1], [1, 255, 0]], np.uint8)).save(labels)
    pair = Pair("a", ImageFile(tmp_path / "a.npy"), LabelFile(labels))

    assert count_pixels(Split("made up", "train", numbered_label_set(2), (pair,))) == (2, 3)
