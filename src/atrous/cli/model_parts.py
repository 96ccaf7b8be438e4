"""What several of the ``atrous model`` commands show."""

from dataclasses import asdict
from typing import Any

from rich.table import Table

from atrous.runtime.card import ModelCard, Preprocessing
from atrous.weights.zoo.catalogue import LICENSE, ONE_SCALE, Checkpoint, Evaluation


def plain_table(*, title: str | None = None, header: bool = True) -> Table:
    """A table without lines."""
    return Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=None,
        pad_edge=False,
        show_header=header,
        header_style="dim",
    )


def facts_table(facts: dict[str, str], *, title: str) -> Table:
    """Names and texts, one pair a row; those without a text are left out."""
    table = plain_table(title=title, header=False)
    table.add_column()
    table.add_column(overflow="fold")
    for name, text in facts.items():
        if text:
            table.add_row(name, text)
    return table


def card_table(card: ModelCard, *, title: str) -> Table:
    """What a model file says of itself."""
    facts = {
        "name": card.name,
        "what": card.description,
        "network": _network(card),
        "classes": f"{len(card.classes)}: {', '.join(card.classes)}",
        "pictures": _pictures(card.preprocessing),
        "result": card_result(card),
        "licence": card.license,
    }
    return facts_table(facts, title=title)


def _network(card: ModelCard) -> str:
    encoder = card.architecture.get("encoder", "?")
    if card.task == "classification":
        return f"classifier of whole pictures, {encoder}"
    decoder = card.architecture.get("decoder", "?")
    return f"{decoder}, {encoder}, output stride {card.architecture.get('output_stride', '?')}"


def _pictures(preprocessing: Preprocessing) -> str:
    if preprocessing.center_crop:
        return f"their middle, scaled to a square of {preprocessing.center_crop}"
    size = preprocessing.longest_side
    resized = f"resized to a longest side of {size}" if size else "as they are"
    if not preprocessing.eval_crop_size:
        return resized
    height, width = preprocessing.eval_crop_size
    return f"{resized}, filled up to {height}x{width}"


def card_result(card: ModelCard) -> str:
    """What was measured of a model, in a line; empty if nothing was."""
    if "mean_iou" not in card.result:
        return ""
    return (
        f"mIoU {card.result['mean_iou']:.2%} on {card.result.get('split', '?')} "
        f"({card.result.get('convention', '')})"
    )


def looks(evaluation: Evaluation) -> str:
    """Output stride, scales and mirroring of an evaluation, such as ``8, 6 scales, mirrored``."""
    scales = "" if evaluation.scales == ONE_SCALE else f", {len(evaluation.scales)} scales"
    return f"{evaluation.output_stride}{scales}{', mirrored' if evaluation.flip else ''}"


def checkpoint_as_json(name: str, checkpoint: Checkpoint) -> dict[str, Any]:
    """Everything that the catalogue knows of a checkpoint."""
    return {
        "name": name,
        "archive": checkpoint.file_name,
        "address": checkpoint.address,
        "encoder": checkpoint.encoder,
        "trained_on": checkpoint.trained_on,
        "megabytes": checkpoint.megabytes,
        "license": LICENSE,
        "classes": checkpoint.labels.names if checkpoint.labels else None,
        "architecture": checkpoint.config.model_dump(mode="json") if checkpoint.config else None,
        "preprocessing": checkpoint.preprocessing.model_dump(mode="json"),
        "size": checkpoint.size,
        "evaluations": [asdict(evaluation) for evaluation in checkpoint.evaluations],
        "readable": checkpoint.readable,
        "note": checkpoint.note,
    }
