"""One network that sees each picture in several sizes."""

import pytest
import torch

from atrous.layers.resize import resize
from atrous.models.at_scales import AtScales
from atrous.models.build import build_model
from atrous.models.config import ModelConfig


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    tiny = {"decoder_channels": 16, "reduced_channels": 8, "align_corners": True}
    return build_model(ModelConfig(encoder="mobilenetv2_035", num_classes=3, **tiny)).eval()


def test_every_scale_is_what_the_network_says_of_pictures_of_that_size(network):
    images = torch.randn(1, 3, 65, 97)
    small = resize(images, (33, 49), align_corners=True)

    half, whole = AtScales(network, (0.5, 1.0))(images)

    expected = resize(network.logits_at_stride(small), (17, 25), align_corners=True)
    torch.testing.assert_close(half, expected)
    torch.testing.assert_close(whole, network.logits_at_stride(images))


def test_logits_are_brought_to_the_size_of_the_largest_in_any_order(network):
    found = AtScales(network, (1.0, 1.5, 0.5))(torch.randn(1, 3, 65, 65))

    assert found.shape == (3, 1, 3, 25, 25)
