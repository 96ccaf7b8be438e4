"""What every entry of `ENCODERS` promises; a new entry is tested without anyone adding it.

Shapes are worked out on torch's meta device, which computes no values.
"""

from functools import cache

import pytest
import torch

from atrous.encoders import ENCODERS, Encoder
from atrous.layers.init import init_encoder
from atrous.layers.squeeze import SqueezeExcite
from atrous.models.build import build_model
from atrous.models.config import ModelConfig

SIZES = [(33, 33), (64, 96), (65, 33), (97, 130), (128, 47)]
every_encoder = pytest.mark.parametrize("name", ENCODERS)
every_output_stride = pytest.mark.parametrize("output_stride", [8, 16, 32])


def build_without_values(name: str, output_stride: int, in_channels: int = 3) -> Encoder:
    with torch.device("meta"):
        return ENCODERS[name](output_stride=output_stride, in_channels=in_channels).eval()


@cache
def shared_without_values(name: str, output_stride: int) -> Encoder:
    """For tests that change nothing; building takes longer than what they ask."""
    return build_without_values(name, output_stride)


@torch.inference_mode()
def deepest(filled: Encoder, empty: Encoder, images: torch.Tensor) -> torch.Tensor:
    empty.load_state_dict(filled.state_dict(), assign=True)
    return empty(images)[-1]


@every_encoder
@every_output_stride
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_maps_have_the_channels_and_strides_that_are_announced(name, output_stride, size):
    encoder = shared_without_values(name, output_stride)

    features = encoder(torch.empty(2, 3, *size, device="meta"))

    announced = [
        (2, spec.channels, *(-(-(side - encoder.unpadded) // spec.stride) for side in size))
        for spec in encoder.feature_specs
    ]
    assert [tuple(feature.shape) for feature in features] == announced


@every_encoder
@every_output_stride
def test_maps_go_from_stride_4_to_the_output_stride(name, output_stride):
    strides = [spec.stride for spec in shared_without_values(name, output_stride).feature_specs]

    assert strides == [stride for stride in (4, 8, 16, 32) if stride <= output_stride]


@every_encoder
def test_output_stride_changes_no_weight(name):
    shapes = [
        {
            key: value.shape
            for key, value in shared_without_values(name, stride).state_dict().items()
        }
        for stride in (8, 16, 32)
    ]

    assert shapes[0] == shapes[1] == shapes[2]


@every_encoder
@pytest.mark.parametrize("in_channels", [1, 4, 13])
def test_pictures_may_have_other_channels_than_rgb(name, in_channels):
    encoder = build_without_values(name, 32, in_channels)

    deep = encoder(torch.empty(1, in_channels, 35, 35, device="meta"))[-1]

    assert deep.shape[-2:] == (2, 2)


@every_encoder
def test_a_denser_map_holds_the_coarse_one_at_every_second_and_fourth_pixel(name):
    torch.manual_seed(0)
    encoder = ENCODERS[name](output_stride=32).eval()
    init_encoder(encoder)
    if any(isinstance(module, SqueezeExcite) for module in encoder.modules()):
        pytest.skip("channels are weighed by means of the map, which a denser map has others of")
    images = torch.randn(1, 3, 33, 48)  # an odd and an even side

    coarse, dense, denser = (
        deepest(encoder, build_without_values(name, stride), images) for stride in (32, 16, 8)
    )

    # The same products are summed in another order: float32 rounding, far below the values.
    rounding = 1e-4 * float(coarse.std())
    torch.testing.assert_close(dense[..., ::2, ::2], coarse, atol=rounding, rtol=1e-4)
    torch.testing.assert_close(denser[..., ::4, ::4], coarse, atol=rounding, rtol=1e-4)


@every_encoder
def test_every_parameter_learns_from_a_batch_of_one(name):
    config = ModelConfig(encoder=name, num_classes=3, output_stride=32, decoder_channels=16)
    model = build_model(config).train()

    model(torch.randn(1, 3, 35, 36)).square().mean().backward()

    without = [
        key
        for key, parameter in model.named_parameters()
        if parameter.grad is None or not parameter.grad.isfinite().all()
    ]
    assert without == []
