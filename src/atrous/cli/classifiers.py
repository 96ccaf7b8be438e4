"""What commands share that take a classifier of whole pictures in place of a segmenter."""

from collections.abc import Mapping
from pathlib import Path

from atrous.errors import ConfigError, DependencyError
from atrous.weights.formats.safetensors_card import read_safetensors_card
from atrous.weights.load import find_model


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


def refuse(given: Mapping[str, object], *, classifier: Path) -> None:
    """Refuse options that are for masks.

    Args:
        given: By option; what is true or there was typed.
        classifier: The file of the model, for the message.

    Raises:
        ConfigError: If one was typed.
    """
    typed = [option for option, value in given.items() if value]
    if typed:
        raise ConfigError(
            f"{classifier}: names pictures as a whole, on torch in float32; {', '.join(typed)} "
            f"{'is' if len(typed) == 1 else 'are'} for models that segment; leave it out"
        )


def needs_torch(error: ModuleNotFoundError) -> DependencyError:
    """What to say where classifiers cannot be run."""
    return DependencyError(f"a classifier needs {error.name}; pip install 'atrous[train]'")
