import torch

from atrous.decoders import DeepLabV3Decoder
from atrous.layers.aspp import ASPP
from atrous.layers.pool import MeanPool


def test_only_the_deepest_map_is_looked_at():
    decoder = DeepLabV3Decoder(ASPP(12, 8, atrous_rates=(1, 2), image_pool=MeanPool())).eval()
    fine, deep = torch.randn(1, 6, 20, 20), torch.randn(1, 12, 5, 5)

    torch.testing.assert_close(decoder([fine, deep]), decoder.context(deep))
    torch.testing.assert_close(decoder([fine, deep]), decoder([fine + 1, deep]))


def test_dense_branches_give_the_larger_network_of_the_paper():
    context = ASPP(2048, atrous_rates=(6, 12, 18), separable=False, image_pool=MeanPool())

    parameters = sum(parameter.numel() for parameter in DeepLabV3Decoder(context).parameters())
    assert parameters == 53_407_813 - 37_867_312 - 5_397  # whole, encoder, logits of 21 classes
