"""What a dataset and a machine are like, as far as training depends on it."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import torch

from atrous.bands import RGB8
from atrous.data.channels import MOST_READ, Channels, find_kind, measure_channels
from atrous.data.detect import open_split
from atrous.data.layout import Split
from atrous.data.sample import read_labels, spread
from atrous.errors import DatasetError
from atrous.recipes.fit import count_classes
from atrous.runtime.machine import free_memory, usable_cores
from atrous.weights.start import encoder_of

Size = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What trains."""

    device: str
    """``cpu``, ``cuda`` or another kind that torch knows."""
    memory: int
    """Free bytes: of the GPU, else of the machine."""
    cores: int
    bf16: bool = False
    """Whether a CPU multiplies bfloat16 by instructions of its own."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What a plan rests on."""

    data: str
    layout: str
    classes: tuple[str, ...]
    pictures: int
    """In the training split."""
    eval_pictures: int
    sampled: int
    """Pictures of the training split that were read for the following."""
    median_size: Size
    """Median height and median width, pixels."""
    largest_size: Size
    """Largest height and largest width, pixels."""
    shares: tuple[float, ...]
    """Of each class among the labelled pixels, between 0 and 1."""
    shown: tuple[float, ...]
    """Share of the pictures that show each class, between 0 and 1."""
    channels: Channels | None
    """What the pictures are made of; None for 8-bit RGB."""
    machine: Machine
    start_encoder: str | None = None
    """Encoder of the weights that the user wants to start from; None without, or where the file
    does not tell."""


def measure_dataset(
    data: Path,
    *,
    layout: str = "auto",
    train_split: str = "train",
    eval_split: str = "val",
    start: Path | None = None,
) -> Measured:
    """Look at a dataset: all names, and at most `atrous.data.channels.MOST_READ` pictures.

    Args:
        data: Folder of the dataset.
        layout: Key into `atrous.data.DATASETS`, or ``auto``.
        train_split: What will be trained on.
        eval_split: What will be measured.
        start: Weights to start from, if some are wanted.

    Raises:
        ConfigError: If ``layout`` is unknown.
        DatasetError: If a split is missing or cannot be used, or there is one class only.
        InputError: If a picture that is looked at cannot be read.
        WeightsError: If ``start`` is damaged or unknown.
    """
    pairs = open_split(data, train_split, layout=layout)
    count_classes(pairs, data)
    measured_on = _open_eval_split(data, eval_split, train_split, pairs.layout)
    sizes, shares, shown = _read(pairs)
    kind = find_kind(pairs.pairs)
    return Measured(
        data=str(data),
        layout=pairs.layout,
        classes=pairs.label_set.names,
        pictures=len(pairs.pairs),
        eval_pictures=len(measured_on.pairs),
        sampled=len(sizes),
        median_size=_of_sides(median, sizes),
        largest_size=_of_sides(max, sizes),
        shares=shares,
        shown=shown,
        channels=None if kind == RGB8 else measure_channels(pairs.pairs, kind),
        machine=look_at_machine(),
        start_encoder=encoder_of(start) if start else None,
    )


def _open_eval_split(data: Path, split: str, train_split: str, layout: str) -> Split:
    try:
        return open_split(data, split, layout=layout)
    except DatasetError as error:
        raise DatasetError(
            f"{error}. To measure on what is trained on, which says nothing about new pictures: "
            f"--eval-split {train_split}"
        ) from None


def _read(pairs: Split) -> tuple[list[Size], tuple[float, ...], tuple[float, ...]]:
    """Sizes of a sample of the pictures, and each class's share of their pixels and of them."""
    label_set = pairs.label_set
    pixels = np.zeros(label_set.num_classes, np.int64)
    pictures, sizes = np.zeros_like(pixels), []
    for pair in spread(pairs.pairs, MOST_READ):
        labels = read_labels(pair, label_set)
        counts = np.bincount(labels[labels != label_set.ignore_index], minlength=pixels.size)
        pixels += counts
        pictures += counts > 0
        sizes.append((labels.shape[0], labels.shape[1]))
    shares = pixels / max(int(pixels.sum()), 1)
    return sizes, tuple(shares.tolist()), tuple((pictures / len(sizes)).tolist())


def _of_sides(choose: Callable[[list[int]], float], sizes: list[Size]) -> Size:
    heights, widths = ([size[side] for size in sizes] for side in (0, 1))
    return round(choose(heights)), round(choose(widths))


def name_of_size(size: Size) -> str:
    """Height x width, for people."""
    return f"{size[0]}x{size[1]}"


def name_of_device(machine: Machine) -> str:
    """What trains, for people."""
    return "without a GPU" if machine.device == "cpu" else f"with a GPU ({machine.device})"


def look_at_machine() -> Machine:
    """The device that training takes, with its free memory, and the processor's cores."""
    cores = usable_cores()
    if torch.cuda.is_available():
        free, _ = torch.cuda.mem_get_info()
        return Machine(device="cuda", memory=free, cores=cores)
    found = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    device = found.type if found else "cpu"
    return Machine(device=device, memory=free_memory(), cores=cores, bf16=not found and _has_bf16())


def _has_bf16() -> bool:
    with contextlib.suppress(AttributeError, RuntimeError):  # of earlier versions of torch
        known = torch.cpu.get_capabilities()
        return bool(known.get("avx512_bf16") or known.get("amx_bf16"))
    return False
