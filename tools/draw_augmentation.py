"""Draw docs/images/augmentation.png: one drawn sample under each setting of a recipe's [data].

    python tools/draw_augmentation.py docs/images/augmentation.png

With a folder of a dataset, its pictures are drawn instead:

    python tools/draw_augmentation.py sheet.png --data FOLDER --classes Car,Pedestrian
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from atrous.data.detect import open_split
from atrous.data.layout import Split
from atrous.data.loader import generator_for
from atrous.data.sample import NoLabels, Pair, PairList, Sample, read_pair
from atrous.data.warp import resize_image
from atrous.engine.config import DataConfig
from atrous.imaging import LabelMap, Pixels
from atrous.labels import LabelSet
from atrous.recipes.augmentation import plan_data

LABELS = LabelSet(
    ("meadow", "sky", "house", "tree"),
    ((140, 190, 90), (150, 200, 240), (190, 90, 70), (30, 110, 60)),
    ignore_index=255,
)
FILL = (128, 128, 128)
STILL = {"scale": (1.0, 1.0), "flip": False}
ROWS = {
    "scale, flip": {},
    "rotation": {**STILL, "rotation": 25.0},
    "color_jitter": {**STILL, "color_jitter": 0.5},
    "hue_jitter": {**STILL, "hue_jitter": 0.3},
    "blur": {**STILL, "blur": 3.0},
    "cut_mix": {**STILL, "cut_mix": 1.0},
    "copy_paste": {**STILL, "copy_paste": {"probability": 1.0}},
}
GAP, CAPTION = 4, 96


class Drawing:
    """A landscape that is drawn when it is read, as picture and as labels."""

    def __init__(self, seed: int) -> None:
        self.path = Path(f"drawing {seed}")
        self.seed = seed

    def labels(self) -> LabelMap:
        """(160, 220): sky over a meadow, with a house and some trees."""
        random = np.random.default_rng(self.seed)
        labels = np.zeros((160, 220), np.uint8)
        labels[: int(random.integers(60, 90))] = 1
        left, top = (int(random.integers(*range_)) for range_ in ((20, 130), (50, 70)))
        labels[top : top + 50, left : left + 60] = 2
        roof = np.array([(left - 8, top), (left + 30, top - 28), (left + 68, top)])
        cv2.fillPoly(labels, [roof], 2)
        for x in random.integers(0, 220, 3):
            cv2.rectangle(labels, (int(x) - 3, 80), (int(x) + 3, 120), 3, -1)
            cv2.circle(labels, (int(x), 70), int(random.integers(14, 24)), 3, -1)
        return labels

    def read(self) -> Pixels:
        """(160, 220, 3), colours of the classes with some shade."""
        colors = np.array(LABELS.palette, np.float32)[self.labels()]
        shade = np.linspace(1.1, 0.75, 160)[:, None, None]
        return np.clip(colors * shade, 0, 255).astype(np.uint8)


class DrawnLabelMap(NoLabels):
    """The labels of a drawing."""

    def read(self, size: tuple[int, int]) -> LabelMap:  # noqa: ARG002, as large as the drawing
        """(160, 220) class indices."""
        return Drawing(int(self.path.name.split()[1])).labels()


def main() -> None:
    """Parse, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--classes", default="house,tree", help="for copy_paste")
    parser.add_argument("--columns", type=int, default=4)
    arguments = parser.parse_args()
    pairs = open_split(arguments.data, "train") if arguments.data else drawings()
    crop = (160, 220) if not arguments.data else (240, 320)
    rows = [
        _row(name, pairs, crop, arguments.classes.split(","), arguments.columns) for name in ROWS
    ]
    Image.fromarray(np.concatenate(rows)).save(arguments.out, optimize=True)


def drawings() -> Split:
    """Twelve landscapes."""
    sources = [Drawing(seed) for seed in range(12)]
    pairs = tuple(Pair(d.path.name, d, DrawnLabelMap(d.path, 255)) for d in sources)
    return Split("drawn", "train", LABELS, pairs)


def _row(
    name: str, pairs: PairList, crop: tuple[int, int], classes: list[str], columns: int
) -> Pixels:
    options = dict(ROWS[name])
    if "copy_paste" in options:
        options["copy_paste"] = {**options["copy_paste"], "classes": classes}
    config = DataConfig.model_validate({"crop_size": crop, **options})
    augment = plan_data(config, pairs, fill=FILL).augment
    cells = [np.full((crop[0] // 2 + GAP, CAPTION, 3), 255, np.uint8)]
    cv2.putText(cells[0], name, (4, crop[0] // 4), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 0), 1, 16)
    for turn in range(columns):
        pair = pairs.pairs[turn * len(pairs.pairs) // columns]
        sample = read_pair(pair, pairs.label_set)
        cells.append(_drawn(augment(sample, generator_for(0, 0, turn)), pairs.label_set))
    return np.concatenate(cells, axis=1)


def _drawn(sample: Sample, label_set: LabelSet) -> Pixels:
    """Picture beside labels, ignored ones white, at half the size."""
    table = np.full((256, 3), 255, np.uint8)
    table[: label_set.num_classes] = label_set.palette
    table[label_set.ignore_index] = 255
    height, width = (side // 2 for side in sample.labels.shape)
    both = resize_image(sample.image, (height, width)), table[sample.labels[::2, ::2]]
    padding = ((0, GAP), (0, GAP), (0, 0))
    return np.concatenate([np.pad(p, padding, constant_values=255) for p in both], axis=1)


if __name__ == "__main__":
    main()
