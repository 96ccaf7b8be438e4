"""Files get their names when they are known to be right."""

import contextlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from atrous.errors import ExportError, ResourceError
from atrous.export.agree import Agreement, Limits, why_refused
from atrous.export.graph import Files
from atrous.imaging import write_file


def check_places(path: Path, endings: tuple[str, ...], *, overwrite: bool) -> None:
    """See that nothing is in the way, before any work is done.

    Raises:
        ResourceError: If one of the files is there and ``overwrite`` is false.
    """
    for place in (path.with_suffix(ending) for ending in endings):
        if place.exists() and not overwrite:
            raise ResourceError(f"{place}: is there already; give another place or --overwrite")


def keep_if_agreed(
    path: Path,
    files: Files,
    judge: Callable[[Path], Agreement],
    limits: Limits,
    *,
    overwrite: bool = False,
) -> Agreement:
    """Write files, if what they hold agrees with the model that it came from.

    Args:
        path: The file that is named to its runtime; others lie beside it.
        files: Contents by ending, the one of ``path`` last.
        judge: Opens the file, at the place that it is given, and compares it with the model.
        limits: What is allowed.
        overwrite: Whether files that are there may be replaced.

    Raises:
        ExportError: If a limit is passed; nothing is written then.
        ResourceError: If a file is there and ``overwrite`` is false, or cannot be written.
    """
    # Checked beside its final place, so that no unchecked file ever has its name.
    with _unchecked(path) as candidate:
        for ending, content in files.items():
            _write(candidate.with_suffix(ending), content)
        agreement = judge(candidate)
        reason = why_refused(agreement, limits)
        if reason:
            raise ExportError(f"{reason}; nothing was written to {path}")
        for ending, content in files.items():
            _write(path.with_suffix(ending), content, overwrite=overwrite)
    return agreement


def _write(path: Path, content: bytes, *, overwrite: bool = False) -> None:
    write_file(path, lambda file: file.write(content), overwrite=overwrite)


@contextlib.contextmanager
def _unchecked(path: Path) -> Iterator[Path]:
    """The file's name in a hidden folder of its own, which goes again."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{path.stem}-unchecked-", dir=path.parent))
    except OSError as error:
        raise ResourceError(f"{path}: cannot be written ({error.strerror})") from None
    try:
        yield folder / path.name
    finally:
        shutil.rmtree(folder, ignore_errors=True)
