"""Networks of other packages, built by their own code, beside what their checkpoints become.

Run as a program it prints the table of ``docs/published-weights.md``::

    ATROUS_PEERS=FOLDER PYTHONPATH=src:tests python -m parity.peers

and with ``--names`` it writes the names and shapes of `NAMED` to ``tests/weights/peers``. Packages
that are not installed are left out and named. ``ATROUS_PEERS`` is a folder with clones of the
repositories that are no packages, each under its own name.
"""

import importlib
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from atrous.weights.convert import convert

VAINF = "DeepLabV3Plus-Pytorch"
JFZHANG95 = "pytorch-deeplab-xception"
BUBBLIIIING = "deeplabv3-plus-pytorch"

TOLERANCE = 1e-4
"""Of the logits' standard deviation. The same float32 products are summed in another order, which
gives 1e-6 to 5e-6; a rate, a border, a way of resizing or an order of channels that is wrong gives
0.2 to 3."""

_ODD, _EVEN = (97, 130), (96, 128)


class MissingError(Exception):
    """A package or a clone that is not here."""


@dataclass(frozen=True)
class Case:
    """One network of a peer."""

    peer: str
    model: str
    output_stride: int
    build: Callable[[], nn.Module]
    sizes: tuple[tuple[int, int], ...] = (_ODD, _EVEN)
    atrous_rates: tuple[int, int, int] | None = None
    wrap: Callable[[dict], dict] = dict
    """What its training saves around the state dict."""
    run: Callable[[nn.Module, torch.Tensor], torch.Tensor] = lambda model, images: model(images)
    """Logits of the original."""

    def __str__(self) -> str:
        return f"{self.peer} {self.model} {self.output_stride}"


@dataclass(frozen=True)
class Agreement:
    """An original against its conversion."""

    largest: float
    """Largest difference of a logit over all sizes, in standard deviations of the logits."""
    tensors: int
    encoder: str


def packaged(name: str):
    """An installed package."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        raise MissingError(f"{name} is not installed") from None


def cloned(repository: str, module: str):
    """A module of a repository that is no package."""
    folder = os.environ.get("ATROUS_PEERS")
    root = Path(folder or "") / repository
    if not folder or not root.is_dir():
        raise MissingError(f"no clone of {repository} in the folder that ATROUS_PEERS names")
    if str(root) not in sys.path:
        sys.path.append(str(root))
    return importlib.import_module(module)


def randomize(model: nn.Module) -> nn.Module:
    """Draw every tensor, the statistics of norms too, so that signals keep their size."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.0)
            nn.init.normal_(module.bias, std=0.2)
            nn.init.normal_(module.running_mean, std=0.2)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
        elif isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.normal_(module.bias, std=0.2)
    return model.eval()


@torch.inference_mode()
def measure(case: Case, folder: Path) -> Agreement:
    """Build, save as the peer does, convert, and compare the logits at every size."""
    torch.manual_seed(0)
    original = randomize(case.build())
    path = folder / "checkpoint.pth"
    torch.save(case.wrap(original.state_dict()), path)
    found = convert(path, output_stride=case.output_stride, atrous_rates=case.atrous_rates)
    largest = 0.0
    for size in case.sizes:
        images = torch.randn(2, 3, *size)
        expected, logits = case.run(original, images), found.model(images)
        if expected.shape[1] == 1:  # foreground against a background of 0
            logits = logits[:, 1:] - logits[:, :1]
        assert expected.shape == logits.shape, (expected.shape, logits.shape)
        assert 0 < float(expected.std()) < float("inf")
        largest = max(largest, float((logits - expected).abs().max() / expected.std()))
    return Agreement(largest, found.tensors, found.card.architecture["encoder"])


