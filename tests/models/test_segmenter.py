import pytest
import torch
import torch.nn.functional as F
from torch import nn

from atrous.encoders import Encoder, FeatureSpec
from atrous.models.segmenter import Segmenter


class EverySecond(Encoder):
    feature_specs = (FeatureSpec(3, 2),)

    def forward(self, images):
        return (images[..., ::2, ::2],)


class Deepest(nn.Module):
    out_channels = 3

    def forward(self, features):
        return features[-1]


def build(**settings):
    torch.manual_seed(0)
    return Segmenter(EverySecond(), Deepest(), num_classes=2, **settings).eval()


def test_a_pixel_s_logits_are_a_weighted_sum_of_its_features():
    model = build()
    images = torch.randn(1, 3, 5, 7)

    expected = torch.einsum(
        "bchw,nc->bnhw", images[..., ::2, ::2], model.classifier.weight[..., 0, 0]
    )
    torch.testing.assert_close(
        model.logits_at_stride(images), expected + model.classifier.bias.view(1, 2, 1, 1)
    )


@pytest.mark.parametrize("align_corners", [True, False])
@pytest.mark.parametrize("size", [(5, 7), (6, 8), (1, 1)], ids=str)
def test_logits_are_resized_to_the_image(size, align_corners):
    model = build(align_corners=align_corners)
    images = torch.randn(2, 3, *size)

    expected = F.interpolate(
        model.logits_at_stride(images), size, mode="bilinear", align_corners=align_corners
    )
    torch.testing.assert_close(model(images), expected)


def test_the_corner_pixels_keep_their_logits_when_corners_are_aligned():
    model = build(align_corners=True)
    images = torch.randn(1, 3, 7, 9)

    coarse, full = model.logits_at_stride(images), model(images)
    torch.testing.assert_close(full[..., ::6, ::8], coarse[..., ::3, ::4])
