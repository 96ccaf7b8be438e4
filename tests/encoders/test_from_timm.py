import sys

import pytest
import torch

from atrous.encoders.from_timm import TimmEncoder
from atrous.errors import ConfigError, DependencyError
from atrous.models.build import build_model
from atrous.models.config import ModelConfig

timm = pytest.importorskip("timm", reason="networks of timm need the extra zoo")

# One that rounds sides up, one that cuts the picture into patches, and one with a map at stride 2.
NETWORKS = ["resnet18", "convnext_atto", "mobilenetv3_small_050"]


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("output_stride", [8, 16, 32])
@pytest.mark.parametrize("size", [(64, 96), (65, 33), (97, 130)], ids=str)
def test_maps_have_the_channels_and_strides_that_are_announced(name, output_stride, size):
    encoder = TimmEncoder(name, output_stride=output_stride).eval()

    with torch.inference_mode():
        features = encoder(torch.randn(2, 3, *size))

    assert [spec.stride for spec in encoder.feature_specs] == [
        stride for stride in (4, 8, 16, 32) if stride <= output_stride
    ]
    assert [tuple(feature.shape) for feature in features] == [
        (2, spec.channels, *(-(-side // spec.stride) for side in size))
        for spec in encoder.feature_specs
    ]


@pytest.mark.parametrize("name", NETWORKS)
def test_the_maps_are_timms_own(name):
    encoder = TimmEncoder(name, output_stride=32).eval()
    images = torch.randn(1, 3, 64, 96)

    with torch.inference_mode():
        ours, theirs = encoder(images), encoder.network(images)

    for feature in ours:
        assert any(torch.equal(feature, other) for other in theirs)
    torch.testing.assert_close(ours[-1], theirs[-1])


def test_a_whole_model_learns_with_such_an_encoder():
    config = ModelConfig(encoder="timm:resnet18", num_classes=3, decoder_channels=16)
    model = build_model(config).train()

    model(torch.randn(2, 3, 33, 50)).square().mean().backward()

    assert all(parameter.grad is not None for parameter in model.parameters())


@pytest.mark.parametrize(
    ("name", "settings", "reason"),
    [
        ("resnet999", {}, "timm has no network 'resnet999'; near are resnet"),
        ("vgg11", {"output_stride": 16}, "cannot build 'vgg11' .* of output stride 16"),
        ("swin_tiny_patch4_window7_224", {"output_stride": 32}, "any size"),
        ("resnet18", {"padding": "same"}, "is padded by timm"),
        ("resnet18", {"multi_grid": (1, 2, 4)}, "multi_grid"),
        ("resnet18", {"output_stride": 4}, "8, 16, 32"),
    ],
)
def test_what_a_network_cannot_do_is_told(name, settings, reason):
    with pytest.raises(ConfigError, match=reason):
        TimmEncoder(name, **settings)


def test_without_timm_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)

    with pytest.raises(DependencyError, match=r"timm:resnet18 needs timm; .*atrous\[zoo\]"):
        build_model(ModelConfig(encoder="timm:resnet18", num_classes=2))
