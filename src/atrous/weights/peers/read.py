"""A checkpoint of another package as a network of ours."""

from dataclasses import replace
from pathlib import Path

from atrous.errors import ConfigError, WeightsError
from atrous.models.config import OutputStride
from atrous.weights.formats.contents import refuse_not_finite
from atrous.weights.formats.torch_file import read_torch_file
from atrous.weights.peers import PEERS, translate, words_of_left_out
from atrous.weights.peers.classifiers import find_kind
from atrous.weights.translated import Foreign


def read_peer(path: Path, output_stride: OutputStride | None) -> Foreign:
    """Read a state dict, find out whose it is, and translate it whole.

    Args:
        path: See `atrous.weights.formats.torch_file.read_torch_file`.
        output_stride: Stride to build the network for; None for the package's default.

    Raises:
        WeightsError: If the file cannot be read, is of none of `PEERS`, or does not fit as a whole.
    """
    found = read_torch_file(path)
    name = next((name for name, peer in PEERS.items() if peer.recognize(found.values)), None)
    if name is None and find_kind(found.values):
        raise WeightsError(
            f"{path}: is a classifier of whole pictures; atrous.load_classifier and atrous model "
            "convert read it, and atrous train --start begins with its encoder"
        )
    if name is None:
        raise WeightsError(
            f"{path}: none of the networks that are read from torch's files, which are DeepLabs of "
            f"{', '.join(PEERS)}; its first tensors are {sorted(found.values)[:3]}"
        )
    refuse_not_finite(found.values, where=str(path))
    try:
        network = PEERS[name].describe(found.values, output_stride)
    except (WeightsError, ConfigError) as error:
        raise WeightsError(f"{path}: looks like {name}, but {error}") from None
    translated = translate(found.values, network, where=str(path))
    return Foreign(
        f"checkpoint of {name}",
        replace(translated, skipped=translated.skipped + len(found.left_out)),
        tensors=len(found.values) - translated.skipped,
        preprocessing=network.preprocessing,
        left_out=" and ".join(sorted(set(words_of_left_out(found.values, network)))),
    )
