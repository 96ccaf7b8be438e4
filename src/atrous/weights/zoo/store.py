"""Where downloaded archives lie."""

import os
from pathlib import Path

from atrous.errors import WeightsError
from atrous.weights.zoo.catalogue import Checkpoint


def cache_folder() -> Path:
    """``$ATROUS_HOME``, else ``atrous`` in ``$XDG_CACHE_HOME``, else ``~/.cache/atrous``."""
    if home := os.environ.get("ATROUS_HOME"):
        return Path(home)
    caches = os.environ.get("XDG_CACHE_HOME")
    # The standard says that relative paths there are to be ignored.
    root = Path(caches) if caches and Path(caches).is_absolute() else Path.home() / ".cache"
    return root / "atrous"


def archive_path(checkpoint: Checkpoint, folder: Path | None = None) -> Path:
    """Where a checkpoint's archive is, or will be; None for the cache."""
    return (folder or cache_folder() / "archives") / checkpoint.file_name


def how_to_get(name: str, checkpoint: Checkpoint) -> str:
    """A sentence for those who have to fetch an archive themselves."""
    path = archive_path(checkpoint)
    return f"get {checkpoint.address} and put it at {path}, or run: atrous model download {name}"


def downloaded(name: str, checkpoint: Checkpoint) -> Path:
    """A checkpoint's archive in the cache.

    Raises:
        WeightsError: If it is not there.
    """
    archive = archive_path(checkpoint)
    if not archive.is_file():
        raise WeightsError(f"{name}: has not been downloaded; {how_to_get(name, checkpoint)}")
    return archive
