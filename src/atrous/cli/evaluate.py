"""``atrous evaluate``: how well a model does on labelled pictures."""

import contextlib
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.table import Table

from atrous.cli.classifiers import find_classifier, refuse_typed
from atrous.cli.evaluate_classes import evaluate_classifier
from atrous.cli.layout_option import LAYOUT_HELP
from atrous.cli.options import (
    EngineOption,
    EvalCropSizeOption,
    FlipFlag,
    JsonFlag,
    MaxMemoryOption,
    OverlapOption,
    PrecisionOption,
    QuietFlag,
    ScalesOption,
    SlideOption,
    ThreadsOption,
    TileOption,
    parse_scales,
    parse_size,
    parse_tiles,
)
from atrous.cli.terminal import Terminal
from atrous.data.detect import open_split, open_unlabelled
from atrous.engine.evaluate import Evaluation, PredictSurely, evaluation_of, measure, samples_of
from atrous.engine.protocols import PROTOCOLS, Protocol, find_protocol
from atrous.errors import ConfigError, DatasetError, InputError
from atrous.labels import LabelSet
from atrous.runtime.predictor import Predictor
from atrous.weights.load import load

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atrous.reports.report import Convention, Epoch, Published, Report
    from atrous.reports.submission import Submission, Target

CONVENTION = "one confusion matrix over the split, whole picture"


_OF_CLASSIFIERS = {"model", "data", "split", "threads", "json", "quiet"}


def evaluate(
    model: Annotated[str, Parameter(help="Shipped model by name, a model file, or a run folder.")],
    data: Annotated[Path, Parameter(help="Folder of the dataset.")],
    *,
    split: Annotated[str, Parameter(help="Which split to measure.")] = "val",
    layout: Annotated[str, Parameter(help=LAYOUT_HELP)] = "auto",
    protocol: Annotated[
        str | None,
        Parameter(
            help="Measure as published numbers were: classes, ignored pixels, sizes and scales of "
            f"{', '.join(PROTOCOLS)}."
        ),
    ] = None,
    boundary: Annotated[
        bool,
        Parameter(negative="", help="Also measure along boundaries: trimap curve, IoU, F-score."),
    ] = False,
    calibration: Annotated[
        bool,
        Parameter(negative="", help="Also measure whether probabilities are right; slower."),
    ] = False,
    report: Annotated[
        Path | None,
        Parameter(help="New folder for report.json, images.csv and report.html."),
    ] = None,
    submit: Annotated[
        Path | None,
        Parameter(help="Also write predictions as an archive for the protocol's server (.zip)."),
    ] = None,
    submit_as: Annotated[
        str | None,
        Parameter(
            help="VOC's competition that the archive is for: comp5, trained on VOC's own data "
            "alone, or comp6, on other data too. "
            "Default: comp5."
        ),
    ] = None,
    min_miou: Annotated[
        float | None,
        Parameter(
            help="Exit with 1 if the mean IoU (0 to 1) is lower.", validator=Number(gte=0, lte=1)
        ),
    ] = None,
    scales: ScalesOption = "1",
    flip: FlipFlag = False,
    eval_crop_size: EvalCropSizeOption = None,
    slide: SlideOption = None,
    max_memory: MaxMemoryOption = None,
    tile: TileOption = None,
    overlap: OverlapOption = None,
    engine: EngineOption = "auto",
    precision: PrecisionOption = "fp32",
    threads: ThreadsOption = 0,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
) -> int:
    """Measure a model on a split: mean IoU, pixel accuracy, IoU of each class.

    One confusion matrix over the split, ignored pixels left out, whole picture; a single scale
    unless SCALES, FLIP or SLIDE ask for more, or as a PROTOCOL fixes it. A model that names whole
    pictures is measured over folders of classes, DATA/SPLIT/CLASS: top-1 and top-5 accuracy.
    """
    given = dict(locals())
    from atrous.reports.build import build_report, check_folder, collected, write_folder
    from atrous.reports.report import ModelFacts
    from atrous.reports.submission import find_target

    terminal = Terminal(as_json=json, quiet=quiet)
    classifier = find_classifier(model)
    if classifier:
        refuse_typed(evaluate, given, leave=_OF_CLASSIFIERS, classifier=classifier)
        return evaluate_classifier(
            classifier, data, split=split, threads=threads, terminal=terminal
        )
    rules = _rules(protocol, scales, flip=flip, eval_crop_size=eval_crop_size, slide=slide)
    if submit_as and not submit:
        raise ConfigError("--submit-as says what --submit is for; give --submit FILE.zip too")
    target = find_target(protocol, competition=submit_as) if submit else None
    if report:
        check_folder(report)
    predictor = load(
        model,
        engine=engine,
        precision=precision,
        threads=threads,
        scales=rules.scales,
        flip=rules.flip,
        eval_crop_size=rules.eval_crop_size,
        slide=rules.slide,
        tiles=parse_tiles(max_memory, tile, overlap),
    )
    opened = open_unlabelled if submit else open_split
    pairs = opened(data, split, layout=layout)
    _check_classes(predictor.label_set, pairs.label_set)
    rules.check(pairs.label_set)
    found = collected(
        pairs.label_set, details=report is not None, boundary=boundary, calibration=calibration
    )
    samples = terminal.track(
        samples_of(pairs, predictor.card.preprocessing.kind),
        total=len(pairs.pairs),
        what="measuring",
    )
    predict = _answers(predictor, sure=calibration)
    with _submission(submit, target) as archive:
        watchers = [*found.watchers, *archive]
        matrix, images = measure(predict, pairs, samples, protocol=rules, watchers=watchers)
    if not matrix.counts.any():
        return _give_unscored(terminal, f"{data} ({split})", submit)
    whole = build_report(
        matrix,
        pairs.label_set,
        found,
        model=ModelFacts(name=predictor.card.name, engine=predictor.engine.name),
        split=split,
        convention=_convention(rules, protocol, tile),
        published=_published(predictor, rules, protocol, split),
        learning=_learning(terminal, Path(model)),
    )
    if report and found.worst:
        write_folder(report, whole, found.worst.worst_first())
        terminal.say(f"wrote {report / 'report.html'}")
    evaluation = evaluation_of(matrix, pairs.label_set.names, images)
    _show(terminal, whole, evaluation, title=f"{predictor.card.name} on {data} ({split})")
    good_enough = min_miou is None or evaluation.mean_iou >= min_miou
    if not good_enough:
        terminal.warn(f"mean IoU {evaluation.mean_iou:.4f} is below {min_miou}")
    terminal.give("evaluate", _result(whole, evaluation), ok=good_enough)
    return 0 if good_enough else 1


