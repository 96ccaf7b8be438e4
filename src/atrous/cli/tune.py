"""``atrous tune``: the settings that suit a user's pictures, machine and limits."""

import dataclasses
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.text import Text

from atrous.cli.layout_option import LAYOUT_HELP
from atrous.cli.options import (
    JsonFlag,
    OverwriteFlag,
    QuietFlag,
    ThreadsOption,
    parse_list,
    parse_scales,
)
from atrous.cli.terminal import Terminal
from atrous.data.detect import ALSO_CALLED, open_split
from atrous.errors import ConfigError, DependencyError, ResourceError
from atrous.imaging import write_file
from atrous.runtime.engine import PRECISIONS
from atrous.runtime.footprint import parse_memory
from atrous.runtime.machine import usable_cores
from atrous.weights.load import find_model, load

if TYPE_CHECKING:
    from atrous.runtime.card import ModelCard
    from atrous.speed.search import Space
    from atrous.speed.settings import Candidate, Limits
    from atrous.speed.tune import Bench, Chosen

_INTERRUPTED = 130
CONVENTION = (
    "mIoU from one confusion matrix over the pictures, ignored pixels left out; in brackets where "
    "95% of draws of as many pictures lie; ms is the median from pixels to labels, MiB the most "
    "memory of a process that does nothing else"
)


def tune(
    model: Annotated[str, Parameter(help="Shipped model by name, a model file, or a run folder.")],
    data: Annotated[Path, Parameter(help="Folder of a dataset with labels.")],
    *,
    split: Annotated[
        str, Parameter(help="Which split to choose on; a test split is refused.")
    ] = "val",
    layout: Annotated[str, Parameter(help=LAYOUT_HELP)] = "auto",
    max_ms: Annotated[
        float | None,
        Parameter(help="Most milliseconds from pixels to labels.", validator=Number(gt=0)),
    ] = None,
    max_memory: Annotated[
        str | None, Parameter(help="Most memory of the process, such as 800MB or 1GB.")
    ] = None,
    min_miou: Annotated[
        float | None,
        Parameter(help="Least mean IoU (0 to 1).", validator=Number(gte=0, lte=1)),
    ] = None,
    output_strides: Annotated[
        str | None,
        Parameter(
            help="Output strides joined by commas. Default: 8,16,32 where torch and onnx are "
            "installed, else the model's own."
        ),
    ] = None,
    scales: Annotated[
        str,
        Parameter(help="Sizes to try, as factors on the one at which the model sees pictures."),
    ] = "0.5,0.75,1,1.25,1.5",
    engine: Annotated[str, Parameter(help="Engines joined by commas.")] = "onnx,openvino,torch",
    precision: Annotated[str, Parameter(help="Precisions joined by commas.")] = ",".join(
        PRECISIONS
    ),
    pictures: Annotated[
        int,
        Parameter(
            help="How many pictures are scored, evenly from the split.",
            validator=Number(gte=1, lte=1_000_000),
        ),
    ] = 50,
    rounds: Annotated[
        int, Parameter(help="How often each is timed.", validator=Number(gte=1, lte=10_000))
    ] = 5,
    save: Annotated[
        Path | None,
        Parameter(
            help="Write the chosen model: .onnx or .safetensors, or its card alone as .json."
        ),
    ] = None,
    plot: Annotated[
        Path | None, Parameter(help="Also draw mean IoU over time, as .svg or .png.")
    ] = None,
    threads: ThreadsOption = 0,
    overwrite: OverwriteFlag = False,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
) -> int:
    """Find the output stride, picture size, engine and precision that suit your limits.

    Tries them on labelled pictures and on this machine: time and memory first, then mean IoU of
    what can meet the limits. Shows those to which no other is better in every way, and chooses the
    one of highest mean IoU within the limits (with --min-miou alone the fastest). Exits with 1 if
    nothing fits.
    """
    from atrous.speed.settings import Limits
    from atrous.speed.tune import spread

    terminal = Terminal(as_json=json, quiet=quiet)
    _refuse_test(split)
    _check_places(save, plot, overwrite=overwrite)
    limits = Limits(max_ms, parse_memory(max_memory), min_miou)
    wanted = _Wanted(output_strides, scales, engine, precision)
    path = find_model(model)
    found: list[Candidate] = []
    with tempfile.TemporaryDirectory(prefix="atrous-tune-") as folder:
        labelled = open_split(data, split, layout=layout)
        space, bench = _prepare(
            terminal, wanted, path, spread(labelled, pictures), Path(folder), threads, rounds
        )
        interrupted = _search(terminal, space, limits, bench, found)
    where = f"{data} ({split})"
    best = _show(terminal, found, limits, where, len(bench.chosen.pairs), interrupted=interrupted)
    if plot and any(one.score for one in found):
        _draw(found, best, plot, where, overwrite=overwrite)
        terminal.say(f"wrote {plot}")
    if save and best:
        _save(path, best, save, overwrite=overwrite)
        terminal.say(f"wrote {save}")
    if interrupted:
        return _INTERRUPTED
    return 0 if best else 1


class _Wanted(NamedTuple):
    """What is to be tried, as it was typed."""

    output_strides: str | None
    scales: str
    engine: str
    precision: str


def _refuse_test(split: str) -> None:
    if {"test", *ALSO_CALLED["test"]} & set(split.split("+")):
        raise ConfigError(
            f"--split {split}: settings chosen on a test split make its score worthless; choose on "
            "val, and measure once on the test split with 'atrous evaluate'"
        )


