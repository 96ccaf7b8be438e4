"""``atrous predict``: from pictures to masks."""

import contextlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from cyclopts import Parameter
from cyclopts.validators import Number

from atrous.cli.options import (
    EngineOption,
    EvalCropSizeOption,
    FlipFlag,
    JsonFlag,
    ModelOption,
    OverwriteFlag,
    PrecisionOption,
    QuietFlag,
    ScalesOption,
    SlideOption,
    ThreadsOption,
    parse_scales,
    parse_size,
)
from atrous.cli.terminal import Terminal, shares_table
from atrous.errors import AtrousError, ConfigError, InputError, ResourceError
from atrous.imaging import MAX_PIXELS, Picture, write_image
from atrous.labels import LabelSet
from atrous.runtime.pipeline import run_pipeline
from atrous.runtime.predictor import Predictor
from atrous.runtime.result import Segmentation
from atrous.runtime.sources import FoundPicture, distinct_names, find_pictures
from atrous.weights.load import load

ENDINGS = {"mask": ".mask.png", "color": ".color.png", "overlay": ".overlay.jpg"}
"""Ending of each kind of output."""
_SOME_FAILED = 7


@dataclass
class _Outcome:
    """What became of the pictures."""

    done: list[dict[str, Any]] = field(default_factory=list)
    failed: list[tuple[str, AtrousError]] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        if not self.failed:
            return 0
        codes = {error.exit_code for _, error in self.failed}
        return codes.pop() if not self.done and len(codes) == 1 else _SOME_FAILED


def predict(
    *sources: Annotated[str, Parameter(help="Pictures, folders, or quoted patterns.")],
    out: Annotated[
        Path,
        Parameter(
            name=("--out", "-o"),
            help="Folder for the results; for one picture and one kind also a file.",
        ),
    ] = Path("segmented"),
    model: ModelOption = None,
    kinds: Annotated[
        str,
        Parameter(name="--as", help="What to write: mask, color, overlay, joined by commas."),
    ] = "mask,overlay",
    overwrite: OverwriteFlag = False,
    max_megapixels: Annotated[
        float,
        Parameter(
            help="Larger pictures are refused from their header.",
            validator=Number(gt=0, lte=1_000_000),
        ),
    ] = MAX_PIXELS / 1e6,
    scales: ScalesOption = "1",
    flip: FlipFlag = False,
    eval_crop_size: EvalCropSizeOption = None,
    slide: SlideOption = None,
    engine: EngineOption = "auto",
    precision: PrecisionOption = "fp32",
    threads: ThreadsOption = 0,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
) -> int:
    """Segment pictures: an index mask, an overlay with a legend, and each class's share.

    Writes NAME.mask.png (palette PNG, values are class indices, exactly the picture's size) and
    NAME.overlay.jpg into the folder OUT; with --as color also NAME.color.png. Files that are
    there are never replaced without --overwrite. A picture that cannot be used is named, and the
    others go on (exit code 7).
    """
    terminal = Terminal(as_json=json, quiet=quiet)
    wanted = _parse_kinds(kinds)
    if not sources:
        raise ConfigError("nothing to segment; give pictures, folders or patterns")
    predictor = load(
        model,
        engine=engine,
        precision=precision,
        threads=threads,
        max_pixels=int(max_megapixels * 1e6),
        scales=parse_scales(scales),
        flip=flip,
        eval_crop_size=parse_size(eval_crop_size),
        slide=parse_size(slide),
    )
    outcome = _Outcome()
    pictures = _gather(sources, out, outcome)
    file_out = _single_file(out, pictures, wanted)
    made_folder = bool(pictures) and not file_out and _make_folder(out)
    files = {
        picture: {wanted[0]: out} if file_out else _files_for(picture, out, wanted)
        for picture in pictures
    }
    rows = run_pipeline(
        pictures,
        lambda picture: _read(predictor, picture, files[picture], overwrite=overwrite),
        lambda _, read: predictor.predict_picture(read),
        lambda picture, result: _write(picture, result, files[picture], overwrite=overwrite),
    )
    for picture, row in terminal.track(rows, total=len(pictures), what="segmenting"):
        if isinstance(row, AtrousError):
            outcome.failed.append((str(picture.path), row))
        else:
            outcome.done.append(row)
    if made_folder and not outcome.done:
        with contextlib.suppress(OSError):
            out.rmdir()
    _report(terminal, outcome, predictor)
    return outcome.exit_code


def _parse_kinds(kinds: str) -> tuple[str, ...]:
    wanted = tuple(dict.fromkeys(kind.strip() for kind in kinds.split(",") if kind.strip()))
    unknown = [kind for kind in wanted if kind not in ENDINGS]
    if unknown or not wanted:
        raise ConfigError(f"--as takes {', '.join(ENDINGS)}, not {', '.join(unknown) or 'nothing'}")
    return wanted


