"""``atrous export``: a trained model as a file for other machines."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from atrous.cli.options import JsonFlag, OverwriteFlag, QuietFlag
from atrous.cli.terminal import Terminal
from atrous.errors import ConfigError, DependencyError
from atrous.weights.load import find_model


def export(
    model: Annotated[str, Parameter(help="A .safetensors file, or a run folder.")],
    out: Annotated[Path, Parameter(help="The .onnx file to write.")],
    *,
    half: Annotated[
        bool, Parameter(negative="", help="Store weights in 16 bits: half the size.")
    ] = False,
    overwrite: OverwriteFlag = False,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
) -> int:
    """Write a model as a self-describing ONNX file that runs without torch.

    The file is held against the model before it is kept: logits within 0.001 of torch's.
    """
    terminal = Terminal(as_json=json, quiet=quiet)
    if out.suffix != ".onnx":
        raise ConfigError(f"{out}: the one format is .onnx")
    try:
        from atrous.export.onnx import export_onnx
        from atrous.weights.model_file import load_model
    except ModuleNotFoundError as error:
        raise DependencyError(
            f"export needs {error.name}; pip install 'atrous[train,export]'"
        ) from None
    network, card = load_model(find_model(model))
    agreement = export_onnx(network, card, out, half=half, overwrite=overwrite)
    size = out.stat().st_size
    terminal.show(
        f"{out}  {size / 2**20:.1f} MiB  logits within {agreement.logits_difference:.1g} of torch"
        f"  {agreement.equal_labels:.3%} of labels as before"
    )
    result = {
        "file": str(out),
        "bytes": size,
        "logits_difference": agreement.logits_difference,
        "equal_labels": agreement.equal_labels,
    }
    terminal.give("export", result)
    return 0
