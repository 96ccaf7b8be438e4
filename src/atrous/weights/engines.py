"""The engines that a model file can run on."""

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from atrous.errors import ConfigError, DependencyError, WeightsError
from atrous.runtime.card import ModelCard
from atrous.runtime.engine import PRECISIONS, Engine, Precision
from atrous.runtime.machine import usable_cores
from atrous.runtime.onnx_engine import OnnxEngine
from atrous.runtime.openvino_engine import OpenVinoEngine

Opened: TypeAlias = tuple[Engine, ModelCard]
Opener: TypeAlias = Callable[[Path, Precision, int], Opened]
"""A model file, a precision and a number of threads, 0 for one for each core."""


class Choice(NamedTuple):
    """An engine, and why it was taken."""

    engine: str
    reason: str


def open_engine(
    path: Path, *, engine: str = "auto", precision: str = "fp32", threads: int = 0
) -> Opened:
    """Open a model file with an engine.

    Args:
        path: An ``.onnx`` or ``.safetensors`` file.
        engine: One of `ENGINES`, or ``auto``.
        precision: ``fp32``, ``bf16`` or ``fp16``.
        threads: Threads on the CPU; 0 for one for each core that this process may use.

    Raises:
        ConfigError: If engine, precision and file do not go together.
        WeightsError: If the file is damaged or not one of ours.
        DependencyError: If the engine is not installed.
    """
    wanted = _known_precision(precision)
    if not engines_for(path):
        raise WeightsError(
            f"{path}: models are .onnx or .safetensors files, not "
            f"{path.suffix or 'without ending'}; other formats are never opened, since some can "
            "run code"
        )
    name = choose_engine(path, wanted).engine if engine == "auto" else engine
    if name not in ENGINES:
        raise ConfigError(f"unknown engine {name!r}; known engines: auto, {', '.join(ENGINES)}")
    if name not in engines_for(path):
        raise ConfigError(
            f"{path}: the engine {name} reads .onnx files only; take --engine torch, or make one "
            f"with 'atrous export {path} model.onnx'"
        )
    return ENGINES[name](path, wanted, threads)


def engines_for(path: Path) -> tuple[str, ...]:
    """Names of the engines that run a model file; none for a file that is no model."""
    return _RUN_BY.get(path.suffix, ())


def choose_engine(path: Path, precision: Precision) -> Choice:
    """What ``auto`` takes; docs/engines.md has the measurements behind it."""
    if path.suffix == ".safetensors":
        return Choice("torch", "a .safetensors file holds the weights of a torch network")
    if precision == "fp32":
        return Choice("onnx", "it comes with atrous, starts fastest, and needs no torch")
    if precision == "bf16" and find_spec("openvino"):
        return Choice("openvino", "ONNX Runtime computes in 32 bits only; OpenVINO is installed")
    return Choice("torch", "ONNX Runtime computes in 32 bits only")


def _open_onnx(path: Path, precision: Precision, threads: int) -> Opened:
    if precision != "fp32":
        raise ConfigError(
            f"the engine onnx computes in 32 bits only; for {precision} take --engine openvino or "
            "torch"
        )
    engine = OnnxEngine(path, threads=threads)
    return engine, engine.card


def _open_openvino(path: Path, precision: Precision, threads: int) -> Opened:
    engine = OpenVinoEngine(path, threads=threads, precision=precision)
    return engine, engine.card


def _open_torch(
    path: Path, precision: Precision, threads: int, *, compiled: bool = False
) -> Opened:
    try:
        import torch  # noqa: PLC0415 - an extra

        from atrous.models.torch_engine import TorchEngine  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise DependencyError(
            f"{path}: running on torch needs {error.name}; pip install 'atrous[train]', or export "
            "the model to .onnx"
        ) from None
    network, card = _torch_reader(path)(path)
    # Threads that torch was told of already, by OMP_NUM_THREADS or a call, are not made more.
    torch.set_num_threads(threads or min(usable_cores(), torch.get_num_threads()))
    return TorchEngine(network, precision=precision, compiled=compiled), card


def _open_compiled(path: Path, precision: Precision, threads: int) -> Opened:
    return _open_torch(path, precision, threads, compiled=True)


def _torch_reader(path: Path) -> Callable[[Path], tuple[Any, ModelCard]]:
    if path.suffix == ".onnx":
        from atrous.weights.from_onnx import load_onnx_model  # noqa: PLC0415 - needs torch

        return load_onnx_model
    from atrous.weights.model_file import load_model  # noqa: PLC0415 - needs torch

    return load_model


def _known_precision(name: str) -> Precision:
    for precision in PRECISIONS:
        if precision == name:
            return precision
    raise ConfigError(f"unknown precision {name!r}; known: {', '.join(PRECISIONS)}")


ENGINES: Mapping[str, Opener] = {
    "onnx": _open_onnx,
    "openvino": _open_openvino,
    "torch": _open_torch,
    "torch-compile": _open_compiled,
}
"""What runs a network, by name."""

_RUN_BY: Mapping[str, tuple[str, ...]] = {
    ".onnx": ("onnx", "openvino", "torch", "torch-compile"),
    ".safetensors": ("torch", "torch-compile"),
}
"""Which engines run a kind of file."""
