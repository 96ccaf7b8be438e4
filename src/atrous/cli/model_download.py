"""``atrous model download``: the archive of an official checkpoint, whole or not at all."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from atrous.cli.options import JsonFlag, QuietFlag
from atrous.cli.terminal import Terminal
from atrous.errors import ResourceError
from atrous.weights.zoo.catalogue import Checkpoint, find_checkpoint
from atrous.weights.zoo.download import check, download
from atrous.weights.zoo.store import archive_path


def download_model(
    name: Annotated[str, Parameter(help="An official checkpoint, as atrous model list shows.")],
    *,
    to: Annotated[
        Path | None,
        Parameter(
            help="Folder for the archive. Default: $ATROUS_HOME/archives, else "
            "atrous/archives in the user's cache."
        ),
    ] = None,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
) -> int:
    """Fetch the archive of an official checkpoint, and go on where an earlier try stopped.

    No checksums are published for these archives: the SHA-256 of what came is shown, so that you
    can compare it with that of others.
    """
    terminal = Terminal(as_json=json, quiet=quiet)
    checkpoint = find_checkpoint(name)
    path = archive_path(checkpoint, to)
    fetched = not path.is_file()
    digest = _fetch(terminal, checkpoint, path) if fetched else check(path)
    size = path.stat().st_size
    terminal.show(
        f"{path}  {size / 1e6:.1f} MB, {'fetched' if fetched else 'was there already'}",
        f"sha256 {digest} (none is published to hold it against)",
    )
    terminal.give(
        "model download",
        {
            "name": name,
            "file": str(path),
            "address": checkpoint.address,
            "bytes": size,
            "sha256": digest,
            "fetched": fetched,
        },
    )
    return 0


def _fetch(terminal: Terminal, checkpoint: Checkpoint, path: Path) -> str:
    megabytes = f" ({checkpoint.megabytes:g} MB)" if checkpoint.megabytes else ""
    terminal.say(f"{checkpoint.address}{megabytes}")
    try:
        with terminal.transfer(checkpoint.file_name) as on_progress:
            return download(checkpoint.address, path, on_progress=on_progress)
    except ResourceError as error:
        raise ResourceError(
            f"{error}. On a machine without a network: get {checkpoint.address} elsewhere and put "
            f"it at {path}"
        ) from None
