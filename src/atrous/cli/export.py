"""``atrous export``: a trained model as a file for other machines."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from cyclopts.validators import Number

from atrous.cli.options import JsonFlag, OverwriteFlag, QuietFlag, parse_size
from atrous.cli.terminal import Terminal
from atrous.errors import ConfigError, DependencyError
from atrous.weights.load import find_model

if TYPE_CHECKING:
    from atrous.export.agree import Agreement
    from atrous.imaging import Pixels
    from atrous.models.segmenter import Segmenter
    from atrous.runtime.card import ModelCard

_CALIBRATED = 32
"""Pictures on which the ranges of 8 bits are measured."""
_CHECKED = 16
"""Pictures of ``--check`` that a file is tried on."""


def export(
    model: Annotated[
        str, Parameter(help="A shipped model by name, a model file of ours, or a run folder.")
    ],
    out: Annotated[Path, Parameter(help="The file to write; its ending says the format.")],
    *,
    format: Annotated[
        str | None,
        Parameter(help="onnx, openvino, torchscript, pt2, litert or executorch."),
    ] = None,
    size: Annotated[
        str,
        Parameter(help="dynamic for any number of any size, or HEIGHTxWIDTH of one picture."),
    ] = "dynamic",
    with_processing: Annotated[
        bool,
        Parameter(negative="", help="Pixels in and labels out, instead of images and logits."),
    ] = False,
    half: Annotated[
        bool, Parameter(negative="", help="Store weights in 16 bits: half the size.")
    ] = False,
    int8: Annotated[
        bool, Parameter(negative="", help="Compute in 8 bits where the model bears it.")
    ] = False,
    calibrate: Annotated[
        Path | None,
        Parameter(help="Pictures that 8 bits are fitted to: a folder or a dataset."),
    ] = None,
    check: Annotated[
        Path | None,
        Parameter(help="Pictures to try the file on as well: a folder or a dataset."),
    ] = None,
    data: Annotated[
        Path | None, Parameter(help="A dataset on which the loss of mean IoU is measured.")
    ] = None,
    split: Annotated[str, Parameter(help="Of the dataset.")] = "val",
    max_drop: Annotated[
        float,
        Parameter(help="Points of mean IoU (of 100) that may be lost.", validator=Number(gte=0)),
    ] = 0.5,
    min_equal: Annotated[
        float | None,
        Parameter(
            help="Least share of equal labels, 0 to 1. Default: 0.999; 0.98 with --half, 0.95 with "
            "--int8.",
            validator=Number(gte=0, lte=1),
        ),
    ] = None,
    overwrite: OverwriteFlag = False,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
) -> int:
    """Write a model for another runtime: ONNX, OpenVINO, TorchScript, torch.export and others.

    The file is opened in its own runtime and held against the model before it is kept; where it
    differs by more than rounding, or by more than is allowed, nothing is written.
    """
    terminal = Terminal(as_json=json, quiet=quiet)
    if int8 != (calibrate is not None):
        raise ConfigError("--int8 and --calibrate FOLDER belong together; give both or none")
    try:
        from atrous.data.detect import open_split
        from atrous.export import FORMATS, Checks, Request, export_model, find_format
    except ModuleNotFoundError as error:
        raise DependencyError(
            f"export needs {error.name}; pip install 'atrous[train,export]'"
        ) from None
    name = find_format(out, format)
    request = Request(
        half=half, size=None if size == "dynamic" else parse_size(size), processing=with_processing
    )
    network, card = _load(find_model(model))
    checks = Checks(
        pictures=_pictures(terminal, check, card, _CHECKED, "checking with"),
        split=open_split(data, split) if data else None,
        max_drop=max_drop,
        min_equal=min_equal,
    )
    agreement = export_model(
        network,
        card,
        out,
        request,
        format_name=name,
        calibration=_pictures(terminal, calibrate, card, _CALIBRATED, "8 bits are fitted to"),
        checks=checks,
        overwrite=overwrite,
    )
    files = [out.with_suffix(ending) for ending in FORMATS[name].endings]
    result = {"file": str(out), "format": name, **_numbers(files, agreement)}
    terminal.show(_in_words(result, with_logits=not with_processing))
    for layer in agreement.float_layers:
        terminal.say(f"left in 32 bits: {layer}")
    terminal.give("export", result)
    return 0


def _load(path: Path) -> "tuple[Segmenter, ModelCard]":
    from atrous.weights.from_onnx import load_onnx_model
    from atrous.weights.model_file import load_model

    return load_onnx_model(path) if path.suffix == ".onnx" else load_model(path)


def _pictures(
    terminal: Terminal, source: Path | None, card: "ModelCard", most: int, what: str
) -> "list[Pixels]":
    from atrous.export.pictures import read_some

    if source is None:
        return []
    pictures, said = read_some(source, card.preprocessing.kind, most=most)
    terminal.say(f"{what} {said}")
    return pictures


def _numbers(files: list[Path], agreement: "Agreement") -> dict[str, Any]:
    return {
        "files": [str(path) for path in files],
        "bytes": sum(path.stat().st_size for path in files),
        "logits_difference": agreement.logits_difference,
        "equal_labels": agreement.equal_labels,
        "mean_iou": agreement.mean_iou,
        "mean_iou_before": agreement.mean_iou_before,
        "float_layers": list(agreement.float_layers),
    }


def _in_words(result: dict[str, Any], *, with_logits: bool) -> str:
    parts = [result["file"], f"{result['bytes'] / 2**20:.1f} MiB"]
    if with_logits:
        parts.append(f"logits within {result['logits_difference']:.1g} of torch")
    # Rounded down, so that one pixel of a million does not read as none.
    share = math.floor(result["equal_labels"] * 1e5) / 1e5
    parts.append(f"{share:.3%} of labels as before")
    if result["mean_iou"] is not None:
        parts.append(f"mIoU {result['mean_iou']:.2%} (before {result['mean_iou_before']:.2%})")
    return "  ".join(parts)
