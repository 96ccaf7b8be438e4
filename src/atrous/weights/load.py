"""Find a model by name or file and make it ready to predict."""

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path

from atrous.errors import ConfigError, DependencyError, WeightsError
from atrous.imaging import MAX_PIXELS
from atrous.runtime.card import ModelCard
from atrous.runtime.engine import Engine
from atrous.runtime.onnx_engine import OnnxEngine
from atrous.runtime.predictor import Predictor
from atrous.runtime.slide import SlidingEngine
from atrous.runtime.test_time import TestTime
from atrous.runtime.tiles import TiledEngine, TileSettings
from atrous.weights.formats.tf_checkpoint import checkpoint_prefix

_SHIPPED = Path(__file__).parent / "shipped"

MODELS: Mapping[str, str] = {
    "camvid": "deeplabv3plus_mobilenetv2_camvid.onnx",
}
"""Models that come with the package, by name."""

DEFAULT_MODEL = "camvid"
"""Street scenes, 11 classes."""


def find_model(model: str | Path | None) -> Path:
    """The file of a model, from its name, its path or its run folder; None for the default.

    Raises:
        WeightsError: If there is none.
    """
    name = str(model or DEFAULT_MODEL)
    if name in MODELS:
        return _SHIPPED / MODELS[name]
    path = Path(name)
    if path.is_file():
        return path
    if path.is_dir():
        if (path / "last.safetensors").is_file():
            return path / "last.safetensors"
        raise WeightsError(f"{path}: is a folder without last.safetensors; name a model file")
    close = difflib.get_close_matches(name, MODELS, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"shipped models: {', '.join(MODELS)}"
    raise WeightsError(f"{name}: no such model file, and no shipped model of that name; {hint}")


def find_start(start: str) -> Path:
    """The weights to start a training from.

    Args:
        start: A shipped model's name, a file, a checkpoint, or the name of an official checkpoint
            whose archive was downloaded.

    Raises:
        WeightsError: If there is none.
    """
    from atrous.weights.zoo.catalogue import CHECKPOINTS  # noqa: PLC0415 - prediction needs neither
    from atrous.weights.zoo.store import downloaded  # noqa: PLC0415

    path = Path(start)
    if path.is_file() or checkpoint_prefix(path):
        return path
    return downloaded(start, CHECKPOINTS[start]) if start in CHECKPOINTS else find_model(start)


def load(
    model: str | Path | None = None,
    *,
    threads: int = 0,
    max_pixels: int = MAX_PIXELS,
    scales: Sequence[float] = (1.0,),
    flip: bool = False,
    eval_crop_size: tuple[int, int] | None = None,
    slide: tuple[int, int] | None = None,
    tiles: TileSettings | None = None,
) -> Predictor:
    """Load a model, ready to predict.

    An ``.onnx`` file runs on ONNX Runtime and imports no torch; a ``.safetensors`` file, as
    training writes it, runs on torch.

    Args:
        model: Name of a shipped model, or a file; None for the shipped street-scene model.
        threads: Threads for the network; 0 for one for each core.
        max_pixels: Largest height times width of a picture.
        scales: Factors on the size at which the network sees a picture; the softmax of several is
            averaged, as the papers do.
        flip: Whether each scale is also seen mirrored.
        eval_crop_size: See every picture at its own size and filled up to this height and width
            with the mean pixel, as the published numbers were measured: 513, 513 on PASCAL VOC,
            1025, 2049 on Cityscapes. None does as the model's card says.
        slide: See pictures in overlapping windows of this height and width, and average their
            logits; None sees them whole.
        tiles: When pictures are seen in tiles; by default if the network would take more than half
            of the free memory.

    Examples:
        >>> import numpy as np
        >>> result = load().predict(np.zeros((48, 64, 3), np.uint8))
        >>> result.mask.shape
        (48, 64)

    Raises:
        ConfigError: If a scale is not between 0.1 and 4, a window too small, or the memory.
        WeightsError: If there is no such model, or its file is damaged or not one of ours.
        DependencyError: If the file needs torch and torch is not installed.
    """
    test_time = TestTime(tuple(scales), flip)
    path = find_model(model)
    engine, card = _load_engine(path, threads)
    if eval_crop_size is not None:
        changes = {"longest_side": None, "eval_crop_size": eval_crop_size}
        card = card.model_copy(
            update={"preprocessing": card.preprocessing.model_copy(update=changes)}
        )
    if slide and tiles and tiles.tile:
        raise ConfigError("windows that slide are tiles themselves; give slide or tile, not both")
    engine = (
        SlidingEngine(engine, slide)
        if slide
        else TiledEngine(engine, card, tiles or TileSettings())
    )
    return Predictor(engine, card, max_pixels=max_pixels, test_time=test_time)


def _load_engine(path: Path, threads: int) -> tuple[Engine, ModelCard]:
    if path.suffix == ".onnx":
        engine = OnnxEngine(path, threads=threads)
        return engine, engine.card
    if path.suffix == ".safetensors":
        return _load_torch(path)
    raise WeightsError(
        f"{path}: models are .onnx or .safetensors files, not {path.suffix or 'without ending'}; "
        "other formats are never opened, since some can run code"
    )


def _load_torch(path: Path) -> tuple[Engine, ModelCard]:
    try:
        from atrous.models.torch_engine import TorchEngine  # noqa: PLC0415
        from atrous.weights.model_file import load_model  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise DependencyError(
            f"{path}: a .safetensors model needs {error.name}; pip install 'atrous[train]', or "
            "export the model to .onnx"
        ) from None
    network, card = load_model(path)
    return TorchEngine(network), card
