"""Downloaded official checkpoints as models of ours, with what the catalogue knows of them."""

from dataclasses import replace

from atrous.errors import WeightsError
from atrous.models.config import OutputStride
from atrous.weights.convert import Conversion, convert
from atrous.weights.zoo.catalogue import LICENSE, find_checkpoint
from atrous.weights.zoo.store import archive_path, downloaded


def convert_official(
    name: str, *, output_stride: OutputStride | None = None, labels: str | None = None
) -> Conversion:
    """Translate a checkpoint whose archive is in the cache.

    Args:
        name: As in `atrous.weights.zoo.catalogue.CHECKPOINTS`.
        output_stride: Stride to build the network for; None for the one it is listed with.
        labels: See `atrous.weights.convert.convert`.

    Raises:
        ConfigError: If ``labels`` is unknown or has another number of classes.
        WeightsError: If there is none of that name, it was not downloaded, is not read, or does
            not fit.
    """
    checkpoint = find_checkpoint(name)
    if checkpoint.config is None:
        raise WeightsError(f"{name}: cannot be converted: {checkpoint.note}")
    stride = output_stride or checkpoint.config.output_stride
    found = convert(downloaded(name, checkpoint), output_stride=stride, labels=labels)
    listed, held = checkpoint.config.model_dump(mode="json"), found.card.architecture
    for field in ("encoder", "num_classes"):
        if held[field] != listed[field]:
            raise WeightsError(
                f"{name}: its archive holds another network: {field} is {held[field]!r}, listed "
                f"is {listed[field]!r}; remove {archive_path(checkpoint)} and download it again"
            )
    update = {
        "name": name,
        "description": f"Official checkpoint {checkpoint.archive}, trained on "
        f"{', '.join(checkpoint.trained_on)}.",
        "preprocessing": checkpoint.preprocessing,
        "recipe": {"trained_on": checkpoint.trained_on, "address": checkpoint.address},
        "license": LICENSE,
    }
    return replace(found, card=found.card.model_copy(update=update))
