"""Draw docs/images/outputs.jpg: what `atrous predict` writes, kind by kind.

    python tools/draw_outputs.py docs/images/outputs.jpg

Files are written and read back, so that the sheet shows what they hold. With a picture as second
argument, that is drawn instead of examples/street.jpg.
"""

import json
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

import atrous
from atrous.data.detect import open_split
from atrous.data.sample import read_pair
from atrous.imaging import Pixels, write_image
from atrous.runtime.detail import Detail
from atrous.runtime.outputs import OUTPUTS, Item, Job
from atrous.runtime.outputs.writer import OutputWriter
from atrous.runtime.render import overlay
from atrous.runtime.result import Segmentation

TOOLS = ("labelme", "coco", "cvat", "yolo")
CLASSES = ("Car", "Pedestrian", "Tree")
COLUMNS, WIDTH, CAPTION = 3, 360, 30


def draw(source: Path, sheet: Path) -> None:
    """Write every kind for one picture, and lay what the files show side by side."""
    detail = Detail(confidence=True, probabilities=True)
    result = atrous.load().predict(source, detail=detail)
    with tempfile.TemporaryDirectory() as folder:
        panels = {"the picture": result.pixels, **_pictures(Path(folder), source, result)}
        panels |= _polygons(Path(folder) / "polygons", source, result)
        panels |= {
            f"{kind}, read back": _read_back(Path(folder) / kind, kind, source, result)
            for kind in TOOLS
        }
    smooth = atrous.load().predict(source, detail=Detail(smooth=True))
    panels["overlay --smooth"] = np.asarray(smooth.overlay(legend=False))
    few = result.filtered(CLASSES, min_area=400)
    panels[f"overlay --classes {','.join(CLASSES)} --min-area 400"] = np.asarray(few.overlay())
    write_image(sheet, _sheet(panels), overwrite=True)


def _written(out: Path, source: Path, result: Segmentation, kinds: tuple[str, ...]) -> Path:
    job = Job(out, result.label_set, kinds)
    with OutputWriter(job) as writer:
        for name in ("a", "b"):  # readers want a picture to train on and one to measure with
            writer.write(Item(name, source, result), writer.files_for(name, source))
    return out


def _pictures(folder: Path, source: Path, result: Segmentation) -> dict[str, Pixels]:
    out = _written(folder, source, result, ("color", "overlay", "prob", "probs"))
    _written(folder / "cut", source, result.filtered(CLASSES), ("cutout",))
    panels = {
        kind: np.asarray(Image.open(out / f"a{OUTPUTS[kind].ending}").convert("RGB"))
        for kind in ("color", "overlay")
    }
    grey = np.asarray(Image.open(out / "a.prob.png")) // 257
    panels["prob: white is sure"] = np.repeat(grey.astype(np.uint8)[..., None], 3, axis=2)
    with np.load(out / "a.probs.npz") as held:
        road = (held["probabilities"][result.classes.index("Road")] * 255).astype(np.uint8)
    panels["probs: the one of Road"] = np.repeat(road[..., None], 3, axis=2)
    cut = np.asarray(Image.open(folder / "cut" / "a.cutout.png"))
    panels[f"cutout --classes {','.join(CLASSES)}"] = np.where(
        cut[..., 3:] > 0, cut[..., :3], _board(cut.shape[:2])
    )
    return panels


def _board(size: tuple[int, int]) -> Pixels:
    rows, columns = np.indices(size) // 12
    return np.where((rows + columns) % 2, 200, 235).astype(np.uint8)[..., None].repeat(3, axis=2)


def _polygons(folder: Path, source: Path, result: Segmentation) -> dict[str, Pixels]:
    """The rings of the GeoJSON with their corners, over the faded picture."""
    _written(folder, source, result, ("geojson",))
    content = json.loads((folder / "a.geojson").read_text())
    canvas = 255 - (255 - result.pixels) // 2
    for feature in content["features"]:
        color = tuple(bytes.fromhex(feature["properties"]["fill"][1:]))
        for ring in feature["geometry"]["coordinates"]:
            points = np.array(ring, np.int32)
            cv2.polylines(canvas, [points], isClosed=True, color=color, thickness=2)
            for x, y in points.tolist():
                cv2.circle(canvas, (x, y), 3, color, -1)
    return {"geojson: rings and their corners": canvas}


def _read_back(root: Path, kind: str, source: Path, result: Segmentation) -> Pixels:
    _written(root, source, result, (kind, "picture"))
    split = open_split(root, "val", layout=kind)
    labels = read_pair(split.pairs[0], split.label_set).labels
    share = (labels == result.mask).mean()
    print(f"{kind}: {share:.2%} of the pixels as in the mask")
    return overlay(result.pixels, labels, split.label_set.palette, opacity=0.55)


def _sheet(panels: dict[str, Pixels]) -> Pixels:
    tiles = [_tile(caption, pixels) for caption, pixels in panels.items()]
    tiles += [np.full_like(tiles[0], 255)] * (-len(tiles) % COLUMNS)
    rows = [np.hstack(tiles[start : start + COLUMNS]) for start in range(0, len(tiles), COLUMNS)]
    return np.vstack(rows)


def _tile(caption: str, pixels: Pixels) -> Pixels:
    height = round(pixels.shape[0] * WIDTH / pixels.shape[1])
    small = cv2.resize(pixels, (WIDTH, height), interpolation=cv2.INTER_AREA)
    tile = np.full((height + CAPTION, WIDTH + 8, 3), 255, np.uint8)
    tile[CAPTION:, :WIDTH] = small
    cv2.putText(
        tile, caption, (2, 21), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (30, 30, 30), 1, cv2.LINE_AA
    )
    return tile


if __name__ == "__main__":
    picture = Path(sys.argv[2]) if len(sys.argv) > 2 else Path("examples/street.jpg")
    draw(picture, Path(sys.argv[1]))
