"""What commands share that take a classifier of whole pictures in place of a segmenter."""

import inspect
from collections.abc import Callable, Container, Mapping
from pathlib import Path

from atrous.errors import ConfigError, DependencyError
from atrous.weights.formats.safetensors_card import read_safetensors_card
from atrous.weights.load import find_model

_FLAGS = {"kinds": "--as"}
"""Options that are not called as their argument."""


def find_classifier(model: str | None) -> Path | None:
    """The file of a model that names whole pictures; None where it segments.

    Args:
        model: As ``--model`` takes it.

    Raises:
        WeightsError: If there is no such model, or its file is damaged.
    """
    path = find_model(model)
    if path.suffix != ".safetensors":
        return None
    return path if read_safetensors_card(path).task == "classification" else None


def refuse_typed(
    command: Callable[..., int],
    given: Mapping[str, object],
    *,
    leave: Container[str],
    classifier: Path,
) -> None:
    """Refuse the options of a command that are for models that segment.

    Args:
        command: Has the options with their defaults.
        given: Their values, by name.
        leave: Names of those that classifiers have too.
        classifier: The file of the model, for the message.

    Raises:
        ConfigError: If another one has been typed.
    """
    typed = [
        _FLAGS.get(name, f"--{name.replace('_', '-')}")
        for name, option in inspect.signature(command).parameters.items()
        if name not in leave and given[name] != option.default
    ]
    if typed:
        raise ConfigError(
            f"{classifier}: names pictures as a whole, on torch in float32; {', '.join(typed)} "
            f"{'is' if len(typed) == 1 else 'are'} for models that segment; leave it out"
        )


def needs_torch(error: ModuleNotFoundError) -> DependencyError:
    """What to say where classifiers cannot be run."""
    return DependencyError(f"a classifier needs {error.name}; pip install 'atrous[train]'")