def _check_places(save: Path | None, plot: Path | None, *, overwrite: bool) -> None:
    """Refuse files that could not be written before minutes are spent on what goes there."""
    from atrous.speed.drawing import check_drawing_path

    if plot:
        check_drawing_path(plot)
    if save and save.suffix not in {".onnx", ".safetensors", ".json"}:
        raise ConfigError(f"{save}: models are saved as .onnx or .safetensors, cards as .json")
    for path in (save, plot):
        if path and path.exists() and not overwrite:
            raise ResourceError(f"{path}: is there already; give another place or --overwrite")


def _prepare(
    terminal: Terminal,
    wanted: _Wanted,
    path: Path,
    chosen: "Chosen",
    folder: Path,
    threads: int,
    rounds: int,
) -> "tuple[Space, Bench]":
    from atrous.speed.tune import Bench, files_by_stride, middle_picture, write_pixels

    card = load(path).card
    if card.label_set.names != chosen.label_set.names:
        raise ConfigError(
            f"the model's {len(card.classes)} classes are not the dataset's "
            f"{chosen.label_set.num_classes}; settings can be chosen on its own classes only"
        )
    pixels = middle_picture(chosen, card)
    space = _space(wanted, card, max(pixels.shape[:2]))
    own = space.start.output_stride
    try:
        files = files_by_stride(path, card, space.output_strides, folder)
    except DependencyError as error:
        if wanted.output_strides:
            raise
        terminal.warn(f"only the model's own output stride {own} is tried: {error}")
        space = dataclasses.replace(space, output_strides=[own])
        files = {own: path}
    picture = write_pixels(folder, pixels)
    return space, Bench(files, chosen, picture, threads or usable_cores(), rounds)


def _space(wanted: _Wanted, card: "ModelCard", picture_side: int) -> "Space":
    from atrous.speed.search import Space
    from atrous.speed.settings import Look
    from atrous.speed.tune import OUTPUT_STRIDES, sides_around

    own = int(card.architecture.get("output_stride", 16))
    side = card.preprocessing.longest_side or picture_side
    strides: tuple[int, ...] = OUTPUT_STRIDES
    if wanted.output_strides:
        strides = tuple(
            _stride(one) for one in parse_list("--output-strides", wanted.output_strides)
        )
    precisions = parse_list("--precision", wanted.precision)
    return Space(
        output_strides=strides,
        longest_sides=sides_around(side, parse_scales(wanted.scales)),
        flips=(False, True),
        engines=parse_list("--engine", wanted.engine),
        precisions=precisions,
        start=Look(own, side, flip=False, precision=precisions[0]),
    )


def _stride(text: str) -> int:
    if text not in {"8", "16", "32"}:
        raise ConfigError(f"--output-strides takes 8, 16, 32 joined by commas, not {text!r}")
    return int(text)


def _search(
    terminal: Terminal, space: "Space", limits: "Limits", bench: "Bench", found: "list[Candidate]"
) -> bool:
    """Whether it was interrupted."""
    from atrous.speed.search import search

    try:
        with terminal.meter() as meter:
            search(space, limits, bench.speed, bench.score, found, tell=meter.note)
    except KeyboardInterrupt:
        terminal.warn("interrupted; this is what was measured until then")
        return True
    return False


def _show(
    terminal: Terminal,
    found: "list[Candidate]",
    limits: "Limits",
    where: str,
    pictures: int,
    *,
    interrupted: bool,
) -> "Candidate | None":
    """Show the front, and give what was chosen."""
    from atrous.cli.tune_display import as_json, front_table, left_out_lines, verdict
    from atrous.speed.machine import this_machine
    from atrous.speed.settings import choose, pareto_front

    front, best = pareto_front(found), choose(found, limits)
    machine = this_machine()
    terminal.show(front_table(front, best, title=f"on {pictures} pictures of {where}"))
    terminal.show("", *left_out_lines(found), "", machine.in_words, CONVENTION)
    terminal.show("", Text(verdict(best, limits)))
    result = {
        "machine": dataclasses.asdict(machine),
        "convention": CONVENTION,
        "pictures": pictures,
        "limits": dataclasses.asdict(limits),
        "candidates": [as_json(one, in_front=one in front) for one in found],
        "chosen": as_json(best, in_front=True) if best else None,
        "interrupted": interrupted,
    }
    terminal.give("tune", result, ok=best is not None and not interrupted)
    return best


def _draw(
    found: "list[Candidate]", best: "Candidate | None", path: Path, where: str, *, overwrite: bool
) -> None:
    from atrous.cli.tune_display import draw_scores
    from atrous.speed.drawing import write_drawing

    write_drawing(draw_scores(found, best, title=f"settings on {where}"), path, overwrite=overwrite)


def _save(model: Path, best: "Candidate", out: Path, *, overwrite: bool) -> None:
    from atrous.speed.tune import with_longest_side, write_at

    look = best.look
    if out.suffix == ".json":
        card = with_longest_side(load(model).card, look.longest_side)
        content = card.to_json().encode()
        write_file(out, lambda file: file.write(content), overwrite=overwrite)
        return
    write_at(
        model,
        out,
        output_stride=look.output_stride,
        longest_side=look.longest_side,
        overwrite=overwrite,
    )
