"""``atrous predict``: from pictures to masks."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from atrous.cli.options import (
    EvalCropSizeOption,
    FlipFlag,
    JsonFlag,
    ModelOption,
    OverwriteFlag,
    QuietFlag,
    ScalesOption,
    SlideOption,
    ThreadsOption,
    parse_scales,
    parse_size,
)
from atrous.cli.predict_job import Job, run_job
from atrous.cli.predict_outputs import (
    ClassesOption,
    KindsOption,
    MinAreaOption,
    MinConfidenceOption,
    SimplifyOption,
    SmoothFlag,
    Wanted,
    parse_classes,
    parse_kinds,
)
from atrous.cli.terminal import Terminal
from atrous.errors import ConfigError
from atrous.imaging import MAX_PIXELS
from atrous.runtime.polygons import SIMPLIFY
from atrous.weights.load import load


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
    kinds: KindsOption = "mask,overlay",
    classes: ClassesOption = None,
    min_area: MinAreaOption = 0,
    min_confidence: MinConfidenceOption = 0.0,
    smooth: SmoothFlag = False,
    simplify: SimplifyOption = SIMPLIFY,
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
    threads: ThreadsOption = 0,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
) -> int:
    """Segment pictures: an index mask, an overlay with a legend, and each class's share.

    Writes NAME.mask.png (palette PNG, values are class indices, exactly the picture's size) and
    NAME.overlay.jpg into the folder OUT, or what --as asks for: cut-outs, probabilities, polygons
    for maps and annotation tools. Files that are there are never replaced without --overwrite. A
    picture that cannot be used is named, and the others go on (exit code 7).
    """
    terminal = Terminal(as_json=json, quiet=quiet)
    if not sources:
        raise ConfigError("nothing to segment; give pictures, folders or patterns")
    wanted = Wanted(
        parse_kinds(kinds),
        classes=parse_classes(classes),
        min_area=min_area,
        min_confidence=min_confidence,
        smooth=smooth,
        simplify=simplify,
        overwrite=overwrite,
    )
    job = Job(sources, out, wanted)
    predictor = load(
        model,
        threads=threads,
        max_pixels=int(max_megapixels * 1e6),
        scales=parse_scales(scales),
        flip=flip,
        eval_crop_size=parse_size(eval_crop_size),
        slide=parse_size(slide),
    )
    return run_job(job, predictor, terminal)