def smp_cases() -> list[Case]:
    """segmentation_models.pytorch, which takes only sizes that its output stride divides."""

    def build(kind: str, encoder: str, stride: int, **settings):
        return lambda: getattr(packaged("segmentation_models_pytorch"), kind)(
            encoder, encoder_weights=None, encoder_output_stride=stride, **settings
        )

    rows = [
        ("DeepLabV3Plus", encoder, stride, {"classes": 5})
        for encoder in ("resnet18", "resnet34", "resnet50", "resnet101", "mobilenet_v2")
        for stride in (8, 16)
    ]
    rows += [
        ("DeepLabV3", encoder, stride, {"classes": 5})
        for encoder, stride in (("resnet18", 8), ("resnet50", 16), ("mobilenet_v2", 8))
    ]
    rows += [
        ("DeepLabV3Plus", f"tu-{encoder}", stride, {"classes": 5})
        for encoder in ("resnet18", "resnet50", "xception41", "xception65", "xception71")
        for stride in (8, 16)
        # Without its stride timm's unit 4 of Xception-71 has no convolution in its shortcut.
        if (encoder, stride) != ("xception71", 8)
    ]
    binary = {"classes": 1, "decoder_atrous_rates": (6, 12, 18), "decoder_channels": 64}
    rows += [("DeepLabV3Plus", "resnet18", 16, binary | {"decoder_aspp_separable": False})]
    rows += [("DeepLabV3", "mobilenet_v2", 16, binary | {"decoder_aspp_separable": True})]
    return [
        Case(
            "segmentation_models.pytorch",
            f"{kind} {encoder}" + ("" if settings["classes"] > 1 else ", one class"),
            stride,
            build(kind, encoder, stride, **settings),
            sizes=((80, 112), (96, 128)),
            atrous_rates=settings.get("decoder_atrous_rates"),
        )
        for kind, encoder, stride, settings in rows
    ]


def vainf_cases() -> list[Case]:
    """VainF's networks, inside the checkpoints of its training."""

    def build(name: str, stride: int, *, separable: bool):
        def built():
            model = cloned(VAINF, "network.modeling").__dict__[name](
                num_classes=21, output_stride=stride, pretrained_backbone=False
            )
            if separable:
                cloned(VAINF, "network").convert_to_separable_conv(model.classifier)
            return model

        return built

    def wrap(state):
        return {"cur_itrs": 7, "model_state": state, "best_score": torch.tensor(0.5).numpy()[()]}

    rows = [
        (f"{kind}_{backbone}", stride, False)
        for kind in ("deeplabv3", "deeplabv3plus")
        for backbone in ("resnet50", "mobilenet")
        for stride in (8, 16)
    ]
    rows += [("deeplabv3plus_resnet101", 16, False)]
    rows += [(f"{kind}_mobilenet", 16, True) for kind in ("deeplabv3", "deeplabv3plus")]
    return [
        Case(
            "VainF",
            name + (", separable" if separable else ""),
            stride,
            build(name, stride, separable=separable),
            wrap=wrap,
        )
        for name, stride, separable in rows
    ]


def torchvision_cases() -> list[Case]:
    """torchvision's networks, with and without the classifier that helps their training."""

    def build(name: str, *, aux: bool):
        return lambda: packaged("torchvision.models.segmentation").__dict__[name](
            weights=None, weights_backbone=None, num_classes=21, aux_loss=aux
        )

    return [
        Case(
            "torchvision",
            name,
            stride,
            build(name, aux=aux),
            run=lambda model, images: model(images)["out"],
        )
        for name, stride, aux in (
            ("deeplabv3_resnet50", 8, True),
            ("deeplabv3_resnet101", 8, False),
            ("deeplabv3_mobilenet_v3_large", 16, True),
        )
    ]


def jfzhang95_cases() -> list[Case]:
    """jfzhang95's networks, built as its own code does but without downloads."""

    def build(backbone: str, stride: int):
        def built():
            module = cloned(JFZHANG95, f"modeling.backbone.{backbone}")
            encoder = {"resnet": "ResNet101", "mobilenet": "MobileNetV2"}.get(backbone)
            deeplab = cloned(JFZHANG95, "modeling.deeplab")
            deeplab.build_backbone = lambda _, output_stride, norm: module.__dict__[
                encoder or "AlignedXception"
            ](output_stride, norm, pretrained=False)
            return deeplab.DeepLab(backbone, output_stride=stride, num_classes=21, sync_bn=False)

        return built

    rows = [("resnet", 16), ("resnet", 8), ("mobilenet", 16), ("mobilenet", 8), ("xception", 16)]
    return [
        Case(
            "jfzhang95",
            backbone,
            stride,
            build(backbone, stride),
            wrap=lambda state: {"epoch": 3, "state_dict": state, "optimizer": {}},
        )
        for backbone, stride in rows
    ]


