"""``atrous predict --as geotiff``: rasters of any size, window by window."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from atrous.cli.terminal import Meter, Terminal
from atrous.errors import AtrousError, ConfigError
from atrous.runtime.geo import segment_raster
from atrous.runtime.sources import Sources
from atrous.weights.load import load

GEOTIFF = "geotiff"
_ENDINGS = {".tif", ".tiff"}
_SOME_FAILED = 7


def run_rasters(
    sources: Sequence[str],
    out: Path,
    terminal: Terminal,
    *,
    model: str | None,
    load_options: Mapping[str, Any],
    bands: Sequence[int] | None,
    overwrite: bool,
) -> int:
    """Segment rasters one after the other, and give the command's exit code.

    Raises:
        ConfigError: If several should go to one file.
        InputError: If two rasters' results would have the same names.
    """
    predictor = load(model, **load_options)
    found = Sources(sources, leave_out=out)
    to_file = out.suffix.lower() in _ENDINGS and not out.is_dir()
    if to_file and len(found) > 1:
        raise ConfigError(f"{out} is one file for {len(found)} rasters; give a folder")
    failed, rows = list(found.failed), []
    for one in found:
        target = out if to_file else (out / one.name).with_name(f"{one.name.name}.classes.tif")
        text = f"percent of {one.path.name}"
        with terminal.meter() as meter:
            try:
                notes = segment_raster(
                    predictor,
                    one.path,
                    target,
                    bands=bands,
                    overwrite=overwrite,
                    on_progress=partial(_show, meter, text),
                )
            except AtrousError as error:
                failed.append((str(one.path), error))
                continue
        for note in notes:
            terminal.warn(f"{one.path}: {note}")
        terminal.show(f"{GEOTIFF:8} {target}")
        rows.append({"source": str(one.path), "files": {GEOTIFF: str(target)}, "notes": [*notes]})
    for _, failure in failed:
        terminal.warn(str(failure))
    failures = [
        {"source": source, "error": str(why), "exit": why.exit_code} for source, why in failed
    ]
    result = {"model": predictor.card.name, "pictures": rows, "failures": failures}
    terminal.give("predict", result, ok=not failures)
    codes = {failure.exit_code for _, failure in failed}
    if not codes:
        return 0
    return codes.pop() if not rows and len(codes) == 1 else _SOME_FAILED


def _show(meter: Meter, text: str, share: float) -> None:
    meter.advance(int(100 * share), 100, text)


def parse_bands(text: str | None) -> tuple[int, ...] | None:
    """Numbers of bands from ``4,3,2``; None from None.

    Raises:
        ConfigError: If they are not numbers from 1.
    """
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and 0 < int(part) < 1 << 16 for part in parts):
        raise ConfigError(f"--bands takes numbers from 1, joined by commas, not {text!r}")
    return tuple(int(part) for part in parts)