def _gather(sources: tuple[str, ...], out: Path, outcome: _Outcome) -> tuple[FoundPicture, ...]:
    found: list[FoundPicture] = []
    for source in sources:
        try:
            found += find_pictures(source, leave_out=out)
        except InputError as error:
            outcome.failed.append((source, error))
    return distinct_names(found) if found else ()


def _single_file(out: Path, pictures: tuple[FoundPicture, ...], kinds: tuple[str, ...]) -> bool:
    """Whether OUT names a file rather than a folder."""
    if out.suffix.lower() not in {".png", ".jpg", ".jpeg", ".webp"} or out.is_dir():
        return False
    if len(pictures) > 1 or len(kinds) > 1:
        raise ConfigError(
            f"{out} is one file, but {len(pictures)} pictures as {', '.join(kinds)} make "
            f"{len(pictures) * len(kinds)}; give a folder, or one picture with --as mask"
        )
    if kinds[0] == "mask" and out.suffix.lower() != ".png":
        raise ConfigError(f"{out}: masks are stored without loss; use the ending .png")
    return True


def _make_folder(out: Path) -> bool:
    """Whether the folder had to be made; fails before anything is computed if it cannot be."""
    there = out.is_dir()
    try:
        out.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise ResourceError(f"{out}: is a file; results need a folder") from None
    except OSError as error:
        raise ResourceError(f"{out}: cannot be made ({error.strerror})") from None
    return not there


def _files_for(picture: FoundPicture, out: Path, kinds: tuple[str, ...]) -> dict[str, Path]:
    place = out / picture.name
    return {kind: place.with_name(place.name + ENDINGS[kind]) for kind in kinds}


def _read(
    predictor: Predictor, picture: FoundPicture, files: dict[str, Path], *, overwrite: bool
) -> Picture:
    there = [path for path in files.values() if path.exists()]
    if there and not overwrite:
        raise ResourceError(f"{there[0]} is there already; --overwrite replaces it")
    return predictor.read(picture.path)


def _write(
    picture: FoundPicture, result: Segmentation, files: dict[str, Path], *, overwrite: bool
) -> dict[str, Any]:
    if "mask" in files:
        result.save(files["mask"], overwrite=overwrite)
    if "color" in files:
        write_image(files["color"], np.asarray(result.color()), overwrite=overwrite)
    if "overlay" in files:
        write_image(files["overlay"], np.asarray(result.overlay()), overwrite=overwrite)
    return _row(picture, result, files)


def _row(picture: FoundPicture, result: Segmentation, files: dict[str, Path]) -> dict[str, Any]:
    height, width = result.mask.shape
    return {
        "source": str(picture.path),
        "height": height,
        "width": width,
        "shares": result.shares,
        "files": {kind: str(path) for kind, path in files.items()},
        "notes": list(result.notes),
        "seconds": round(result.seconds, 4),
    }


def _report(terminal: Terminal, outcome: _Outcome, predictor: Predictor) -> None:
    for row in outcome.done:
        for note in row["notes"]:
            terminal.warn(f"{row['source']}: {note}")
    if outcome.done:
        _show_shares(terminal, outcome.done, predictor.label_set)
    for _, error in outcome.failed:
        terminal.warn(str(error))
    total = len(outcome.failed) + len(outcome.done)
    if outcome.failed and total > 1:
        terminal.warn(f"{len(outcome.failed)} of {total} could not be segmented")
    failures = [
        {"source": source, "error": str(error), "exit": error.exit_code}
        for source, error in outcome.failed
    ]
    result = {"model": predictor.card.name, "pictures": outcome.done, "failures": failures}
    terminal.give("predict", result, ok=not failures)


def _show_shares(terminal: Terminal, rows: list[dict[str, Any]], label_set: LabelSet) -> None:
    if len(rows) == 1:
        row = rows[0]
        title = f"{row['source']}  {row['width']} x {row['height']}  {row['seconds']:.2f} s"
        terminal.show(shares_table(row["shares"], label_set, title=title))
        terminal.show(*(f"{kind:8} {path}" for kind, path in row["files"].items()))
        return
    pixels = sum(row["width"] * row["height"] for row in rows)
    shares = {
        name: sum(row["shares"][name] * row["width"] * row["height"] for row in rows) / pixels
        for name in label_set.names
    }
    seconds = sum(row["seconds"] for row in rows)
    title = f"{len(rows)} pictures, {seconds / len(rows):.2f} s each for network and mask"
    terminal.show(shares_table(shares, label_set, title=title))
