"""The learning curves of a run folder."""

import csv
from pathlib import Path

from atrous.errors import InputError
from atrous.reports.report import Epoch

_MAX_BYTES = 1 << 24


def read_learning(run: Path) -> tuple[Epoch, ...]:
    """What ``metrics.csv`` of a run folder says; nothing if there is none.

    Raises:
        InputError: If the file cannot be understood.
    """
    path = run / "metrics.csv"
    if not path.is_file():
        return ()
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise InputError(f"{path}: has more than {_MAX_BYTES} bytes, too many to be real")
        with path.open(newline="", encoding="utf-8") as file:
            return tuple(_epoch(row) for row in csv.DictReader(file))
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise InputError(f"{path}: is not what training writes ({error!r})") from None


def _epoch(row: dict[str, str]) -> Epoch:
    return Epoch(
        epoch=int(row["epoch"]),
        loss=float(row["loss"]),
        mean_iou=float(row["mean_iou"]) if row["mean_iou"] else None,
    )
