"""Find a classifier's file and make it ready to name what pictures show."""

from collections.abc import Sequence
from pathlib import Path

from atrous.errors import ConfigError, WeightsError
from atrous.models.classifier import Classifier, PictureClassifier
from atrous.runtime.card import ModelCard, Preprocessing
from atrous.weights.formats.torch_file import TORCH_ENDINGS, is_ours, read_torch_file
from atrous.weights.from_keras import KERAS_ENDINGS, load_keras_xception
from atrous.weights.model_file import load_classifier_model
from atrous.weights.peers import PEERS
from atrous.weights.peers.classifiers import find_kind, load_peer_classifier

XCEPTION_SIDE = 299
"""The square that Xception was trained on."""


def load_classifier(path: str | Path, *, names: Sequence[str] | None = None) -> PictureClassifier:
    """Load a classifier, ready to predict.

    Args:
        path: A ``.safetensors`` classifier of ours; Keras' Xception with its top as ``.keras``,
            ``.h5`` or ``.weights.h5``; or a state dict of one of
            `atrous.weights.peers.classifiers.CLASSIFIERS`.
        names: Class names in the order of the logits. None takes those of the file; others' files
            have none, and 1000 classes are then ImageNet's if torchvision is installed, which
            knows their names, and numbered otherwise.

    Raises:
        ConfigError: If there are more or fewer names than classes.
        WeightsError: If there is no such file, or it is damaged or not a classifier.
        DependencyError: If a Keras file is given and h5py is not installed.
    """
    path = Path(path)
    if path.suffix == ".safetensors" and is_ours(path):
        model, card = load_classifier_model(path)
    else:
        model, card = read_foreign_classifier(path)
    if names is not None:
        if len(names) != len(card.classes):
            raise ConfigError(f"{path}: has {len(card.classes)} classes, {len(names)} are named")
        card = card.model_copy(update={"classes": tuple(names)})
    return PictureClassifier(model, card)


def is_foreign_classifier(path: Path) -> bool:
    """Whether a file of others holds a classifier of whole pictures.

    Raises:
        WeightsError: If it is a state dict that cannot be read.
    """
    if path.suffix in KERAS_ENDINGS:
        return True
    if path.suffix not in TORCH_ENDINGS or not path.is_file():
        return False
    if path.suffix == ".safetensors" and is_ours(path):
        return False
    values = read_torch_file(path).values
    segments = any(peer.recognize(values) for peer in PEERS.values())
    return not segments and find_kind(values) is not None


def read_foreign_classifier(path: Path) -> tuple[Classifier, ModelCard]:
    """Read a classifier of others, in evaluation mode, with what is known of it.

    Raises:
        WeightsError: If the file is missing, damaged, or none of the classifiers that are read.
        DependencyError: If a Keras file is given and h5py is not installed.
    """
    changes: dict[str, object] = {}
    if path.suffix in KERAS_ENDINGS:
        model, config = load_keras_xception(path)
    elif path.suffix in TORCH_ENDINGS:
        model, config, preprocessing = load_peer_classifier(path)
        changes["preprocessing"] = preprocessing
    else:
        raise WeightsError(
            f"{path}: classifiers are .safetensors files, Keras' Xception as "
            f"{', '.join(KERAS_ENDINGS)}, or PyTorch's state dicts as {', '.join(TORCH_ENDINGS)}"
        )
    card = classifier_card(
        config.encoder,
        config.num_classes,
        config.model_dump(mode="json"),
        description=f"Converted from {path.name}.",
        **changes,
    )
    return model, card


def classifier_card(
    name: str, num_classes: int, architecture: dict[str, object], **details: object
) -> ModelCard:
    """What a converted classifier says of itself; its pictures go from -1 to 1."""
    return ModelCard.model_validate(
        {
            "task": "classification",
            "name": name,
            "classes": class_names(num_classes),
            "preprocessing": Preprocessing(center_crop=XCEPTION_SIDE),
            "architecture": architecture,
            **details,
        }
    )


def class_names(num_classes: int) -> tuple[str, ...]:
    """ImageNet's names for 1000 classes, behind ``background`` for 1001; else numbers.

    ImageNet's are those that torchvision keeps with its weights; without it they are numbered.
    """
    try:
        from torchvision.models import ResNet50_Weights  # noqa: PLC0415
    except ModuleNotFoundError:
        known: tuple[str, ...] = ()
    else:
        known = tuple(ResNet50_Weights.IMAGENET1K_V1.meta["categories"])
    for names in (known, ("background", *known)):
        if known and len(names) == num_classes:
            return names
    return tuple(f"class {index}" for index in range(num_classes))
