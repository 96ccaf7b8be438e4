"""``atrous evaluate``: how well a model does on labelled pictures."""

import dataclasses
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.table import Table

from atrous.cli.layout_option import LAYOUT_HELP
from atrous.cli.options import (
    EvalCropSizeOption,
    FlipFlag,
    JsonFlag,
    QuietFlag,
    ScalesOption,
    ThreadsOption,
    parse_scales,
    parse_size,
)
from atrous.cli.terminal import Terminal
from atrous.data.detect import open_split
from atrous.engine.evaluate import Evaluation, samples_of
from atrous.engine.evaluate import evaluate as evaluate_split
from atrous.errors import ConfigError
from atrous.labels import LabelSet
from atrous.runtime.test_time import TestTime
from atrous.weights.load import load

CONVENTION = "one confusion matrix over the split, ignored pixels left out, whole picture"


def evaluate(
    model: Annotated[str, Parameter(help="Shipped model by name, a model file, or a run folder.")],
    data: Annotated[Path, Parameter(help="Folder of the dataset.")],
    *,
    split: Annotated[str, Parameter(help="Which split to measure.")] = "val",
    layout: Annotated[str, Parameter(help=LAYOUT_HELP)] = "auto",
    min_miou: Annotated[
        float | None,
        Parameter(
            help="Exit with 1 if the mean IoU (0 to 1) is lower.", validator=Number(gte=0, lte=1)
        ),
    ] = None,
    scales: ScalesOption = "1",
    flip: FlipFlag = False,
    eval_crop_size: EvalCropSizeOption = None,
    threads: ThreadsOption = 0,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
) -> int:
    """Measure a model on a split: mean IoU, pixel accuracy, IoU of each class.

    One confusion matrix over the split, ignored pixels left out, whole picture; a single scale
    unless SCALES or FLIP ask for more.
    """
    terminal = Terminal(as_json=json, quiet=quiet)
    predictor = load(
        model,
        threads=threads,
        scales=parse_scales(scales),
        flip=flip,
        eval_crop_size=parse_size(eval_crop_size),
    )
    convention = f"{CONVENTION}, {_describe_looks(predictor.test_time)}"
    if eval_crop_size is not None:
        convention += f", filled up to {eval_crop_size} with the mean pixel"
    pairs = open_split(data, split, layout=layout)
    _check_classes(predictor.label_set, pairs.label_set)
    samples = terminal.track(samples_of(pairs), total=len(pairs.pairs), what="measuring")
    found = evaluate_split(predictor.predict_pixels, pairs, samples)
    terminal.show(_table(found, title=f"{predictor.card.name} on {data} ({split})"))
    terminal.show(
        f"mIoU {found.mean_iou:.2%}  pixel accuracy {found.pixel_accuracy:.2%}  "
        f"{found.images} pictures  ({convention})"
    )
    good_enough = min_miou is None or found.mean_iou >= min_miou
    if not good_enough:
        terminal.warn(f"mean IoU {found.mean_iou:.4f} is below {min_miou}")
    result = {
        **dataclasses.asdict(found),
        "model": predictor.card.name,
        "engine": predictor.engine.name,
        "split": split,
        "convention": convention,
    }
    terminal.give("evaluate", result, ok=good_enough)
    return 0 if good_enough else 1


def _check_classes(model: LabelSet, data: LabelSet) -> None:
    if model.names != data.names:
        raise ConfigError(
            f"the model's classes are not the dataset's: {len(model.names)} "
            f"({', '.join(model.names[:4])} ...) against {len(data.names)} "
            f"({', '.join(data.names[:4])} ...)"
        )


def _describe_looks(test_time: TestTime) -> str:
    if test_time.looks_once:
        return "single scale"
    scales = ", ".join(f"{scale:g}" for scale in test_time.scales)
    return f"softmax averaged over scales {scales}{' and mirrored' if test_time.flip else ''}"


def _table(found: Evaluation, *, title: str) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("class")
    table.add_column("IoU", justify="right")
    for name, iou in found.iou.items():
        table.add_row(name, "absent" if iou is None else f"{iou:7.2%}")
    return table
