"""``atrous model``: what there is, what it is made of, and published weights as ours."""

from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

from atrous.cli.model_parts import card_table
from atrous.cli.options import JsonFlag, OverwriteFlag, QuietFlag
from atrous.cli.terminal import Terminal, shares_table
from atrous.errors import ConfigError, DependencyError
from atrous.imaging import Picture, read_image
from atrous.weights.load import load
from atrous.weights.zoo.catalogue import CHECKPOINTS

app = App(name="model", help="List models, look into them, and convert published weights.")
# Named, not imported, as in `atrous.cli.main`.
for _name, _help in (
    ("list", "List official checkpoints, recipes and our own models."),
    ("info", "Show what is known of a model, and what it is made of."),
    ("download", "Fetch the archive of an official checkpoint."),
    ("table", "Hold the papers' numbers against those that are counted here."),
):
    app.command(f"atrous.cli.model_{_name}:{_name}_model", name=_name, help=_help)


@app.command
def convert(
    source: Annotated[
        Path,
        Parameter(
            help="A released DeepLab: TensorFlow checkpoint (prefix, .index or folder), frozen "
            "graph (.pb), the archive of both (.tar.gz), TFLite model (.tflite) or OpenVINO IR "
            "(.xml); the name of a downloaded official checkpoint; a PyTorch state dict (.pth, "
            ".safetensors) of another package; a classifier of Keras, torchvision or timm; or a "
            "model of ours, for another output stride."
        ),
    ],
    *,
    out: Annotated[
        Path, Parameter(name=("--out", "-o"), help="The .safetensors or .onnx file to write.")
    ],
    output_stride: Annotated[
        Literal[8, 16, 32] | None,
        Parameter(
            help="The weights are the same for all. Default: that of the file's graph, or as the "
            "source builds it or an official checkpoint is listed."
        ),
    ] = None,
    atrous_rates: Annotated[
        tuple[int, int, int] | None,
        Parameter(help="Of ASPP, if others than the source's own at that output stride."),
    ] = None,
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
    """Bring published weights into a self-describing model file, without what made them.

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
        from atrous.weights.load_classifier import is_foreign_classifier
        from atrous.weights.model_file import save_model
        from atrous.weights.zoo.official import convert_official
    except ModuleNotFoundError as error:
        raise DependencyError(
            f"converting needs {error.name}; pip install 'atrous[train,export]'"
        ) from None
    official = str(source) in CHECKPOINTS and not source.exists()
    if official and atrous_rates:
        raise ConfigError(f"{source}: an official checkpoint has its own atrous rates; name none")
    picture = read_image(check) if check else None  # before anything is written
    if not official and is_foreign_classifier(source):
        return _convert_classifier(terminal, source, out, picture, overwrite=overwrite)
    if official:
        found = convert_official(str(source), output_stride=output_stride, labels=labels)
    else:
        found = convert_file(
            source, output_stride=output_stride, atrous_rates=atrous_rates, labels=labels
        )
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
        card_table(found.card, title=f"{out}  {parameters:,} parameters"),
    )
    if picture:
        seen = load(out).predict(picture.pixels)
        report["shares"] = seen.shares
        terminal.show(shares_table(seen.shares, seen.label_set, title=str(check)))
    terminal.give("model convert", report)
    return 0


def _convert_classifier(
    terminal: Terminal, source: Path, out: Path, picture: Picture | None, *, overwrite: bool
) -> int:
    from atrous.layers.count import count_parameters
    from atrous.models.classifier import PictureClassifier
    from atrous.weights.load_classifier import read_foreign_classifier
    from atrous.weights.model_file import save_model

    if out.suffix != ".safetensors":
        raise ConfigError(f"{out}: classifiers of whole pictures are written as .safetensors")
    model, card = read_foreign_classifier(source)
    save_model(out, model, card, overwrite=overwrite)
    parameters = count_parameters(model)
    report: dict[str, Any] = {
        "file": str(out),
        "source": "classifier",
        "encoder": card.architecture["encoder"],
        "parameters": parameters,
        "classes": len(card.classes),
    }
    terminal.show(
        f"{source}: a classifier of whole pictures, {card.architecture['encoder']}",
        f"{out}  {parameters:,} parameters, {len(card.classes)} classes; read it with "
        "atrous.load_classifier",
    )
    if picture:
        report["top"] = dict(PictureClassifier(model, card).predict(picture.pixels).top())
        terminal.show(*(f"{share:7.2%}  {name}" for name, share in report["top"].items()))
    terminal.give("model convert", report)
    return 0
