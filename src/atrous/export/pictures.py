"""Real pictures for the gate and for 8 bits, and the mean IoU of a file on labelled ones."""

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from atrous.bands import PixelKind, read_pixels
from atrous.data.detect import detect_layout, open_split, usual_splits
from atrous.data.layout import Split
from atrous.data.sample import Sample, spread
from atrous.engine.evaluate import evaluate
from atrous.errors import ConfigError, DatasetError
from atrous.export.graph import Request, Run, as_input
from atrous.imaging import LabelMap, Pixels
from atrous.runtime.card import ModelCard
from atrous.runtime.predictor import resize_pixels, seen_size
from atrous.runtime.sources import find_pictures
from atrous.runtime.upsample import upsample_labels


def read_some(source: Path, kind: PixelKind, *, most: int) -> tuple[list[Pixels], str]:
    """Pictures of a dataset's first usual split, of a folder, or the one of a file.

    Args:
        source: What holds them; the folder of a dataset is known by its layout, and its label maps
            are not taken for pictures.
        kind: Channels and bits that are wanted.
        most: Evenly spread over all; the same ones each time.

    Returns:
        The pictures, and what they are, for people.

    Raises:
        InputError: If there are none, or one cannot be read.
    """
    try:
        layout = detect_layout(source)[0] if source.is_dir() else None
    except DatasetError:
        layout = None  # a folder of pictures
    if layout is None:
        found = tuple(find_pictures(str(source)))
        chosen = spread(found, most)
        pictures = [read_pixels(one.path, kind).pixels for one in chosen]
        return pictures, f"{len(chosen)} of {len(found)} pictures of {source}"
    split = open_split(source, usual_splits(source, layout=layout)[0], layout=layout)
    pairs = spread(split.pairs, most)
    pictures = [pair.image.read(kind) for pair in pairs]
    return pictures, f"{len(pairs)} of {len(split.pairs)} pictures of {source}, {split.name}"


def as_seen(pixels: Pixels, card: ModelCard, request: Request) -> Pixels:
    """A picture at the size of a file of fixed size, else at that of the card."""
    height, width = pixels.shape[:2]
    return resize_pixels(pixels, request.size or seen_size((height, width), card.preprocessing))


def mean_iou_of(
    run: Run, card: ModelCard, request: Request, split: Split, samples: Iterable[Sample]
) -> float:
    """The mean IoU of what runs a file, or its model, on a split.

    Args:
        run: Takes what the file takes.
        card: Says at what size pictures are seen.
        request: What the file holds.
        split: Its classes are those of the model.
        samples: Of the split.

    Raises:
        ConfigError: If the classes differ.
    """
    if split.label_set.names != card.classes:
        raise ConfigError(
            f"the model's {len(card.classes)} classes are not the {split.label_set.num_classes} "
            f"of the dataset; the loss of mean IoU cannot be measured on it"
        )

    def predict(pixels: Pixels) -> LabelMap:
        seen = as_seen(pixels, card, request)
        found = run(as_input(seen, card, request))[0]
        size = (pixels.shape[0], pixels.shape[1])
        if not request.processing:
            return upsample_labels(found, size, align_corners=card.align_corners)
        labels: LabelMap = np.asarray(found, np.uint8 if found.dtype == np.uint8 else np.uint16)
        nearest = cv2.resize(labels, size[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
        return np.asarray(nearest, labels.dtype)

    return evaluate(predict, split, samples).mean_iou
