"""The networks of other packages that `peers.py` measures, built by their own code."""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from atrous.export.onnx import export_onnx
from atrous.layers.count import count_multiply_adds
from atrous.models.build import build_model
from atrous.models.config import ModelConfig
from atrous.runtime.card import ModelCard
from atrous.weights.convert import convert

SHARED = Path(__file__).resolve().parents[2] / "shared" / "weights"
TFLITE = SHARED / "deeplabv3_257_mv_gpu.tflite"
CLOSE = 0.99
"""Least share of equal labels; ties of rounding are far below."""


class MissingError(Exception):
    """A package or a file that is not here."""


@dataclass(frozen=True)
class Case:
    """One network of a peer."""

    title: str
    package: str
    """As it is installed."""
    size: tuple[int, int]
    """Height and width of the picture."""
    classes: int
    output_stride: int = 16
    build: Callable[[int], nn.Module] | None = None
    """From a number of classes; None for the TFLite interpreter."""
    logits: Callable[[nn.Module, Tensor], Tensor] = lambda model, images: model(images)
    """At full size."""
    same_weights: bool = True


def packaged(name: str) -> Any:
    """An installed package."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise MissingError(f"{error.name} is not installed") from None


def _smp(encoder: str) -> Callable[[int], nn.Module]:
    return lambda classes: packaged("segmentation_models_pytorch").DeepLabV3Plus(
        encoder, encoder_weights=None, encoder_output_stride=16, classes=classes
    )


def _torchvision(name: str) -> Callable[[int], nn.Module]:
    return lambda classes: getattr(packaged("torchvision").models.segmentation, name)(
        weights=None, weights_backbone=None, num_classes=classes
    )


def _transformers(classes: int) -> nn.Module:
    package = packaged("transformers")
    config = package.MobileNetV2Config(num_labels=classes, output_stride=8)
    return package.MobileNetV2ForSemanticSegmentation(config)


def _transformers_logits(model: nn.Module, images: Tensor) -> Tensor:
    logits = model(images).logits
    return nn.functional.interpolate(logits, images.shape[-2:], mode="bilinear")


def _ultralytics(classes: int) -> nn.Module:
    tasks = packaged("ultralytics.nn.tasks")
    if not hasattr(tasks, "SemanticSegmentationModel"):
        raise MissingError("this version of ultralytics has no semantic model")
    return tasks.SemanticSegmentationModel("yolo26n-sem.yaml", nc=classes, verbose=False)


def _ultralytics_logits(model: nn.Module, images: Tensor) -> Tensor:
    found = model(images)
    logits = found[0] if isinstance(found, tuple | list) else found
    return nn.functional.interpolate(logits, images.shape[-2:], mode="bilinear")


_SMP, _V3PLUS = "segmentation-models-pytorch", "V3+"
CASES: Mapping[str, Case] = {
    "smp-mobilenetv2-21": Case(
        f"smp {_V3PLUS} mobilenet_v2", _SMP, (512, 512), 21, build=_smp("mobilenet_v2")
    ),
    "smp-mobilenetv2-150": Case(
        f"smp {_V3PLUS} mobilenet_v2", _SMP, (512, 512), 150, build=_smp("mobilenet_v2")
    ),
    "smp-mobilenetv2-19": Case(
        f"smp {_V3PLUS} mobilenet_v2", _SMP, (1024, 2048), 19, build=_smp("mobilenet_v2")
    ),
    "smp-xception65-21": Case(
        f"smp {_V3PLUS} tu-xception65", _SMP, (512, 512), 21, build=_smp("tu-xception65")
    ),
    "smp-resnet50-21": Case(
        f"smp {_V3PLUS} resnet50", _SMP, (512, 512), 21, build=_smp("resnet50")
    ),
    "torchvision-resnet50-21": Case(
        "torchvision deeplabv3_resnet50",
        "torchvision",
        (512, 512),
        21,
        8,
        _torchvision("deeplabv3_resnet50"),
        lambda model, images: model(images)["out"],
    ),
    "torchvision-mobilenetv3-21": Case(
        "torchvision deeplabv3_mobilenet_v3_large",
        "torchvision",
        (512, 512),
        21,
        16,
        _torchvision("deeplabv3_mobilenet_v3_large"),
        lambda model, images: model(images)["out"],
    ),
    "transformers-mobilenetv2-21": Case(
        "transformers MobileNetV2, DeepLab V3",
        "transformers",
        (513, 513),
        21,
        8,
        _transformers,
        _transformers_logits,
    ),
    "litert-mobilenetv2-21": Case(
        "TFLite interpreter, released MobileNetV2 x0.5", "ai-edge-litert", (257, 257), 21
    ),
    "ultralytics-21": Case(
        "ultralytics yolo26n-sem; ours: smp's V3+ mobilenet_v2",
        "ultralytics",
        (512, 512),
        21,
        build=_ultralytics,
        logits=_ultralytics_logits,
        same_weights=False,
    ),
}
"""What is compared, by name."""


def prepare_case(case: Case, place: Path) -> dict[str, int | None]:
    """Write both sides' files, after holding one against the other; multiply-adds of both.

    Raises:
        MissingError: If the package or a file is not here, or the two disagree.
    """
    place.mkdir(parents=True, exist_ok=True)
    shape = (1, 3, *case.size)
    if case.build is None:
        if not TFLITE.is_file():
            raise MissingError(f"{TFLITE.name} is not in shared/weights")
        packaged("ai_edge_litert.interpreter")
        found = convert(TFLITE)
        _export(found.model, found.card, place)
        count = count_multiply_adds(found.model, *shape)
        return {"peer": count, "ours": count}
    torch.manual_seed(0)
    original = randomize(case.build(case.classes))
    torch.save(original.state_dict(), place / "peer.pth")
    if not case.same_weights:
        config = ModelConfig(encoder="mobilenetv2", num_classes=case.classes)
        network = build_model(config).eval()
        _export(network, _card(config), place)
    else:
        found = convert(place / "peer.pth", output_stride=case.output_stride)
        network = found.model
        _check_same(case, original, network)
        _export(network, found.card, place)
    theirs = count_multiply_adds(original, *shape)
    return {"peer": theirs, "ours": count_multiply_adds(network, *shape)}


@torch.inference_mode()
def _check_same(case: Case, original: nn.Module, network: nn.Module) -> None:
    """Refuse to time networks that are not the same."""
    images = torch.randn(1, 3, 128, 160)
    equal = (case.logits(original, images).argmax(1) == network(images).argmax(1)).float().mean()
    if equal < CLOSE:
        raise MissingError(f"the converted network gives {float(equal):.1%} of the labels only")


def _card(config: ModelConfig) -> ModelCard:
    return ModelCard(
        name="drawn",
        classes=tuple(f"class {index}" for index in range(config.num_classes)),
        palette=tuple((index, index, index) for index in range(config.num_classes)),
        architecture=config.model_dump(mode="json"),
    )


def _export(network: nn.Module, card: ModelCard, place: Path) -> None:
    """Both sides see the picture at its own size."""
    preprocessing = card.preprocessing.model_copy(update={"longest_side": None})
    card = card.model_copy(update={"preprocessing": preprocessing})
    (place / "card.json").write_text(card.to_json())
    export_onnx(network, card, place / "ours.onnx", overwrite=True)


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


def open_peer(
    case: Case, place: Path, picture: Path, mask: Path, threads: int
) -> dict[str, Callable[[], object]]:
    """What the peer's process runs: its network alone, and from the picture's file to the mask."""
    card = ModelCard.model_validate_json((place / "card.json").read_text())
    network, labels = _litert(threads) if case.build is None else _torch(case, place, threads)
    mean = np.array(card.preprocessing.mean, np.float32)
    std = np.array(card.preprocessing.std, np.float32)

    def read() -> np.ndarray:
        pixels = np.asarray(Image.open(picture).convert("RGB"))
        return (pixels.astype(np.float32) - mean) / std

    images = read()

    def whole() -> None:
        Image.fromarray(labels(read()).astype(np.uint8)).save(mask)

    return {"network": lambda: network(images), "file": whole}


def _torch(case: Case, place: Path, threads: int) -> tuple[Any, Callable[[np.ndarray], np.ndarray]]:
    torch.set_num_threads(threads)
    assert case.build is not None  # noqa: S101 - the caller asked
    model = case.build(case.classes).eval()
    model.load_state_dict(torch.load(place / "peer.pth", weights_only=True))

    @torch.inference_mode()
    def logits(pixels: np.ndarray) -> Tensor:
        images = torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)[None]))
        return case.logits(model, images)

    @torch.inference_mode()
    def labels(pixels: np.ndarray) -> np.ndarray:
        found: np.ndarray = logits(pixels).argmax(1)[0].numpy()
        return found

    return logits, labels


def _litert(threads: int) -> tuple[Any, Callable[[np.ndarray], np.ndarray]]:
    package = packaged("ai_edge_litert.interpreter")
    interpreter = package.Interpreter(str(TFLITE), num_threads=threads)
    interpreter.allocate_tensors()
    (given,), (result,) = interpreter.get_input_details(), interpreter.get_output_details()

    def logits(pixels: np.ndarray) -> np.ndarray:
        interpreter.set_tensor(given["index"], pixels[None])
        interpreter.invoke()
        found: np.ndarray = interpreter.get_tensor(result["index"])[0]
        return found

    return logits, lambda pixels: logits(pixels).argmax(-1)
