"""``atrous predict``: from pictures to masks."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from atrous.cli.classifiers import find_classifier, refuse_typed
from atrous.cli.options import (
    EngineOption,
    EvalCropSizeOption,
    FlipFlag,
    JsonFlag,
    MaxMemoryOption,
    ModelOption,
    OverlapOption,
    OverwriteFlag,
    PrecisionOption,
    QuietFlag,
    ScalesOption,
    SlideOption,
    ThreadsOption,
    TileOption,
    parse_scales,
    parse_shard,
    parse_size,
    parse_tiles,
)
from atrous.cli.predict_classes import predict_classes
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
from atrous.cli.predict_stream import STREAM, run_stream
from atrous.cli.terminal import Terminal
from atrous.errors import ConfigError
from atrous.imaging import MAX_PIXELS
from atrous.runtime.polygons import SIMPLIFY
from atrous.runtime.video import FrameChoice

_NOT_IN_RESULTS = {
    "sources",
    "out",
    "model",
    "overwrite",
    "max_megapixels",
    "max_memory",
    "threads",
    "shard",
    "manifest",
    "resume",
    "ray",
    "json",
    "quiet",
}
"""Flags that do not change what is written of a picture; a manifest remembers the others. The
model is remembered by its content."""


_OF_CLASSIFIERS = {"sources", "model", "max_megapixels", "threads", "json", "quiet"}


def predict(
    *sources: Annotated[
        str,
        Parameter(
            help="Pictures, videos, folders, quoted patterns, lists (FILE.txt or @FILE, one path a "
            "line), or - for one picture from stdin, whose mask goes to stdout."
        ),
    ],
    out: Annotated[
        Path | None,
        Parameter(
            name=("--out", "-o"),
            help="Folder for the results; for one picture and one kind also a file. "
            "Default: segmented.",
        ),
    ] = None,
    model: ModelOption = None,
    kinds: KindsOption = None,
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
    max_memory: MaxMemoryOption = None,
    tile: TileOption = None,
    overlap: OverlapOption = None,
    bands: Annotated[
        str | None,
        Parameter(
            help="Of rasters with --as geotiff, the bands that the network reads, such as 4,3,2."
        ),
    ] = None,
    every: Annotated[int, Parameter(help="Of videos, the first of every so many frames.")] = 1,
    fps: Annotated[
        float | None, Parameter(help="Of videos, at most so many frames a second.")
    ] = None,
    temporal: Annotated[
        float,
        Parameter(
            help="Average the logits of videos over about so many frames, so that labels flicker "
            "less; 1 for none."
        ),
    ] = 1.0,
    shard: Annotated[
        str | None,
        Parameter(help="I/N: only the I-th of N shares of all pictures, such as 2/4."),
    ] = None,
    manifest: Annotated[
        Path | None,
        Parameter(help="A .jsonl file to which a line is added for each picture as it is done."),
    ] = None,
    resume: Annotated[
        bool,
        Parameter(
            negative="",
            help="Skip what the manifest has as finished with this model and these settings.",
        ),
    ] = False,
    ray: Annotated[
        str | None,
        Parameter(
            help="Spread the pictures over Ray: local, auto (RAY_ADDRESS or the cluster of this "
            "machine), or an address. Workers must see the same files."
        ),
    ] = None,
    engine: EngineOption = "auto",
    precision: PrecisionOption = "fp32",
    threads: ThreadsOption = 0,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
) -> int:
    """Segment pictures: an index mask, an overlay with a legend, and each class's share.

    Writes NAME.mask.png (palette PNG, values are class indices, exactly the picture's size) and
    NAME.overlay.jpg into the folder OUT, or what --as asks for: cut-outs, probabilities, polygons
    for maps and annotation tools. Of a video NAME.mask.mkv (without loss, values are class
    indices) and NAME.overlay.mp4 with its audio. Files that are there are never replaced without
    --overwrite. A picture that cannot be used is named, and the others go on (exit code 7). A
    model that names whole pictures writes no files; its five likeliest classes are shown with
    their probabilities.
    """
    given = dict(locals())
    settings = {name: value for name, value in given.items() if name not in _NOT_IN_RESULTS}
    if not sources:
        raise ConfigError("nothing to segment; give pictures, folders or patterns")
    classifier = find_classifier(model)
    if classifier:
        refuse_typed(predict, given, leave=_OF_CLASSIFIERS, classifier=classifier)
        return predict_classes(
            classifier,
            sources,
            Terminal(as_json=json, quiet=quiet),
            threads=threads,
            max_pixels=int(max_megapixels * 1e6),
        )
    if resume and manifest is None:
        raise ConfigError("--resume goes on by a manifest; give the --manifest of that run too")
    load_options = {
        "engine": engine,
        "precision": precision,
        "threads": threads,
        "max_pixels": int(max_megapixels * 1e6),
        "scales": parse_scales(scales),
        "flip": flip,
        "eval_crop_size": parse_size(eval_crop_size),
        "slide": parse_size(slide),
        "tiles": parse_tiles(max_memory, tile, overlap),
    }
    streams = STREAM in sources
    wanted = Wanted(
        parse_kinds(kinds or ("mask" if streams else "mask,overlay")),
        classes=parse_classes(classes),
        min_area=min_area,
        min_confidence=min_confidence,
        smooth=smooth,
        simplify=simplify,
        overwrite=overwrite,
        choice=FrameChoice(every, fps, temporal),
    )
    if wanted.is_raster:
        from atrous.cli.predict_raster import parse_bands, run_rasters

        return run_rasters(
            sources,
            out or Path("segmented"),
            Terminal(as_json=json, quiet=quiet),
            model=model,
            load_options=load_options,
            bands=parse_bands(bands),
            overwrite=overwrite,
        )
    job = Job(
        sources,
        out or Path("segmented"),
        wanted,
        model=model,
        load_options=load_options,
        shard=parse_shard(shard),
        manifest=manifest,
        resume=resume,
        settings=settings,
        ray=ray,
    )
    if streams:
        return run_stream(job, out, as_json=json)
    return run_job(job, Terminal(as_json=json, quiet=quiet))
