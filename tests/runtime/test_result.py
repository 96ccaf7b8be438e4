import numpy as np
import pytest
from PIL import Image

from atrous.errors import ResourceError
from atrous.imaging import read_labels
from atrous.runtime.result import Segmentation
from known_network import CARD, color_blocks


@pytest.fixture
def result():
    pixels, labels = color_blocks()
    return Segmentation(labels, CARD.label_set, pixels)


def test_a_saved_mask_holds_the_class_indices_and_the_palette(result, tmp_path):
    result.save(tmp_path / "mask.png")

    np.testing.assert_array_equal(read_labels(tmp_path / "mask.png"), result.mask)
    with Image.open(tmp_path / "mask.png") as image:
        assert image.mode == "P"
        assert image.getpalette()[:9] == [200, 0, 0, 0, 200, 0, 0, 0, 200]


def test_a_mask_that_is_there_is_not_replaced_unasked(result, tmp_path):
    (tmp_path / "mask.png").write_bytes(b"precious")

    with pytest.raises(ResourceError, match="is there already"):
        result.save(tmp_path / "mask.png")

    assert (tmp_path / "mask.png").read_bytes() == b"precious"


def test_color_and_overlay_are_pictures_of_the_same_size(result):
    assert result.color().size == result.overlay().size == (90, 60)
    assert result.color().getpixel((0, 0)) == (200, 0, 0)


def test_shares_add_up_to_one(result):
    assert sum(result.shares.values()) == pytest.approx(1)
