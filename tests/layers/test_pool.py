import numpy as np
import pytest
import torch
import torch.nn.functional as F

from atrous.layers.pool import MaxPool, MeanPool


def naive_same_max_pool(image, stride, rate):
    """TensorFlow's definition: ceil(side / stride) windows, the odd row and column after."""
    sides = [-(-side // stride) for side in image.shape]
    before = [
        max((out - 1) * stride + 2 * rate + 1 - side, 0) // 2
        for out, side in zip(sides, image.shape, strict=True)
    ]
    pooled = np.full(sides, -np.inf, np.float32)
    for row, column, down, across in np.ndindex(*sides, 3, 3):
        y = row * stride + down * rate - before[0]
        x = column * stride + across * rate - before[1]
        if 0 <= y < image.shape[0] and 0 <= x < image.shape[1]:
            pooled[row, column] = max(pooled[row, column], image[y, x])
    return pooled


@pytest.mark.parametrize("size", [(8, 8), (9, 9), (8, 11), (2, 3), (1, 1)], ids=str)
@pytest.mark.parametrize(("stride", "rate"), [(2, 1), (1, 1), (1, 2)])
def test_same_pooling_is_that_of_the_definition(size, stride, rate):
    image = torch.randn(*size) - 5  # negative, so that a pad of 0 would show

    pooled = MaxPool(stride=stride, atrous_rate=rate, padding="same")(image[None, None])

    np.testing.assert_array_equal(pooled[0, 0], naive_same_max_pool(image.numpy(), stride, rate))


@pytest.mark.parametrize("side", [8, 9])
def test_symmetric_pooling_is_that_of_torch(side):
    maps = torch.randn(1, 2, side, side) - 5

    pooled = MaxPool(stride=2, atrous_rate=1, padding="symmetric")(maps)

    torch.testing.assert_close(pooled, F.max_pool2d(maps, 3, 2, padding=1))


@pytest.mark.parametrize("padding", ["same", "symmetric"])
@pytest.mark.parametrize("rate", [1, 2])
def test_atrous_pooling_equals_a_dense_one_on_every_other_pixel(padding, rate):
    maps = torch.randn(1, 2, 9, 9) - 5
    atrous = MaxPool(stride=1, atrous_rate=2 * rate, padding=padding)
    dense = MaxPool(stride=1, atrous_rate=rate, padding=padding)

    torch.testing.assert_close(atrous(maps)[..., ::2, ::2], dense(maps[..., ::2, ::2]))


def test_the_mean_of_the_whole_map_is_one_pixel():
    x = torch.randn(2, 3, 5, 4)

    torch.testing.assert_close(MeanPool()(x), x.mean((2, 3), keepdim=True))


@pytest.mark.parametrize("size", [(9, 11), (4, 3), (2, 11), (9, 2), (1, 1)], ids=str)
def test_windows_are_cut_to_what_the_map_has(size):
    x = torch.randn(2, 3, *size)

    window = min(size[0], 4), min(size[1], 3)
    expected = F.avg_pool2d(x, window, (2, 3))
    torch.testing.assert_close(MeanPool((4, 3), stride=(2, 3))(x), expected)
