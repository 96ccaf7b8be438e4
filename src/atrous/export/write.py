"""Models as files for other runtimes, held against the model before they are kept."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atrous.data.layout import Split
from atrous.engine.evaluate import samples_of
from atrous.errors import AtrousError, ConfigError, DependencyError, ExportError
from atrous.export.agree import EXACT, HALF, INT8, Agreement, Limits, compare, why_refused
from atrous.export.executorch import run_executorch, to_executorch
from atrous.export.graph import Files, Graph, Request, Run, as_input, draw_pixels
from atrous.export.int8 import Int8, run_bytes
from atrous.export.keep import check_places, keep_if_agreed
from atrous.export.litert import run_litert, to_litert
from atrous.export.onnx import run_onnx, to_onnx, weights_of
from atrous.export.openvino import run_openvino, to_openvino
from atrous.export.pictures import as_seen, mean_iou_of
from atrous.export.program import run_program, to_program
from atrous.export.torchscript import run_torchscript, to_torchscript
from atrous.imaging import Pixels
from atrous.models.segmenter import Segmenter
from atrous.runtime.card import ModelCard

AS_IT_IS = Request()
"""The network alone, for any size."""
_JUDGED = 4
"""Calibration pictures by whose labels 8 bits are judged."""


@dataclass(frozen=True, kw_only=True)
class Format:
    """A kind of file, and how it is written and run."""

    endings: tuple[str, ...]
    """Of its files; the last one is named to its runtime."""
    install: str
    """What to install for it."""
    write: Callable[[Segmenter, ModelCard, Request], Files]
    run: Callable[[Path], Run]
    any_size: bool = True
    """Whether a file can take pictures of any size."""
    from_onnx: bool = False
    """Whether it is made of the ONNX graph, which can have 16-bit weights and 8-bit layers."""


FORMATS: Mapping[str, Format] = {
    "onnx": Format(
        endings=(".onnx",),
        install="pip install 'atrous[train,export]'",
        write=to_onnx,
        run=run_onnx,
        from_onnx=True,
    ),
    "openvino": Format(
        endings=(".bin", ".xml"),
        install="pip install 'atrous[train,export,openvino]'",
        write=to_openvino,
        run=run_openvino,
        from_onnx=True,
    ),
    "torchscript": Format(
        endings=(".torchscript",),
        install="pip install 'atrous[train]'",
        write=to_torchscript,
        run=run_torchscript,
    ),
    "pt2": Format(
        endings=(".pt2",),
        install="pip install 'atrous[train]'",
        write=to_program,
        run=run_program,
    ),
    "litert": Format(
        endings=(".json", ".tflite"),
        install="pip install litert-torch",
        write=to_litert,
        run=run_litert,
        any_size=False,
    ),
    "executorch": Format(
        endings=(".json", ".pte"),
        install="pip install executorch",
        write=to_executorch,
        run=run_executorch,
        any_size=False,
    ),
}
"""Kinds of files by name."""


@dataclass(frozen=True)
class Checks:
    """What a file is held against the model with, beside drawn pictures."""

    pictures: Sequence[Pixels] = ()
    """Of the channels and bits that the model reads."""
    split: Split | None = None
    """Labelled pictures on which the mean IoU is measured; it takes two passes over them."""
    max_drop: float = 0.5
    """Points of 100 that the mean IoU may lose."""
    min_equal: float | None = None
    """Least share of equal labels; None for what the kind of file allows by itself."""

    def limits(self, usual: Limits) -> Limits:
        """The limits of a kind of file, with what is asked for."""
        equal = usual.equal_labels if self.min_equal is None else self.min_equal
        return dataclasses.replace(usual, equal_labels=equal, drop=self.max_drop)


def find_format(path: Path, name: str | None = None) -> str:
    """The format of a file to write: that of its ending, which a name has to fit.

    Raises:
        ConfigError: If there is none, or they do not fit.
    """
    known = ", ".join(f"{one} ({form.endings[-1]})" for one, form in FORMATS.items())
    if name is None:
        named = [one for one, form in FORMATS.items() if form.endings[-1] == path.suffix]
        if named:
            return named[0]
        raise ConfigError(f"{path}: its ending is that of no format; known: {known}")
    if name not in FORMATS:
        raise ConfigError(f"unknown format {name!r}; known: {known}")
    if path.suffix != FORMATS[name].endings[-1]:
        raise ConfigError(f"{path}: files of {name} end in {FORMATS[name].endings[-1]}")
    return name


def export_model(
    model: Segmenter,
    card: ModelCard,
    path: Path,
    request: Request = AS_IT_IS,
    *,
    format_name: str | None = None,
    calibration: Sequence[Pixels] = (),
    checks: Checks | None = None,
    overwrite: bool = False,
) -> Agreement:
    """Write a model for another runtime, after opening it there and holding it against the model.

    Args:
        model: The network.
        card: What it reads and what its classes are; it goes with the file.
        path: Where to write; nothing is left there if the check fails.
        request: What the file shall hold.
        format_name: Key into `FORMATS`; None for the format of the path's ending.
        calibration: Pictures on which the ranges of 8 bits are measured; none for 32 bits.
        checks: What to hold it against the model with, beside drawn pictures.
        overwrite: Whether files that are there may be replaced.

    Raises:
        ConfigError: If the format cannot hold what is asked for.
        ExportError: If the file disagrees with the model, or its runtime cannot write or run it.
        ResourceError: If a file is there and ``overwrite`` is false, or cannot be written.
        DependencyError: If the format's package is not installed.
    """
    name = find_format(path, format_name)
    form = FORMATS[name]
    _check_request(name, request, int8=bool(calibration))
    check_places(path, form.endings, overwrite=overwrite)
    gate = _Gate(model, card, request, checks or Checks())
    int8 = None
    if calibration:
        images = [as_input(as_seen(one, card, request), card, Request()) for one in calibration]
        int8 = Int8(images, gate.bears_int8(images[:_JUDGED]))
        request = dataclasses.replace(request, to_int8=int8)
    gate = dataclasses.replace(
        gate, request=request, drawn=not calibration, more=calibration[:_JUDGED]
    )
    try:
        return _write(form, gate, path, int8, overwrite=overwrite)
    except ModuleNotFoundError as error:
        raise DependencyError(f"{path}: {name} needs {error.name}; {form.install}") from None


def _write(
    form: Format, gate: "_Gate", path: Path, int8: Int8 | None, *, overwrite: bool
) -> Agreement:
    try:
        files = form.write(gate.model, gate.card, gate.request)
    except (AtrousError, ImportError, MemoryError):
        raise
    # Tracers and converters raise whatever they meet; each means the same to the user.
    except Exception as error:
        reason = (str(error).strip() or repr(error)).splitlines()[0][:300]
        raise ExportError(f"{path}: this network could not be written so ({reason})") from error

    def judge(place: Path) -> Agreement:
        found = gate.agreement(form, place)
        return dataclasses.replace(found, float_layers=int8.float_layers) if int8 else found

    return keep_if_agreed(path, files, judge, gate.limits, overwrite=overwrite)


def _check_request(name: str, request: Request, *, int8: bool) -> None:
    form = FORMATS[name]
    if (request.half or int8) and not form.from_onnx:
        able = ", ".join(one for one, other in FORMATS.items() if other.from_onnx)
        raise ConfigError(f"{name} files are written in 32 bits; fewer can {able}")
    if request.half and int8:
        raise ConfigError("weights are stored in 8 bits or in 16; leave out --int8 or --half")
    if not form.any_size and request.size is None:
        raise ConfigError(
            f"a {name} file takes pictures of one size; give it as HEIGHTxWIDTH with --size"
        )


@dataclass(frozen=True)
class _Gate:
    """Compares files with their model."""

    model: Segmenter
    card: ModelCard
    request: Request
    checks: Checks
    drawn: bool = True
    more: Sequence[Pixels] = ()
    before: dict[bool, float] = field(default_factory=dict)
    """The model's mean IoU, once it is measured, without and with processing."""

    @property
    def limits(self) -> Limits:
        usual = INT8 if self.request.to_int8 else HALF if self.request.half else EXACT
        return self.checks.limits(usual)

    def agreement(self, form: Format, place: Path) -> Agreement:
        """Of a file that was written, in its own runtime."""
        request, exported = self.request, _opened(form, place)
        original = Graph(self.model, self.card, processing=request.processing).run
        same_weights = None
        if form is FORMATS["onnx"] and not request.to_int8:
            # The way back to torch is held against the file, too.
            graph = weights_of(place, self.card)
            same_weights = None if request.processing else graph.run
        found = compare(exported, original, self._inputs(), same_weights=same_weights)
        return self._with_scores(found, exported, original, request)

    def bears_int8(self, images: Sequence[NDArray[np.float32]]) -> Callable[[bytes], bool]:
        """Judges graphs in 8 bits that take images of any size."""
        limits = self.checks.limits(INT8)
        plain = dataclasses.replace(self.request, processing=False)
        original = Graph(self.model, self.card, processing=False).run
        seen = [as_seen(one, self.card, plain) for one in self.checks.pictures]
        inputs = [*images, *[as_input(one, self.card, plain) for one in seen]]

        def good_enough(content: bytes) -> bool:
            exported = run_bytes(content)
            found = compare(exported, original, inputs)
            if why_refused(found, limits):
                return False
            return not why_refused(self._with_scores(found, exported, original, plain), limits)

        return good_enough

    def _inputs(self) -> list[NDArray[Any]]:
        sizes = [self.request.size] if self.request.size else [(193, 257), (98, 65)]
        drawn = [draw_pixels(self.card, size) for size in sizes] if self.drawn else []
        real = [
            as_seen(one, self.card, self.request) for one in (*self.more, *self.checks.pictures)
        ]
        return [as_input(one, self.card, self.request) for one in (*drawn, *real)]

    def _with_scores(
        self, found: Agreement, exported: Run, original: Run, request: Request
    ) -> Agreement:
        split = self.checks.split
        if split is None:
            return found

        def score(run: Run) -> float:
            samples = samples_of(split, self.card.preprocessing.kind)
            return mean_iou_of(run, self.card, request, split, samples)

        if request.processing not in self.before:
            self.before[request.processing] = score(original)
        before = self.before[request.processing]
        return dataclasses.replace(found, mean_iou=score(exported), mean_iou_before=before)


def _opened(form: Format, place: Path) -> Run:
    try:
        return form.run(place)
    except (AtrousError, ImportError, MemoryError):
        raise
    # Each runtime raises types of its own; each means the same to the user.
    except Exception as error:
        reason = (str(error).strip() or repr(error)).splitlines()[0][:300]
        raise ExportError(f"the file's own runtime cannot open it ({reason})") from None
