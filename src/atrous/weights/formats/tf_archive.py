"""Read the archives (``.tar.gz``) in which the release publishes its networks."""

from pathlib import Path

from atrous.errors import WeightsError
from atrous.weights.formats.contents import Contents
from atrous.weights.formats.files import read_member, unpack
from atrous.weights.formats.frozen_graph import read_frozen_graph
from atrous.weights.formats.leaves import CHECKPOINT_LEAVES
from atrous.weights.formats.tf_checkpoint import read_tf_checkpoint

_GRAPH = "frozen_inference_graph.pb"


def find_archive(path: Path) -> Path | None:
    """The path, if it is named as an archive is."""
    return path if path.name.endswith((".tar.gz", ".tgz")) else None


def read_archive(path: Path) -> Contents:
    """Read the checkpoint of an archive, or its frozen graph if it has no checkpoint.

    Raises:
        WeightsError: If the archive is missing or damaged, or has none or several.
    """
    members = unpack(path, _is_wanted)
    read = read_member(members)
    indexes = sorted(member for member in members if member.suffix == ".index")
    if len(indexes) > 1:
        raise WeightsError(
            f"{path}: has several checkpoints ({', '.join(index.name for index in indexes)}); "
            "unpack it and name one"
        )
    if indexes:
        values = read_tf_checkpoint(indexes[0].with_suffix(""), read=read)
        return Contents(values, CHECKPOINT_LEAVES)
    if path / _GRAPH not in members:
        raise WeightsError(f"{path}: has neither a checkpoint (.index and .data) nor {_GRAPH}")
    return read_frozen_graph(path / _GRAPH, read=read)


def _is_wanted(name: str) -> bool:
    return name.endswith(".index") or ".data-" in name or name == _GRAPH