@contextlib.contextmanager
def _submission(path: Path | None, target: "Target | None") -> "Iterator[list[Submission]]":
    """The archive to write, in a list that is empty if none is wanted."""
    from atrous.reports.submission import Submission

    if path is None or target is None:
        yield []
        return
    with Submission(path, target) as archive:
        yield [archive]


def _give_unscored(terminal: Terminal, where: str, submit: Path | None) -> int:
    """What there is to say of a split without labels, such as a benchmark's test split."""
    if submit is None:
        raise DatasetError(f"{where}: not one labelled pixel; there is nothing to score")
    terminal.warn(f"{where}: not one labelled pixel, nothing was scored; wrote {submit} alone")
    terminal.give("evaluate", {"submission": str(submit)})
    return 0


def _rules(
    protocol: str | None, scales: str, *, flip: bool, eval_crop_size: str | None, slide: str | None
) -> Protocol:
    """The named protocol as it is, or the default one with what the flags say."""
    rules = find_protocol(protocol)
    if protocol is None:
        return dataclasses.replace(
            rules,
            scales=parse_scales(scales),
            flip=flip,
            eval_crop_size=parse_size(eval_crop_size),
            slide=parse_size(slide),
        )
    if (scales, flip, eval_crop_size, slide) != ("1", False, None, None):
        raise ConfigError(
            f"--protocol {protocol} fixes scales, mirror images and sizes; leave out --scales, "
            "--flip, --eval-crop-size and --slide, or the protocol"
        )
    return rules


def _answers(predictor: Predictor, *, sure: bool) -> PredictSurely:
    if sure:
        return predictor.predict_surely
    return lambda pixels: (predictor.predict_pixels(pixels), None)


def _check_classes(model: LabelSet, data: LabelSet) -> None:
    if model.names != data.names:
        raise ConfigError(
            f"the model's classes are not the dataset's: {len(model.names)} "
            f"({', '.join(model.names[:4])} ...) against {len(data.names)} "
            f"({', '.join(data.names[:4])} ...)"
        )


