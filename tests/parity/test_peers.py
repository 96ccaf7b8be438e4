"""Networks of other packages against what their checkpoints become, wherever they are installed."""

import pytest
import torch
from torch import nn

from atrous.encoders.mobilenetv2 import MobileNetV2
from atrous.encoders.resnet import ResNet
from atrous.encoders.xception import AlignedXception
from atrous.encoders.xception_original import Xception
from atrous.weights.peers.classifiers import load_peer_classifier
from atrous.weights.start import load_start
from parity.peers import CASES, TOLERANCE, MissingError, measure, packaged, randomize

# What other packages warn of is not ours to mend.
DEEP = {"output_stride": 32}
TORCHVISION = {
    "conv1",
    "bn1",
    "relu",
    "maxpool",
    "layer1",
    "layer2",
    "layer3",
    "layer4",
    "features",
}
"""Parts of torchvision's classifiers before the pooling."""

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_converted_network_gives_the_logits_of_the_original(case, tmp_path):
    try:
        found = measure(case, tmp_path)
    except MissingError as reason:
        pytest.skip(str(reason))

    assert found.largest < TOLERANCE


def timm_classifier(name):
    return packaged("timm").create_model(name, pretrained=False)


def torchvision_classifier(name):
    return packaged("torchvision.models").__dict__[name]()


def features(classifier, images):
    """The deepest map of a classifier."""
    if "forward_features" in dir(classifier):
        return classifier.forward_features(images)
    parts = [part for name, part in classifier.named_children() if name in TORCHVISION]
    return nn.Sequential(*parts)(images)


@pytest.mark.parametrize(
    ("original", "ours"),
    [
        (
            lambda: timm_classifier("legacy_xception"),
            lambda: Xception(output_stride=32, padded_root=False),
        ),
        (lambda: timm_classifier("xception41"), lambda: AlignedXception("xception41", **DEEP)),
        (lambda: timm_classifier("xception65"), lambda: AlignedXception("xception65", **DEEP)),
        (lambda: timm_classifier("xception71"), lambda: AlignedXception("xception71", **DEEP)),
        (lambda: timm_classifier("resnet18"), lambda: ResNet("resnet18_v1_5", **DEEP)),
        (lambda: torchvision_classifier("resnet50"), lambda: ResNet("resnet50_v1_5", **DEEP)),
        (
            lambda: torchvision_classifier("mobilenet_v2"),
            lambda: MobileNetV2(form="torch_1280", **DEEP),
        ),
    ],
    ids=["legacy", "41", "65", "71", "resnet18", "resnet50", "mobilenet_v2"],
)
@torch.inference_mode()
def test_a_classifier_gives_its_maps_to_a_training_and_its_logits(original, ours, tmp_path):
    torch.manual_seed(0)
    try:
        classifier = randomize(original())
    except MissingError as reason:
        pytest.skip(str(reason))
    path = tmp_path / "classifier.pth"
    torch.save(classifier.state_dict(), path)
    model = nn.ModuleDict({"encoder": ours()}).eval()

    load_start(model, path)
    whole, _, _ = load_peer_classifier(path)

    for size in ((97, 130), (96, 128)):
        images = torch.randn(2, 3, *size)
        maps, logits = features(classifier, images), classifier(images)
        off = float((model["encoder"](images)[-1] - maps).abs().max() / maps.std())
        assert off < TOLERANCE
        assert float((whole(images) - logits).abs().max() / logits.std()) < TOLERANCE
