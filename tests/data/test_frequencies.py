from atrous.data.detect import open_split
from atrous.data.frequencies import count_pixels
from conftest import write_camvid_like


def test_every_labelled_pixel_counts_for_its_class(tmp_path):
    # One picture of 48 x 64: bands of the 11 classes, the first 2 rows of the first ignored.
    pairs = open_split(write_camvid_like(tmp_path / "c", images=1), "train", layout="camvid")
    rows = [0] * 11
    for row in range(2, 48):
        rows[row * 11 // 48] += 1

    assert count_pixels(pairs) == tuple(64 * count for count in rows)
