import pytest
import torch
import torch.nn.functional as F

from atrous.decoders import LRASPPDecoder
from atrous.encoders import FeatureSpec
from atrous.errors import ConfigError
from atrous.layers.pool import MeanPool

SPECS = (FeatureSpec(4, 4), FeatureSpec(6, 8), FeatureSpec(12, 32))


@pytest.fixture
def features():
    torch.manual_seed(0)
    return [torch.randn(2, 4, 40, 33), torch.randn(2, 6, 20, 17), torch.randn(2, 12, 5, 5)]


def build(pool=None, **settings):
    pool = pool or MeanPool()
    return LRASPPDecoder(SPECS, num_classes=3, channels=8, image_pool=pool, **settings).eval()


def classify(conv, x):
    return F.conv2d(x, conv.weight, conv.bias)


@pytest.mark.parametrize("align_corners", [True, False])
def test_logits_of_the_deep_and_of_the_fine_map_are_summed(features, align_corners):
    decoder = build(MeanPool((3, 2), stride=(1, 2)), align_corners=align_corners)

    def resize(x, size):
        return F.interpolate(x, size, mode="bilinear", align_corners=align_corners)

    means = F.avg_pool2d(features[2], (3, 2), (1, 2))
    gates = F.relu6(classify(decoder.weigh, means) + 3) * 0.16667
    weighed = decoder.project(features[2]) * resize(gates, (5, 5))
    # The released order: first the map is resized, then it is classified.
    deep = classify(decoder.deep_classifier, resize(weighed, (20, 17)))
    fine = classify(decoder.low_level_classifier, features[1])
    torch.testing.assert_close(decoder(features), deep + fine)


def test_it_gives_logits_at_the_stride_asked_for(features):
    assert build(stride=4)(features).shape == (2, 3, 40, 33)


def test_an_encoder_without_that_stride_is_refused():
    with pytest.raises(ConfigError, match="needs a map at stride 16"):
        build(stride=16)
