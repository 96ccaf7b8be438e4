"""DeepLab V3+ and Xception: semantic segmentation, from a photo to a mask.

>>> import atrous
>>> predictor = atrous.load()
>>> "Road" in predictor.card.classes
True
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from atrous.errors import (
        AtrousError,
        ConfigError,
        DatasetError,
        DependencyError,
        ExportError,
        InputError,
        ResourceError,
        WeightsError,
    )
    from atrous.labels import LabelSet
    from atrous.models.build import build_model
    from atrous.models.config import ModelConfig
    from atrous.models.habits import DeepLabV3, DeepLabV3Plus
    from atrous.runtime.predictor import Predictor
    from atrous.runtime.result import Segmentation
    from atrous.weights.load import load
    from atrous.weights.load_classifier import load_classifier
    from atrous.weights.model_file import load_model, save_model

__version__ = "0.1.0"

_HOMES = {
    "AtrousError": "atrous.errors",
    "ConfigError": "atrous.errors",
    "DatasetError": "atrous.errors",
    "DeepLabV3": "atrous.models.habits",
    "DeepLabV3Plus": "atrous.models.habits",
    "DependencyError": "atrous.errors",
    "ExportError": "atrous.errors",
    "InputError": "atrous.errors",
    "LabelSet": "atrous.labels",
    "ModelConfig": "atrous.models.config",
    "Predictor": "atrous.runtime.predictor",
    "ResourceError": "atrous.errors",
    "Segmentation": "atrous.runtime.result",
    "WeightsError": "atrous.errors",
    "build_model": "atrous.models.build",
    "load": "atrous.weights.load",
    "load_classifier": "atrous.weights.load_classifier",
    "load_model": "atrous.weights.model_file",
    "save_model": "atrous.weights.model_file",
}

__all__ = [
    "AtrousError",
    "ConfigError",
    "DatasetError",
    "DeepLabV3",
    "DeepLabV3Plus",
    "DependencyError",
    "ExportError",
    "InputError",
    "LabelSet",
    "ModelConfig",
    "Predictor",
    "ResourceError",
    "Segmentation",
    "WeightsError",
    "__version__",
    "build_model",
    "load",
    "load_classifier",
    "load_model",
    "save_model",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that `import atrous` imports no torch."""
    if name not in _HOMES:
        raise AttributeError(f"module 'atrous' has no attribute {name!r}")
    try:
        home = import_module(_HOMES[name])
    except ModuleNotFoundError as error:
        if error.name not in {"torch", "safetensors", "accelerate"}:
            raise
        from atrous.errors import DependencyError  # noqa: PLC0415

        raise DependencyError(
            f"atrous.{name} needs {error.name}; pip install 'atrous[train]'"
        ) from None
    return getattr(home, name)
