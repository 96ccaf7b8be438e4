"""Made-up pictures in folders of classes: each class has a colour of its own."""

from pathlib import Path

import numpy as np
from PIL import Image

COLORS = {"blue": (30, 40, 200), "green": (20, 180, 60), "red": (210, 30, 40)}


def write_class_folders(root: Path, *, pictures: int = 8, size: tuple[int, int] = (48, 56)) -> Path:
    """``train`` and ``val`` with a folder for each of `COLORS`, the sizes a little different."""
    random = np.random.default_rng(0)
    for split in ("train", "val"):
        for name, color in COLORS.items():
            folder = root / split / name
            folder.mkdir(parents=True)
            for index in range(pictures):
                noise = random.integers(-20, 20, (size[0] + index, size[1], 3))
                pixels = np.clip(np.array(color) + noise, 0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(folder / f"{split}_{index}.jpg")
    return root
