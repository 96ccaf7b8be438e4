import numpy as np
import pytest
import torch
import torch.nn.functional as F

from atrous.errors import ConfigError
from atrous.layers.resize import resize
from atrous.models.torch_engine import TorchEngine
from atrous.runtime.test_time import TestTime
from atrous.runtime.upsample import average_labels, mean_softmax, resize_bilinear
from atrous.weights.formats.tf_checkpoint import read_tf_checkpoint
from atrous.weights.from_tf_deeplab import fill, translate

NORMALIZED = np.random.default_rng(0).normal(size=(1, 3, 32, 48)).astype(np.float32)


class BlockMeans:
    """An engine whose three logits are the mean colours of 4 x 4 pixels, plus a ramp."""

    name = "block means"

    def __init__(self):
        self.seen = []

    def run(self, images):
        """(B, 3, H, W) -> (B, 3, H / 4, W / 4)."""
        self.seen.append(images.shape[-2:])
        pooled = F.avg_pool2d(torch.from_numpy(images), 4, ceil_mode=True).numpy()
        return pooled + np.linspace(0, 1, pooled.shape[-1], dtype=np.float32)


def probabilities(views, size, *, align_corners=False):
    return np.concatenate(
        [strip for _, strip in mean_softmax(views, size, align_corners=align_corners)], axis=1
    )


@pytest.mark.parametrize("align_corners", [True, False])
def test_the_softmax_of_views_is_averaged_at_full_size(align_corners):
    random = np.random.default_rng(1)
    views = [random.normal(size=(5, *size)).astype(np.float32) for size in [(7, 9), (4, 5)]]

    found = probabilities(views, (30, 41), align_corners=align_corners)

    expected = torch.stack(
        [
            F.interpolate(
                torch.from_numpy(view)[None],
                size=(30, 41),
                mode="bilinear",
                align_corners=align_corners,
            )[0].softmax(0)
            for view in views
        ]
    ).mean(0)
    # float32 interpolation and exponentials in another order.
    np.testing.assert_allclose(found, expected, atol=1e-5)
    labels = average_labels(views, (30, 41), align_corners=align_corners)
    best_two = np.sort(found, axis=0)[-2:]
    clear = best_two[1] - best_two[0] > 1e-4
    np.testing.assert_array_equal(labels[clear], expected.numpy().argmax(0)[clear])


def test_a_mirrored_look_is_turned_back():
    plain, mirrored = TestTime(flip=True).views(BlockMeans(), NORMALIZED, align_corners=False)

    # The engine's ramp rises to the right in what it sees, so to the left once turned back.
    ramp = np.linspace(0, 1, 12, dtype=np.float32)
    np.testing.assert_allclose(mirrored - ramp[::-1], plain - ramp, atol=1e-5)


@pytest.mark.parametrize("align_corners", [True, False])
def test_smaller_looks_come_on_the_pictures_grid_and_larger_keep_their_own(align_corners):
    engine = BlockMeans()

    small, same, large = TestTime((0.5, 1.0, 1.5)).views(
        engine, NORMALIZED, align_corners=align_corners
    )

    assert engine.seen == [(16, 24), (32, 48), (47, 71)]
    assert small.shape == same.shape == (3, 8, 12)
    assert large.shape == (3, 12, 18)


def test_a_picture_of_one_colour_looks_the_same_at_every_scale():
    class Means(BlockMeans):
        def run(self, images):
            return super().run(images) * 0 + images.mean()

    images = np.full((1, 3, 40, 40), 0.25, np.float32)

    views = list(
        TestTime((0.5, 0.75, 1.0, 2.0), flip=True).views(Means(), images, align_corners=False)
    )

    assert len(views) == 8
    assert all(np.allclose(view, 0.25, atol=1e-6) for view in views)


@pytest.mark.parametrize("align_corners", [True, False, "first"])
def test_resizing_is_that_of_torch(align_corners):
    maps = np.random.default_rng(2).normal(size=(2, 5, 8)).astype(np.float32)

    found = resize_bilinear(maps, (13, 6), align_corners=align_corners)

    expected = resize(torch.from_numpy(maps)[None], (13, 6), align_corners=align_corners)
    np.testing.assert_allclose(found, expected[0], atol=1e-5)


def test_scales_and_flips_give_what_the_official_graph_gave(oracle):
    stored = np.load(oracle / "full_mobilenet_v2_os16_97x130.npz")
    values = read_tf_checkpoint(oracle / "ckpt" / "mobilenet_v2" / "model.ckpt")
    network = fill(translate(values, output_stride=16, where="model.ckpt"))
    images = (stored["image"] / 127.5 - 1).astype(np.float32).transpose(0, 3, 1, 2)
    engine = TorchEngine(network, device=torch.device("cpu"))

    looks = TestTime((0.5, 1.0, 1.25), flip=True)
    views = list(looks.views(engine, np.ascontiguousarray(images), align_corners=True))
    found = probabilities(views, (97, 130), align_corners=True).transpose(1, 2, 0)

    # Logits differ by up to 6e-5; a wrong order of resizing, mirroring or averaging by 1e-2.
    np.testing.assert_allclose(found, stored["ms_mean_softmax"][0], atol=1e-4)
    labels = average_labels(views, (97, 130), align_corners=True)
    np.testing.assert_array_equal(labels, stored["ms_prediction"][0])


@pytest.mark.parametrize("scales", [(), (0.0,), (1.0, 9.0), (-1.0,), (float("nan"),)])
def test_impossible_scales_are_refused(scales):
    with pytest.raises(ConfigError, match=r"scales are factors from 0\.1 to 4\.0"):
        TestTime(scales)
