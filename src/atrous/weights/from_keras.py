"""Keras' Xception: its files, and its layers in our names.

Files are read as ``LAYER/INDEX`` in Keras' order of a layer's weights. The four shortcuts of
Xception have automatic names that count on from whatever the session built before, so they are
told apart by their order alone.
"""

import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from atrous.errors import WeightsError
from atrous.models.classifier import Classifier, build_classifier
from atrous.models.config import ClassifierConfig
from atrous.weights.formats.keras_hdf5 import read_keras_hdf5
from atrous.weights.rename import Rule, Values, rename

_MAX_BYTES = 2 << 30
_UNREADABLE = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    EOFError,
    MemoryError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What a damaged file can raise."""


def read_keras(path: Path) -> Values:
    """Read every array of a Keras Xception, by ``LAYER/INDEX``.

    Args:
        path: ``.keras``, ``.h5`` of Keras 2 and 3, ``.weights.h5``, or the arrays as ``.npz``.

    Returns:
        The arrays; the shortcuts are called ``shortcut0`` to ``shortcut3``.

    Raises:
        WeightsError: If the file is missing or damaged, or reaches outside itself.
        DependencyError: If h5py is not installed and the file needs it.
    """
    read = _READERS[path.suffix]
    try:
        arrays = read(path)
    except _UNREADABLE as error:
        raise WeightsError(f"{path}: cannot be read as {path.suffix} arrays ({error})") from None
    shortcuts = _in_order(arrays, "conv2d", "shortcut")
    shortcuts |= _in_order(arrays, "batch_normalization", "shortcut_bn")
    renamed = {}
    for name, values in arrays.items():
        layer, _, index = name.rpartition("/")
        renamed[f"{shortcuts.get(layer, layer)}/{index}"] = values
    return renamed


def load_keras_xception(path: Path) -> tuple[Classifier, ClassifierConfig]:
    """Build the classifier that a Keras file holds, with its weights, in evaluation mode.

    Returns:
        The classifier, and what it was built from.

    Raises:
        WeightsError: If the file is not a whole Xception with its classifier.
        DependencyError: If h5py is not installed and the file needs it.
    """
    arrays = dict(read_keras(path))
    try:
        kernel, bias = arrays.pop("predictions/0"), arrays.pop("predictions/1")
    except KeyError:
        raise WeightsError(f"{path}: has no classifier (no layer 'predictions')") from None
    config = ClassifierConfig(encoder="xception", num_classes=len(bias), padding="same")
    model = build_classifier(config).eval()
    state = model.state_dict()
    try:
        values = rename(arrays, xception_rules())
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}") from None
    values |= {"classifier.weight": np.ascontiguousarray(kernel.T), "classifier.bias": bias}
    misfits = sorted(
        name
        for name in state
        if not name.endswith("num_batches_tracked")
        and (name not in values or values[name].shape != tuple(state[name].shape))
    )
    if misfits:
        raise WeightsError(
            f"{path}: {len(misfits)} tensors of Xception got no value that fits; the first are "
            f"{', '.join(misfits[:3])}"
        )
    state |= {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in values.items()}
    model.load_state_dict(state)
    return model, config


# --- Names --------------------------------------------------------------------------------------


def xception_rules() -> list[Rule]:
    """Keras' layers of Xception in our names; its classifier is left out."""
    rules: list[Rule] = [Rule(r"predictions/\d", None)]
    for index in (1, 2):
        layer = f"block1_conv{index}"
        rules += _conv(layer, f"{layer}_bn", f"encoder.root.{index - 1}")
    for block in range(2, 14):
        for index in (1, 2, 3):
            ours = f"encoder.stages.{block - 2}.convs.{index - 1}"
            rules += _separable(f"block{block}_sepconv{index}", ours)
    for index, place in ((1, 0), (2, 2)):
        rules += _separable(f"block14_sepconv{index}", f"encoder.exit.{place}")
    for order, stage in enumerate((0, 1, 2, 11)):
        ours = f"encoder.stages.{stage}.shortcut"
        rules += _conv(f"shortcut{order}", f"shortcut_bn{order}", ours)
    return rules


def _conv(layer: str, norm: str, ours: str) -> list[Rule]:
    parts = ("weight", "bias", "running_mean", "running_var")
    return [
        Rule(f"{layer}/0", f"{ours}.conv.weight", _dense),
        *(Rule(f"{norm}/{index}", f"{ours}.norm.{part}") for index, part in enumerate(parts)),
    ]


def _separable(layer: str, ours: str) -> list[Rule]:
    return [
        Rule(f"{layer}/0", f"{ours}.depthwise.conv.weight", _depthwise),
        Rule(f"{layer}/1", f"{ours}.pointwise.conv.weight", _dense),
        *_conv(layer, f"{layer}_bn", f"{ours}.pointwise")[1:],
    ]


def _dense(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return values.transpose(3, 2, 0, 1)


def _depthwise(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return values.transpose(2, 3, 0, 1)


def _in_order(names: Iterable[str], kind: str, ours: str) -> dict[str, str]:
    """Keras numbers unnamed layers by how many the session had before; only the order counts."""
    matches = (re.fullmatch(rf"({kind}(?:_(\d+))?)/\d+", name) for name in names)
    numbers = {match[1]: int(match[2] or 0) for match in matches if match}
    layers = sorted(numbers, key=lambda layer: numbers[layer])
    return {layer: f"{ours}{order}" for order, layer in enumerate(layers)}


# --- Files --------------------------------------------------------------------------------------


def _read_npz(path: Path) -> dict[str, NDArray[np.float32]]:
    with zipfile.ZipFile(path) as archive:
        claimed = sum(member.file_size for member in archive.infolist())
        if claimed > _MAX_BYTES:
            raise ValueError(f"its arrays claim {claimed} bytes")
        arrays = {}
        for member in archive.namelist():
            with archive.open(member) as file:
                values = np.lib.format.read_array(file, allow_pickle=False)
            arrays[member.removesuffix(".npy")] = values.astype(np.float32)
        return arrays


_READERS: Mapping[str, Callable[[Path], dict[str, NDArray[np.float32]]]] = {
    ".npz": _read_npz,
    ".h5": read_keras_hdf5,
    ".keras": read_keras_hdf5,
}
KERAS_ENDINGS = tuple(_READERS)
"""Endings of files that `read_keras` reads."""
