"""``report.json``: everything an evaluation found, in a form that is read again."""

import json
import math
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from atrous.errors import InputError
from atrous.imaging import write_file
from atrous.validation import describe_problems

FILE_NAME = "report.json"
_MAX_BYTES = 1 << 28
"""A report of 100,000 pictures with 20 classes in each is smaller."""
_MAX_COUNTS = 100_000_000
"""Pictures times classes; their counts are held in memory at once."""
_MESSAGE = 300
"""Characters of what is wrong; it may quote the file."""


def _number_or_none(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value


Score: TypeAlias = Annotated[float | None, BeforeValidator(_number_or_none)]
"""Between 0 and 1; None where nothing was counted."""
Count: TypeAlias = Annotated[int, Field(ge=0, le=1 << 62)]
Color: TypeAlias = tuple[
    Annotated[int, Field(ge=0, le=255)],
    Annotated[int, Field(ge=0, le=255)],
    Annotated[int, Field(ge=0, le=255)],
]


class Part(BaseModel):
    """Part of a report."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ModelFacts(Part):
    """What was measured."""

    name: str
    engine: str
    """What ran the network."""


class DataFacts(Part):
    """On what it was measured."""

    split: str
    images: Count
    fingerprint: str
    """SHA-256 over the names and label values of all pictures, in order."""


class Convention(Part):
    """How it was measured."""

    protocol: str | None
    text: str
    """In words."""
    void_is_wrong: bool = False
    scales: tuple[float, ...] = (1.0,)
    flip: bool = False


class ClassScores(Part):
    """Scores of one class."""

    name: str
    color: Color
    iou: Score
    dice: Score
    accuracy: Score
    """Share of its labelled pixels that was found."""
    pixels: Count
    """Labelled pixels."""
    boundary_iou: Score = None


class Scores(Part):
    """Scores over the split."""

    mean_iou: Score
    low: Score
    """Lower end of the interval of ``mean_iou``."""
    high: Score
    level: float
    """Confidence of the interval."""
    pixel_accuracy: Score
    mean_class_accuracy: Score
    frequency_weighted_iou: Score
    mean_dice: Score
    calibration_error: Score = None


class Boundary(Part):
    """Quality along boundaries."""

    widths: tuple[int, ...]
    around_void: tuple[Score, ...]
    """Mean IoU of the band of each width around ignored pixels."""
    around_classes: tuple[Score, ...]
    """The same around every place where two labels meet."""
    boundary_iou: Score
    tolerances: tuple[int, ...]
    f_scores: tuple[Score, ...]
    """Mean boundary F-score for each tolerance."""


class SizeBin(Part):
    """Objects of like size."""

    side: Count
    """Square root of the area in pixels, from this on."""
    objects: Count
    iou: Score
    """Mean over the objects."""


class Reliability(Part):
    """One bin of the reliability diagram."""

    pixels: Count
    confidence: Score
    accuracy: Score


class Picture(Part):
    """What was counted in one picture."""

    name: str
    seconds: float = Field(ge=0, le=1e9)
    counts: dict[int, tuple[Count, Count, Count]]
    """By class index: pixels rightly found, labelled so, and predicted so."""


class Epoch(Part):
    """A line of the learning curves."""

    epoch: Count
    loss: Annotated[float | None, BeforeValidator(_number_or_none)]
    """Mean over the epoch."""
    mean_iou: Score
    """Where it was measured."""


class Published(Part):
    """A number that was published for the same convention."""

    what: str
    mean_iou: float
    same_model: bool
    """Whether it is that of the very weights that were measured."""


class Report(Part):
    """An evaluation, whole."""

    format: Literal["atrous-report/1"] = "atrous-report/1"
    version: str
    """Of atrous."""
    made: str
    """Date and time, ISO 8601 in UTC."""
    model: ModelFacts
    data: DataFacts
    convention: Convention
    scores: Scores
    classes: tuple[ClassScores, ...] = Field(min_length=1, max_length=65_535)
    confusion: tuple[tuple[Count, ...], ...]
    """Pixels by true class (rows) and predicted class."""
    void: tuple[Count, ...]
    """Predictions on ignored pixels where they count as wrong."""
    boundary: Boundary | None = None
    sizes: tuple[SizeBin, ...] = ()
    reliability: tuple[Reliability, ...] = ()
    published: tuple[Published, ...] = ()
    learning: tuple[Epoch, ...] = ()
    """How the model was trained, where it is a run folder."""
    environment: dict[str, str] = {}
    pictures: tuple[Picture, ...] = Field(max_length=10_000_000)

    @model_validator(mode="after")
    def _check_classes(self) -> "Report":
        count = len(self.classes)
        square = len(self.confusion) == count and all(len(row) == count for row in self.confusion)
        if not square or len(self.void) != count:
            raise ValueError(f"the confusion matrix is not one of {count} classes")
        if count * len(self.pictures) > _MAX_COUNTS:
            raise ValueError(f"{len(self.pictures)} pictures of {count} classes are too many")
        outside = (name for one in self.pictures for name in one.counts if not 0 <= name < count)
        wrong = next(outside, None)
        if wrong is not None:
            raise ValueError(f"a picture has counts of class {wrong}; there are {count} classes")
        return self

    def counts_of(self, picture: Picture) -> NDArray[np.int64]:
        """(3, num_classes) of one picture, as `atrous.metrics.scores` takes them."""
        counts = np.zeros((3, len(self.classes)), np.int64)
        for index, values in picture.counts.items():
            counts[:, index] = values
        return counts

    def picture_counts(self) -> NDArray[np.int64]:
        """(pictures, 3, num_classes), in the order of the pictures."""
        shape = (len(self.pictures), 3, len(self.classes))
        counts = np.zeros(shape, np.int64)
        for row, picture in zip(counts, self.pictures, strict=True):
            row[:] = self.counts_of(picture)
        return counts


def write_report(path: Path, report: Report, *, overwrite: bool = False) -> None:
    """Write a report as JSON.

    Raises:
        ResourceError: If the file is there and ``overwrite`` is false, or cannot be written.
    """
    content = report.model_dump_json(indent=1).encode()
    write_file(path, lambda file: file.write(content), overwrite=overwrite)


def read_report(path: Path) -> Report:
    """Read a report from its file or the folder that holds it.

    Raises:
        InputError: If there is none, or it is not one of this version.
    """
    path = path / FILE_NAME if path.is_dir() else path
    try:
        size = path.stat().st_size
        if size > _MAX_BYTES:
            raise InputError(f"{path}: has {size} bytes, too many for a report")
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    try:
        return Report.model_validate(json.loads(content))
    except ValidationError as error:
        reason = describe_problems(error, Report)
    except ValueError as error:  # no JSON, or no text
        reason = str(error)
    except RecursionError:
        reason = "nested too deeply"
    if len(reason) > _MESSAGE:
        reason = f"{reason[:_MESSAGE]} ..."
    raise InputError(f"{path}: not a report of atrous evaluate ({reason})")
