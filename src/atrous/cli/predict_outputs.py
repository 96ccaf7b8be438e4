"""What ``atrous predict`` writes: the flags, and what they ask for."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, TypeAlias

from cyclopts import Parameter
from cyclopts.validators import Number

from atrous.errors import ConfigError
from atrous.runtime.card import ModelCard
from atrous.runtime.detail import Detail
from atrous.runtime.filters import class_indices
from atrous.runtime.outputs import OUTPUTS, Item
from atrous.runtime.outputs import Job as OutputJob
from atrous.runtime.polygons import SIMPLIFY
from atrous.runtime.result import Segmentation
from atrous.runtime.video import FrameChoice

RASTER = "geotiff"
"""A kind that is written window by window, and alone."""

KindsOption: TypeAlias = Annotated[
    str | None,
    Parameter(
        name="--as",
        help="What to write, joined by commas: "
        + "; ".join(f"{kind}: {output.about}" for kind, output in OUTPUTS.items())
        + f"; or {RASTER} alone, for rasters of any size. Default: mask,overlay; to stdout mask.",
    ),
]
ClassesOption: TypeAlias = Annotated[
    str | None,
    Parameter(
        help="Classes that are kept, joined by commas; all else becomes the background, or the "
        "ignore index of a model without one."
    ),
]
MinAreaOption: TypeAlias = Annotated[
    int,
    Parameter(
        help="Regions of fewer pixels are given to the class around them.",
        validator=Number(gte=0),
    ),
]
MinConfidenceOption: TypeAlias = Annotated[
    float,
    Parameter(
        help="Pixels whose class is less probable belong to none.",
        validator=Number(gte=0, lte=1),
    ),
]
SmoothFlag: TypeAlias = Annotated[
    bool,
    Parameter(
        negative="", help="Draw the edges of the mask to those of the picture (guided filter)."
    ),
]
SimplifyOption: TypeAlias = Annotated[
    float,
    Parameter(
        help="Pixels by which outlines may be moved to save corners; 0 for exact outlines.",
        validator=Number(gte=0, lte=1000),
    ),
]


@dataclass(frozen=True)
class Wanted:
    """What is written of each picture."""

    kinds: tuple[str, ...]
    """Keys of `OUTPUTS`, or `RASTER` alone."""
    classes: tuple[str, ...] | None = None
    """Names of the classes that are kept; None for all."""
    min_area: int = 0
    min_confidence: float = 0.0
    smooth: bool = False
    simplify: float = SIMPLIFY
    overwrite: bool = False
    """Whether files that are there are replaced."""
    choice: FrameChoice = field(default_factory=FrameChoice)
    """Frames of videos."""

    def __post_init__(self) -> None:
        filters = self.classes or self.min_area or self.min_confidence or self.smooth
        if self.is_raster and filters:
            raise ConfigError(
                f"--as {RASTER} writes the classes as they are; --classes, --min-area, "
                "--min-confidence and --smooth are for pictures"
            )

    @property
    def is_raster(self) -> bool:
        """Whether sources are rasters, segmented window by window."""
        return self.kinds == (RASTER,)

    @property
    def detail(self) -> Detail:
        """What the predictor has to give."""
        needs = {need for kind in self.kinds for need in OUTPUTS[kind].needs}
        return Detail(
            confidence="confidence" in needs or self.min_confidence > 0,
            probabilities="probabilities" in needs,
            smooth=self.smooth,
        )

    def for_model(self, card: ModelCard, out: Path) -> OutputJob:
        """Settings of the outputs.

        Raises:
            ConfigError: If the model has not the classes, or nothing that could be cut off.
        """
        labels = card.label_set
        if self.classes is not None:
            class_indices(self.classes, labels)
        elif "cutout" in self.kinds and labels.background is None and not self.min_confidence:
            raise ConfigError(
                f"--as cutout needs --classes: {card.name} has no class 'background', so nothing "
                f"would be cut off; its classes: {', '.join(labels.names[:40])}"
            )
        return OutputJob(out, labels, self.kinds, self.simplify, self.overwrite)

    def filtered(self, result: Segmentation) -> Segmentation:
        """Only what is wanted in the mask."""
        return result.filtered(
            self.classes, min_area=self.min_area, min_confidence=self.min_confidence
        )

    def item(self, name: str, source: Path, result: Segmentation) -> Item:
        """What the writers take."""
        return Item(name, source, result, self.simplify)

    def goes_to_file(self, out: Path, pictures: int) -> dict[str, Path] | None:
        """The only kind and ``out``, if that names a file rather than a folder.

        Raises:
            ConfigError: If several files should be one, or the kind cannot have the ending.
        """
        ending = out.suffix.lower()
        if out.is_dir() or not any(ending in output.single for output in OUTPUTS.values()):
            return None
        kind = self.kinds[0]
        if pictures > 1 or len(self.kinds) > 1:
            raise ConfigError(
                f"{out} is one file, but {pictures} pictures as {', '.join(self.kinds)} make "
                f"{pictures * len(self.kinds)}; give a folder, or one picture with --as mask"
            )
        allowed = OUTPUTS[kind].single
        if not allowed:
            raise ConfigError(f"{out}: --as {kind} needs a folder, not one file")
        if ending not in allowed:
            why = "masks are stored without loss; " if kind == "mask" else ""
            raise ConfigError(f"{out}: {why}use the ending {' or '.join(allowed)} for {kind}")
        return {kind: out}


def parse_kinds(kinds: str) -> tuple[str, ...]:
    """Kinds of output from ``mask,overlay``.

    Raises:
        ConfigError: If one is not known, there is none, or one is not written beside others.
    """
    wanted = tuple(dict.fromkeys(kind.strip() for kind in kinds.split(",") if kind.strip()))
    if wanted == (RASTER,):
        return wanted
    if RASTER in wanted:
        raise ConfigError(f"--as {RASTER} is written alone, window by window; leave the others out")
    unknown = [kind for kind in wanted if kind not in OUTPUTS]
    if unknown or not wanted:
        raise ConfigError(
            f"--as takes {', '.join((*OUTPUTS, RASTER))}, not {', '.join(unknown) or 'nothing'}"
        )
    return wanted


def parse_classes(classes: str | None) -> tuple[str, ...] | None:
    """Names from ``car,road``; None from None.

    Raises:
        ConfigError: If there is no name.
    """
    if classes is None:
        return None
    names = tuple(name.strip() for name in classes.split(",") if name.strip())
    if not names:
        raise ConfigError("--classes takes names of classes joined by commas, not nothing")
    return names
