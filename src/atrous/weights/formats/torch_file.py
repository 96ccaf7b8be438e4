"""State dicts in files of others: torch's pickles, read without unpickling, and safetensors."""

import pickle
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from atrous.errors import WeightsError
from atrous.runtime.card import CARD_KEY
from atrous.weights.rename import Values

TORCH_ENDINGS = (".pth", ".pt", ".tar", ".bin", ".ckpt", ".safetensors")
"""Endings of files that `read_torch_file` reads; ``.tar`` as in ``.pth.tar``."""

_MAX_BYTES = 4 << 30
_WRAPPERS = ("state_dict", "model_state", "model_state_dict", "model", "net")
"""Keys under which trainings put the state dict beside what else they save."""
_PREFIXES = ("module.", "model.", "net.", "_orig_mod.")
"""What wrappers around a network put in front of every name."""


@dataclass(frozen=True)
class TorchFile:
    """What a file holds for a network."""

    values: Values
    """Tensors by name, in float32, without the prefixes of wrappers."""
    left_out: tuple[str, ...]
    """Names of what is no tensor of the network, such as epochs and optimizers."""


class _Nothing:
    """What becomes of a value that is not a tensor, such as a best score in numpy's type.

    The unpickler is told to make this of them, so that no code of theirs runs.
    """

    def __init__(self, *_: object) -> None: ...

    def __setstate__(self, _: object) -> None: ...


_INERT = (
    "numpy.dtype",
    "numpy.ndarray",
    "numpy.core.multiarray.scalar",
    "numpy._core.multiarray.scalar",
    "numpy.core.multiarray._reconstruct",
    "numpy._core.multiarray._reconstruct",
    "argparse.Namespace",
    "pathlib.PosixPath",
    "pathlib.WindowsPath",
)
"""Types that checkpoints have beside their tensors; each is read as `_Nothing`."""


def read_torch_file(path: Path) -> TorchFile:
    """Read the state dict of a checkpoint, and nothing that could run.

    Args:
        path: A file with one of `TORCH_ENDINGS`; the state dict itself, or a training's checkpoint
            with the state dict inside.

    Raises:
        WeightsError: If the file is missing, damaged or too large, is a model of ours, holds no
            state dict, or needs more of Python than tensors, numbers and text.
    """
    if not path.is_file():
        raise WeightsError(f"{path}: no such file")
    _check_size(path, path.stat().st_size)
    if path.suffix == ".safetensors":
        return TorchFile(_as_values(_read_safetensors(path), path), ())
    state, left_out = _unwrap(_load(path), path)
    return TorchFile(_as_values(state, path), left_out)


def is_ours(path: Path) -> bool:
    """Whether a safetensors file is a model of ours, or none that can be read.

    A file of other packages has no card of ours.
    """
    try:
        with safe_open(path, framework="pt") as file:
            return CARD_KEY in (file.metadata() or {})
    except (SafetensorError, OSError, ValueError):
        return True


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        with safe_open(path, framework="pt") as file:
            if CARD_KEY in (file.metadata() or {}):
                raise WeightsError(
                    f"{path}: is a model of atrous already; --output-stride makes it one at "
                    "another stride, atrous export writes it as .onnx"
                )
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise WeightsError(f"{path}: not a whole safetensors file ({error})") from None
    return _without_prefixes(state)


def _load(path: Path) -> object:
    inert: list[Any] = [(_Nothing, name) for name in _INERT]
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                _check_size(path, sum(member.file_size for member in archive.infolist()))
        with torch.serialization.safe_globals(inert), path.open("rb") as file:
            return torch.load(file, map_location="cpu", weights_only=True)
    except WeightsError:
        raise
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"{path}: {_reason(error)}. Files that could run code are not read: save "
            "model.state_dict() alone with safetensors.torch.save_file where the model was made, "
            "and convert that file"
        ) from None
    except Exception as error:  # a damaged pickle can raise anything
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise WeightsError(f"{path}: cannot be read as a PyTorch checkpoint ({reason})") from None


def _reason(error: pickle.UnpicklingError) -> str:
    """The type that was refused, from torch's long message."""
    words = str(error).replace("`", " ").split()
    if "GLOBAL" in words[:-1]:
        return f"needs {words[words.index('GLOBAL') + 1]}, which is more than tensors and numbers"
    return "is no checkpoint of tensors and numbers"


def _unwrap(found: object, path: Path) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """The state dict in what was loaded, and the names of what lies beside it."""
    if not isinstance(found, Mapping):
        raise WeightsError(
            f"{path}: holds a {type(found).__name__}, not a state dict; save model.state_dict()"
        )
    inside = next((key for key in _WRAPPERS if isinstance(found.get(key), Mapping)), None)
    beside = [str(key) for key in found if key != inside] if inside else []
    entries = found[inside] if inside else found
    state = {str(key): value for key, value in entries.items() if isinstance(value, Tensor)}
    beside += [str(key) for key, value in entries.items() if not isinstance(value, Tensor)]
    if not state:
        raise WeightsError(
            f"{path}: holds no tensors by name; its entries are {sorted(map(str, found))[:5]}"
        )
    return _without_prefixes(state), tuple(beside)


def _without_prefixes(state: dict[str, Tensor]) -> dict[str, Tensor]:
    shared = [prefix for prefix in _PREFIXES if all(name.startswith(prefix) for name in state)]
    while state and shared:
        state = {name.removeprefix(shared[0]): tensor for name, tensor in state.items()}
        shared = [prefix for prefix in _PREFIXES if all(name.startswith(prefix) for name in state)]
    return state


def _as_values(state: Mapping[str, Tensor], path: Path) -> Values:
    for name, tensor in state.items():
        if tensor.layout is not torch.strided or tensor.is_quantized or tensor.is_complex():
            raise WeightsError(f"{path}: {name} is sparse, quantized or complex; none are read")
        if tensor.device.type != "cpu":
            raise WeightsError(f"{path}: {name} has no values, only a shape")
    # A view can claim more than its storage holds.
    _check_size(path, sum(4 * tensor.numel() for tensor in state.values()))
    return {name: tensor.detach().float().numpy() for name, tensor in state.items()}


def _check_size(path: Path, size: int) -> None:
    if size > _MAX_BYTES:
        raise WeightsError(f"{path}: {size:,} bytes, more than the {_MAX_BYTES:,} that are read")