def _convention(rules: Protocol, protocol: str | None, tile: int | None) -> "Convention":
    from atrous.reports.report import Convention

    parts = [CONVENTION, rules.description, _describe_looks(rules)]
    if rules.eval_crop_size is not None and protocol is None:
        height, width = rules.eval_crop_size
        parts.append(f"filled up to {height}x{width} with the mean pixel")
    if rules.slide is not None:
        parts.append("in windows of {}x{}, logits averaged".format(*rules.slide))
    if tile is not None:
        parts.append(f"seen in tiles of at most {tile} pixels a side")
    return Convention(
        protocol=protocol,
        text=", ".join(parts),
        void_is_wrong=rules.void_is_wrong,
        scales=rules.scales,
        flip=rules.flip,
    )


def _describe_looks(rules: Protocol) -> str:
    if rules.scales == (1.0,) and not rules.flip:
        return "single scale"
    scales = ", ".join(f"{scale:g}" for scale in rules.scales)
    return f"softmax averaged over scales {scales}{' and mirrored' if rules.flip else ''}"


def _learning(terminal: Terminal, run: Path) -> "tuple[Epoch, ...]":
    """The learning curves, where the model is a run folder; without them the rest still counts."""
    from atrous.reports.learning import read_learning

    try:
        return read_learning(run)
    except InputError as error:
        terminal.warn(f"{error}; the report has no learning curves")
        return ()


def _published(
    predictor: Predictor, rules: Protocol, protocol: str | None, split: str
) -> "list[Published]":
    """What the model's card says of the same split, and the release of the same protocol."""
    from atrous.reports.report import Published
    from atrous.weights.comparable import published_results

    said = predictor.card.result
    once = rules.scales == (1.0,) and not (rules.flip or rules.void_is_wrong or rules.slide)
    rows = []
    if once and said.get("split") == split and isinstance(said.get("mean_iou"), float):
        rows.append(
            Published(what="the model's own card", mean_iou=said["mean_iou"], same_model=True)
        )
    if protocol is None:
        return rows
    results = published_results(
        predictor.label_set, split=split, scales=rules.scales, flip=rules.flip
    )
    return rows + [
        Published(
            what=f"{one.name}, output stride {one.output_stride}",
            mean_iou=one.mean_iou,
            same_model=one.name == predictor.card.name,
        )
        for one in results
    ]


def _result(report: "Report", evaluation: Evaluation) -> dict[str, Any]:
    return {
        **dataclasses.asdict(evaluation),
        "interval": [report.scores.low, report.scores.high],
        "boundary": report.boundary.model_dump() if report.boundary else None,
        "calibration_error": report.scores.calibration_error,
        "model": report.model.name,
        "engine": report.model.engine,
        "split": report.data.split,
        "fingerprint": report.data.fingerprint,
        "protocol": report.convention.protocol,
        "convention": report.convention.text,
        "published": [row.model_dump() for row in report.published],
    }


def _show(terminal: Terminal, report: "Report", evaluation: Evaluation, *, title: str) -> None:
    scores = report.scores
    terminal.show(_table(evaluation, title=title))
    interval = f" ({scores.low:.2%} to {scores.high:.2%})" if scores.low and scores.high else ""
    terminal.show(
        f"mIoU {evaluation.mean_iou:.2%}{interval}  "
        f"pixel accuracy {evaluation.pixel_accuracy:.2%}  "
        f"{evaluation.images} pictures  ({report.convention.text})"
    )
    if report.boundary:
        terminal.show(_boundary_table(report))
    if scores.calibration_error is not None:
        terminal.show(f"expected calibration error {scores.calibration_error:.2%}")
    for row in report.published:
        gap = 100 * (evaluation.mean_iou - row.mean_iou)
        terminal.show(f"published: {row.what} {row.mean_iou:.2%}, {gap:+.2f} points from it")


def _table(found: Evaluation, *, title: str) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("class")
    table.add_column("IoU", justify="right")
    for name, iou in found.iou.items():
        table.add_row(name, "absent" if iou is None else f"{iou:7.2%}")
    return table


def _boundary_table(report: "Report") -> Table:
    found = report.boundary
    table = Table(title="along boundaries", title_justify="left", box=None, pad_edge=False)
    for header in ("", "mIoU around void", "around classes"):
        table.add_column(header, justify="right")
    if found:
        rows = zip(found.widths, found.around_void, found.around_classes, strict=True)
        for width, *scores in rows:
            texts = ("-" if score is None else f"{score:.2%}" for score in scores)
            table.add_row(f"{width} px", *texts)
        f_scores = zip(found.tolerances, found.f_scores, strict=True)
        table.caption = f"boundary IoU {found.boundary_iou or 0:.2%}; F-score " + ", ".join(
            f"{score or 0:.2%} within {tolerance} px" for tolerance, score in f_scores
        )
    return table
