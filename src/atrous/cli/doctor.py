"""``atrous doctor``: what this machine has, and what would run on it."""

import platform
import time
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from cyclopts import Parameter
from rich.table import Table
from rich.text import Text

from atrous.bands import PixelKind
from atrous.cli.options import JsonFlag, QuietFlag
from atrous.cli.terminal import Terminal
from atrous.errors import AtrousError, DependencyError
from atrous.imaging import Pixels
from atrous.runtime.machine import free_memory, processor_name, total_memory, usable_cores
from atrous.weights.engines import choose_engine, engines_for
from atrous.weights.load import find_model, load

EXTRAS = {
    "train": "torch",
    "export": "onnx",
    "openvino": "openvino",
    "zoo": "timm",
    "convert": "h5py",
    "geo": "rasterio",
    "video": "av",
    "cluster": "ray",
}
"""Extras, and the module that each is known by."""
_PACKAGES = ("numpy", "opencv-python-headless", "pillow", "onnxruntime", "openvino", "torch")
_SLOW = frozenset({"torch-compile"})
"""Engines that take minutes to begin."""
_DIFFERENCE = 0.01
"""Share of labels by which an engine may differ from the first one; they sum in other orders."""


def doctor(
    model: Annotated[
        str | None,
        Parameter(help="Model to check. Default: the shipped street-scene model."),
    ] = None,
    *,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
) -> int:
    """Show versions, cores, memory and engines, and check that a model runs on each of them.

    The check segments one drawn picture with every engine that is installed and holds the masks
    against each other; torch-compile is left out, which takes minutes. Exit code 1 if one fails.
    """
    terminal = Terminal(as_json=json, quiet=quiet)
    path = find_model(model)
    if not engines_for(path):
        load(path)  # which says what it is
    choice = choose_engine(path, "fp32")
    checks = _check_engines(path)
    good = all(check["ok"] for check in checks.values() if check["installed"])
    report = {
        "versions": _versions(),
        "machine": _machine(),
        "extras": {name: find_spec(module) is not None for name, module in EXTRAS.items()},
        "model": str(path),
        "auto": choice._asdict(),
        "engines": checks,
    }
    _show(terminal, report)
    terminal.give("doctor", report, ok=good)
    return 0 if good else 1


def _versions() -> dict[str, str]:
    found = {"atrous": metadata.version("atrous"), "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def _machine() -> dict[str, Any]:
    try:
        total = total_memory()
    except (OSError, ValueError, AttributeError):
        total = 0
    return {
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": processor_name(),
        "cores": usable_cores(),
        "memory": total,
        "free_memory": free_memory(),
        "gpu": _gpu(),
    }


def _gpu() -> str:
    if find_spec("torch") is None:
        return "not looked for: torch is not installed"
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else "none"


def _check_engines(path: Path) -> dict[str, dict[str, Any]]:
    """What each engine makes of a drawn picture; the first that runs is the one to agree with."""
    found: dict[str, dict[str, Any]] = {}
    first = None
    for name in engines_for(path):
        if name in _SLOW:
            continue
        start = time.perf_counter()
        try:
            predictor = load(path, engine=name)
            labels = predictor.predict_pixels(_draw(predictor.card.preprocessing.kind))
        except AtrousError as error:
            installed = not isinstance(error, DependencyError)
            found[name] = {"installed": installed, "ok": False, "said": str(error)}
            continue
        seconds = time.perf_counter() - start
        first = labels if first is None else first
        differing = float((labels != first).mean())
        found[name] = {
            "installed": True,
            "ok": differing <= _DIFFERENCE,
            "said": f"runs; {differing:.2%} of labels differ; {seconds:.2f} s to load and predict",
        }
    return found


def _draw(kind: PixelKind) -> Pixels:
    """A picture of slopes, brighter in each channel."""
    rows, columns = np.mgrid[0:1:96j, 0:1:128j]
    shares = [(rows + columns * channel) / kind.channels for channel in range(kind.channels)]
    values = np.stack(shares, axis=2) * kind.highest
    return values.astype(np.uint8 if kind.bits == 8 else np.uint16)


def _show(terminal: Terminal, report: dict[str, Any]) -> None:
    machine = report["machine"]
    facts = {
        **report["versions"],
        **{key: machine[key] for key in ("system", "processor", "cores", "gpu")},
        "memory": f"{machine['memory'] / 2**30:.1f} GiB, {machine['free_memory'] / 2**30:.1f} free",
        "extras": ", ".join(name for name, there in report["extras"].items() if there) or "none",
        "model": report["model"],
        "--engine auto": "{engine}: {reason}".format(**report["auto"]),
    }
    table = Table(box=None, pad_edge=False, show_header=False)
    for name, value in facts.items():
        table.add_row(name, Text(str(value)))
    for name, check in report["engines"].items():
        table.add_row(f"engine {name}", Text(check["said"]))
    terminal.show(table)
