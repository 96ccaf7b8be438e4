"""Time to make one training sample on one core: decode, augment, normalize.

    python benchmarks/augment.py --crop 513x513 --rounds 60

Pictures are made up, with the sizes of VOC's (500 x 375, JPEG and palette PNG) and Cityscapes'
(2048 x 1024, two PNGs). Kinds of augmentation take turns, so that a machine that slows down slows
them all. Prints medians of processor time and the hardware.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from hardware import describe_hardware
from PIL import Image

from atrous.data.layout import Split
from atrous.data.loader import Normalization, generator_for
from atrous.data.sample import ImageFile, LabelFile, Pair, read_pair
from atrous.engine.config import DataConfig
from atrous.labels import numbered_label_set
from atrous.recipes.augmentation import plan_data

KINDS = {
    "scale, crop, flip": {},
    "and colour": {"color_jitter": 0.3},
    "and rotation": {"color_jitter": 0.3, "rotation": 10.0},
    "and hue, blur": {"color_jitter": 0.3, "rotation": 10.0, "hue_jitter": 0.1, "blur": 1.0},
    "and CutMix, always": {"color_jitter": 0.3, "cut_mix": 1.0},
    "and copy-paste, always": {
        "color_jitter": 0.3,
        "copy_paste": {"classes": ["class 5"], "probability": 1.0},
    },
}


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--crop", default="513x513", help="HEIGHTxWIDTH")
    parser.add_argument("--rounds", type=int, default=60)
    arguments = parser.parse_args()
    crop = tuple(int(side) for side in arguments.crop.split("x"))
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    about = f"one used; crop {arguments.crop}, {arguments.rounds} rounds, medians"
    print(f"{describe_hardware()}, {about}")
    with tempfile.TemporaryDirectory() as folder:
        for name, size, ending in (
            ("VOC's size, JPEG + PNG", (375, 500), "jpg"),
            ("Cityscapes' size, PNG + PNG", (1024, 2048), "png"),
        ):
            split = _made_up(Path(folder), size, ending)
            _measure(name, split, crop, arguments.rounds)


def _measure(name: str, split: Split, crop: tuple[int, ...], rounds: int) -> None:
    normalization = Normalization()
    label_set = split.label_set
    plans = {
        kind: plan_data(
            DataConfig.model_validate({"crop_size": crop, **options}),
            split,
            fill=normalization.fill,
        )
        for kind, options in KINDS.items()
    }
    decode, normalize = [], []
    augment: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for turn in range(rounds):
        pair = split.pairs[turn % len(split.pairs)]
        sample, seconds = _timed(lambda pair=pair: read_pair(pair, label_set))
        decode.append(seconds)
        for kind, plan in plans.items():
            random = generator_for(0, 0, turn)
            changed, seconds = _timed(lambda p=plan, s=sample, r=random: p.augment(s, r))
            augment[kind].append(seconds)
        normalize.append(_timed(lambda s=changed: normalization.apply(s.image))[1])
    fixed = statistics.median(decode), statistics.median(normalize)
    print(f"{name}: decode {fixed[0]:.2f} ms, normalize {fixed[1]:.2f} ms")
    for kind, times in augment.items():
        middle = statistics.median(times)
        print(f"  {kind}: augment {middle:.2f} ms, a whole sample {sum(fixed) + middle:.2f} ms")


def _timed(work):
    start = time.process_time()
    result = work()
    return result, (time.process_time() - start) * 1e3


def _made_up(folder: Path, size: tuple[int, int], ending: str) -> Split:
    """Four pictures of smooth colours and some grain, under blobs of eight classes."""
    random = np.random.default_rng(0)
    label_set = numbered_label_set(8, ignore_index=255)
    palette = [value for color in label_set.palette for value in color]
    pairs = []
    for index in range(4):
        coarse = random.random((6, 8, 3)).astype(np.float32)
        smooth = cv2.resize(coarse, size[::-1], interpolation=cv2.INTER_CUBIC) * 200 + 25
        image = np.clip(smooth + random.normal(0, 8, (*size, 3)), 0, 255).astype(np.uint8)
        blobs = cv2.resize(
            random.random((6, 8)).astype(np.float32), size[::-1], interpolation=cv2.INTER_CUBIC
        )
        labels = np.clip(blobs * 8, 0, 7).astype(np.uint8)
        place = folder / f"{size[1]}-{index}"
        image_path, label_path = (place.with_suffix(f".{end}") for end in (ending, "labels.png"))
        Image.fromarray(image).save(image_path)
        drawn = Image.fromarray(labels)
        drawn.putpalette(palette)
        drawn.save(label_path)
        pairs.append(Pair(place.name, ImageFile(image_path), LabelFile(label_path)))
    return Split("made up", "train", label_set, tuple(pairs))


if __name__ == "__main__":
    main()
