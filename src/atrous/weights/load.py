"""Find a model by name or file and make it ready to predict."""

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path

from atrous.errors import ConfigError, WeightsError
from atrous.imaging import MAX_PIXELS
from atrous.runtime.predictor import Predictor
from atrous.runtime.slide import SlidingEngine
from atrous.runtime.test_time import TestTime
from atrous.runtime.tiles import TiledEngine, TileSettings
from atrous.weights.engines import open_engine
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


def load(  # noqa: PLR0913 - all that the commands have as flags
    model: str | Path | None = None,
    *,
    engine: str = "auto",
    precision: str = "fp32",
    threads: int = 0,
    max_pixels: int = MAX_PIXELS,
    scales: Sequence[float] = (1.0,),
    flip: bool = False,
    eval_crop_size: tuple[int, int] | None = None,
    slide: tuple[int, int] | None = None,
    tiles: TileSettings | None = None,
) -> Predictor:
    """Load a model, ready to predict.

    By itself an ``.onnx`` file runs on ONNX Runtime and imports no torch; a ``.safetensors`` file,
    as training writes it, runs on torch.

    Args:
        model: Name of a shipped model, or a file; None for the shipped street-scene model.
        engine: What runs the network: ``auto``, ``onnx``, ``openvino``, ``torch`` or
            ``torch-compile``.
        precision: In what the network is computed: ``fp32``, ``bf16`` or ``fp16``.
        threads: Threads for the network; 0 for one for each core that this process may use.
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
        ConfigError: If a scale is not between 0.1 and 4, a window too small, engine, precision and
            file do not go together, or the memory is too little for the model.
        WeightsError: If there is no such model, or its file is damaged or not one of ours.
        DependencyError: If the engine is not installed.
    """
    test_time = TestTime(tuple(scales), flip)
    path = find_model(model)
    runs, card = open_engine(path, engine=engine, precision=precision, threads=threads)
    if eval_crop_size is not None:
        changes = {"longest_side": None, "eval_crop_size": eval_crop_size}
        card = card.model_copy(
            update={"preprocessing": card.preprocessing.model_copy(update=changes)}
        )
    if slide and tiles and tiles.tile:
        raise ConfigError("windows that slide are tiles themselves; give slide or tile, not both")
    runs = SlidingEngine(runs, slide) if slide else TiledEngine(runs, card, tiles or TileSettings())
    return Predictor(runs, card, max_pixels=max_pixels, test_time=test_time)
