"""What other packages' files have for a new training: whole DeepLabs, and classifiers' encoders."""

from pathlib import Path

from atrous.errors import ConfigError, WeightsError
from atrous.weights.formats.torch_file import read_torch_file
from atrous.weights.peers import PEERS, translate
from atrous.weights.peers.classifiers import CLASSIFIERS, encoder_values, find_kind
from atrous.weights.rename import Values


def start_values(path: Path) -> tuple[str, Values]:
    """What a file has for a new training: its encoder, and its head if there is one.

    Args:
        path: A state dict of one of `atrous.weights.peers.PEERS` or of one of
            `atrous.weights.peers.classifiers.CLASSIFIERS`.

    Returns:
        The encoder's name, and values by our names. A classifier of whole pictures is left out.

    Raises:
        WeightsError: If it is none of these, or a value has no place.
    """
    values = read_torch_file(path).values
    for name, peer in PEERS.items():
        if peer.recognize(values):
            try:
                network = peer.describe(values, None)
            except (WeightsError, ConfigError) as error:
                raise WeightsError(f"{path}: looks like {name}, but {error}") from None
            state = translate(values, network, where=str(path)).state
            return network.config.encoder, {key: value.numpy() for key, value in state.items()}
    kind = find_kind(values)
    if kind is None:
        raise WeightsError(
            f"{path}: none of the networks that a training can start from, which are "
            f"{', '.join((*CLASSIFIERS, *PEERS))}; its first tensors are {sorted(values)[:3]}"
        )
    try:
        return encoder_values(kind, values)
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}") from None
