import torch

from atrous.decoders import DeepLabV3Decoder
from atrous.encoders import FeatureSpec

SPECS = (FeatureSpec(6, 4), FeatureSpec(12, 16))


def test_only_the_deepest_map_is_looked_at():
    decoder = DeepLabV3Decoder(SPECS, atrous_rates=(1, 2), channels=8).eval()
    fine, deep = torch.randn(1, 6, 20, 20), torch.randn(1, 12, 5, 5)

    torch.testing.assert_close(decoder([fine, deep]), decoder.aspp(deep))
    torch.testing.assert_close(decoder([fine, deep]), decoder([fine + 1, deep]))


def test_dense_branches_give_the_larger_network_of_the_paper():
    decoder = DeepLabV3Decoder((FeatureSpec(2048, 16),), atrous_rates=(6, 12, 18), separable=False)

    parameters = sum(parameter.numel() for parameter in decoder.parameters())
    assert parameters == 53_407_813 - 37_867_312 - 5_397  # whole, encoder, logits of 21 classes
