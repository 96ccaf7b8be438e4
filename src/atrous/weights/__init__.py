"""Model files, and foreign weights to start from."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from atrous.weights.tensorflow import from_tensorflow, read_tensorflow_checkpoint

__all__ = ["from_tensorflow", "read_tensorflow_checkpoint"]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, since models without torch are loaded here."""
    if name not in __all__:
        raise AttributeError(f"module 'atrous.weights' has no attribute {name!r}")
    return getattr(import_module("atrous.weights.tensorflow"), name)
