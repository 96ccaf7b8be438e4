import numpy as np
import pytest

from atrous.runtime.card import Preprocessing
from atrous.runtime.classification import Classification, prepare_crop


def test_the_most_probable_classes_come_first_and_ties_in_their_order():
    found = Classification(np.array([0.1, 0.4, 0.1, 0.4], np.float32), ("a", "b", "c", "d"))

    assert [name for name, _ in found.top(3)] == ["b", "d", "a"]
    assert [share for _, share in found.top(3)] == pytest.approx([0.4, 0.4, 0.1])


@pytest.mark.parametrize("size", [(80, 120), (120, 80), (33, 33)], ids=str)
def test_the_middle_of_the_picture_is_shown_as_a_square(size):
    pixels = np.zeros((*size, 3), np.uint8)
    square = round(0.875 * min(size))
    top, left = (size[0] - square) // 2, (size[1] - square) // 2
    pixels[top : top + square, left : left + square] = 255

    images = prepare_crop(pixels, Preprocessing(center_crop=48))

    assert images.shape == (1, 3, 48, 48)
    np.testing.assert_array_equal(images, 1)


def test_a_bright_middle_that_is_too_small_leaves_a_dark_border():
    pixels = np.zeros((80, 80, 3), np.uint8)
    pixels[6:-6, 6:-6] = 255

    assert (prepare_crop(pixels, Preprocessing(center_crop=70))[..., 0, :] == -1).all()


def test_without_a_crop_the_picture_is_only_normalized():
    pixels = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)

    images = prepare_crop(pixels, Preprocessing(mean=(1, 2, 3), std=(2, 2, 2)))

    np.testing.assert_allclose(images[0, :, 1, 2], (pixels[1, 2] - [1.0, 2.0, 3.0]) / 2)
