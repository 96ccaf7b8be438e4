"""Bring a network from an ONNX file of ours back into torch, to train on or to compare with."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from atrous.errors import AtrousError, DependencyError, WeightsError
from atrous.models.build import build_model
from atrous.models.config import model_config_from
from atrous.models.segmenter import Segmenter
from atrous.runtime.card import CARD_KEY, ModelCard, read_card
from atrous.weights.unfold import FOLDED_AWAY, fold_norms


def load_onnx_model(path: Path) -> tuple[Segmenter, ModelCard]:
    """Rebuild the torch model of an ONNX file that `atrous.export.onnx.export_onnx` wrote.

    The file's norms are folded into its convolutions; here each norm adds a bias and nothing
    else. To train on, `atrous.weights.unfold.unfold_norms` gives them statistics again.

    Args:
        path: The ONNX file.

    Returns:
        The model in evaluation mode, and its card.

    Raises:
        WeightsError: If the file is missing, damaged, or its tensors do not fit its card.
        DependencyError: If the package onnx is not installed.
    """
    proto = _read_proto(path)
    metadata = {entry.key: entry.value for entry in proto.metadata_props}
    card = read_card(metadata.get(CARD_KEY), where=str(path))
    try:
        config = model_config_from(card.architecture)
        with torch.device("meta"):  # without memory, until the file is known to fill it
            expected = build_model(config).state_dict()
    except AtrousError as error:
        raise WeightsError(f"{path}: its architecture cannot be built ({error})") from None
    found = _tensors(proto, path)
    wanted = {name for name in expected if not name.endswith(FOLDED_AWAY)}
    misfits = sorted(
        name
        for name in wanted
        if name not in found or found[name].shape != tuple(expected[name].shape)
    )
    if misfits:
        raise WeightsError(
            f"{path}: {len(misfits)} tensors are missing or do not fit the architecture it names; "
            f"the first are {', '.join(misfits[:5])}"
        )
    taken = {name: torch.from_numpy(found[name].copy()) for name in wanted}
    model = build_model(config)
    fold_norms(model, taken)
    model.load_state_dict(model.state_dict() | taken)
    return model.eval(), card


def folded_norms(model: nn.Module) -> list[str]:
    """Names of a model's batch norms, as `unfold_norms` takes them."""
    return [name for name, part in model.named_modules() if isinstance(part, nn.BatchNorm2d)]


def _read_proto(path: Path) -> Any:
    try:
        import onnx  # noqa: PLC0415
    except ModuleNotFoundError:
        raise DependencyError(
            f"{path}: reading ONNX weights into torch needs onnx; pip install 'atrous[export]'"
        ) from None
    if not path.is_file():
        raise WeightsError(f"{path}: no such model file")
    try:
        return onnx.load(path, load_external_data=False)
    # protobuf and onnx raise many types on damaged files; each means the same to the user.
    except Exception as error:
        raise WeightsError(f"{path}: not a whole ONNX file ({error})") from None


def _tensors(proto: Any, path: Path) -> dict[str, np.ndarray[Any, np.dtype[np.float32]]]:
    from onnx import numpy_helper  # noqa: PLC0415

    found = {}
    for item in proto.graph.initializer:
        if item.external_data:
            raise WeightsError(f"{path}: {item.name} lies outside the file; that is never followed")
        try:
            values = numpy_helper.to_array(item)
        except (ValueError, TypeError) as error:
            raise WeightsError(f"{path}: {item.name} is damaged ({error})") from None
        if item.name.endswith(".weight_quantized"):
            raise WeightsError(
                f"{path}: its weights are 8-bit integers and cannot be brought back; take the "
                "model that it was exported from"
            )
        if values.dtype in (np.float16, np.float32):
            found[item.name.removesuffix("/half")] = values.astype(np.float32)
    return found
