"""``atrous model``: look into model files, and bring published weights into ours."""

from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter
from rich.table import Table

from atrous.cli.options import JsonFlag, OverwriteFlag, QuietFlag
from atrous.cli.terminal import Terminal, shares_table
from atrous.errors import ConfigError, DependencyError
from atrous.imaging import read_image
from atrous.runtime.card import ModelCard
from atrous.weights.load import find_model, load

app = App(name="model", help="Look into model files, and convert published weights.")


@app.command
def info(
    model: Annotated[str, Parameter(help="Shipped model by name, a model file, or a run folder.")],
    *,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
) -> int:
    """Show what a model file says of itself."""
    terminal = Terminal(as_json=json, quiet=quiet)
    path = find_model(model)
    card = load(model).card
    size = path.stat().st_size
    terminal.show(_card_table(card, title=f"{path}  {size / 2**20:.1f} MiB"))
    terminal.give("model info", {"file": str(path), "bytes": size, **card.model_dump(mode="json")})
    return 0


@app.command
def convert(
    source: Annotated[
        Path,
        Parameter(
            help="TensorFlow checkpoint (prefix, .index or folder) or OpenVINO IR (.xml) of a "
            "released DeepLab."
        ),
    ],
    *,
    out: Annotated[
        Path, Parameter(name=("--out", "-o"), help="The .safetensors or .onnx file to write.")
    ],
    output_stride: Annotated[
        Literal[8, 16, 32], Parameter(help="The weights are the same for all.")
    ] = 16,
    labels: Annotated[
        str | None, Parameter(help="voc, cityscapes or ade20k. Default: by the number of classes.")
    ] = None,
    check: Annotated[
        Path | None, Parameter(help="A picture; shows what the converted model sees in it.")
    ] = None,
    overwrite: OverwriteFlag = False,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
) -> int:
    """Bring published weights into a self-describing model file, without TensorFlow.

    Which network it is, its head and its classes are told by names and shapes. Every value must
    have a place and every tensor of ours a value, or nothing is written.
    """
    terminal = Terminal(as_json=json, quiet=quiet)
    if out.suffix not in {".safetensors", ".onnx"}:
        raise ConfigError(f"{out}: models are written as .safetensors or .onnx")
    try:
        from atrous.export.onnx import export_onnx
        from atrous.layers.count import count_parameters
        from atrous.weights.convert import convert as convert_file
        from atrous.weights.model_file import save_model
    except ModuleNotFoundError as error:
        raise DependencyError(
            f"converting needs {error.name}; pip install 'atrous[train,export]'"
        ) from None
    picture = read_image(check) if check else None  # before anything is written
    found = convert_file(source, output_stride=output_stride, labels=labels)
    if out.suffix == ".onnx":
        export_onnx(found.model, found.card, out, overwrite=overwrite)
    else:
        save_model(out, found.model, found.card, overwrite=overwrite)
    parameters = count_parameters(found.model)
    report: dict[str, Any] = {
        "file": str(out),
        "source": found.source,
        "encoder": found.card.architecture["encoder"],
        "decoder": found.card.architecture["decoder"],
        "tensors": found.tensors,
        "skipped": found.skipped,
        "parameters": parameters,
        "classes": len(found.card.classes),
    }
    terminal.show(
        f"{source}: {found.source}, {found.tensors} tensors taken, {found.skipped} of the training "
        "left out",
        _card_table(found.card, title=f"{out}  {parameters:,} parameters"),
    )
    if picture:
        seen = load(out).predict(picture.pixels)
        report["shares"] = seen.shares
        terminal.show(shares_table(seen.shares, seen.label_set, title=str(check)))
    terminal.give("model convert", report)
    return 0


def _card_table(card: ModelCard, *, title: str) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, show_header=False)
    architecture, size = card.architecture, card.preprocessing.longest_side
    rows = {
        "name": card.name,
        "what": card.description,
        "network": f"{architecture.get('decoder', '?')}, {architecture.get('encoder', '?')}, "
        f"output stride {architecture.get('output_stride', '?')}",
        "classes": f"{len(card.classes)}: {', '.join(card.classes)}",
        "pictures": f"resized to a longest side of {size}" if size else "as they are",
        "result": _result(card),
        "licence": card.license,
    }
    for name, text in rows.items():
        if text:
            table.add_row(name, text)
    return table


def _result(card: ModelCard) -> str:
    if "mean_iou" not in card.result:
        return ""
    return (
        f"mIoU {card.result['mean_iou']:.2%} on {card.result.get('split', '?')} "
        f"({card.result.get('convention', '')})"
    )