def transformers_cases() -> list[Case]:
    """MobileNetV2ForSemanticSegmentation, resized as its own post-processing does."""

    def build(stride: int):
        def built():
            package = packaged("transformers")
            config = package.MobileNetV2Config(num_labels=21, output_stride=stride)
            return package.MobileNetV2ForSemanticSegmentation(config)

        return built

    def run(model, images):
        logits = model(images).logits
        return nn.functional.interpolate(logits, images.shape[-2:], mode="bilinear")

    name = "MobileNetV2ForSemanticSegmentation"
    return [Case("transformers", name, stride, build(stride), run=run) for stride in (8, 16, 32)]


def bubbliiiing_cases() -> list[Case]:
    """bubbliiiing's networks."""

    def build(backbone: str, stride: int):
        return lambda: cloned(BUBBLIIIING, "nets.deeplabv3_plus").DeepLab(
            21, backbone, pretrained=False, downsample_factor=stride
        )

    return [
        Case("bubbliiiing", backbone, stride, build(backbone, stride))
        for backbone in ("mobilenet", "xception")
        for stride in (8, 16)
    ]


CASES = [
    *smp_cases(),
    *vainf_cases(),
    *torchvision_cases(),
    *jfzhang95_cases(),
    *transformers_cases(),
    *bubbliiiing_cases(),
]


NAMED = {
    "smp_deeplabv3plus_resnet18": "segmentation_models.pytorch DeepLabV3Plus resnet18 16",
    "smp_deeplabv3_mobilenet_v2": "segmentation_models.pytorch DeepLabV3 mobilenet_v2 8",
    "smp_deeplabv3plus_tu_xception41": (
        "segmentation_models.pytorch DeepLabV3Plus tu-xception41 16"
    ),
    "vainf_deeplabv3plus_mobilenet": "VainF deeplabv3plus_mobilenet 16",
    "vainf_deeplabv3_mobilenet_separable": "VainF deeplabv3_mobilenet, separable 16",
    "torchvision_deeplabv3_resnet50": "torchvision deeplabv3_resnet50 8",
    "torchvision_deeplabv3_mobilenet_v3_large": "torchvision deeplabv3_mobilenet_v3_large 16",
    "jfzhang95_resnet": "jfzhang95 resnet 16",
    "jfzhang95_mobilenet": "jfzhang95 mobilenet 16",
    "jfzhang95_xception": "jfzhang95 xception 16",
    "transformers_mobilenetv2": "transformers MobileNetV2ForSemanticSegmentation 8",
    "bubbliiiing_mobilenet": "bubbliiiing mobilenet 16",
    "bubbliiiing_xception": "bubbliiiing xception 16",
}
"""Cases whose names and shapes are kept for tests that run everywhere."""

NAMES = Path(__file__).parents[1] / "weights" / "peers"


def write_names() -> None:
    """Write the names and shapes of every case in `NAMED`."""
    cases = {str(case): case for case in CASES}
    for name, case in NAMED.items():
        state = cases[case].build().state_dict()
        rows = [f"{key} {list(tensor.shape)}\n" for key, tensor in state.items()]
        (NAMES / f"{name}.txt").write_text("".join(rows))


def print_table() -> None:
    """Print a row for each case."""
    print("| package | model | output stride | sizes | tensors | largest difference / std |")
    print("| --- | --- | --- | --- | --- | --- |")
    for case in CASES:
        sizes = ", ".join(f"{height}x{width}" for height, width in case.sizes)
        with tempfile.TemporaryDirectory() as folder:
            try:
                found = measure(case, Path(folder))
            except MissingError as reason:
                print(f"left out: {case}: {reason}", file=sys.stderr)
                continue
        cells = (case.peer, case.model, case.output_stride, sizes, found.tensors)
        print("|", *(f"{cell} |" for cell in cells), f"{found.largest:.1e} |", flush=True)


if __name__ == "__main__":
    write_names() if "--names" in sys.argv else print_table()
