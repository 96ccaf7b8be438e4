"""Small datasets with one fault each, drawn by code, and what the doctor should call it."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

SIZE = (48, 64)
NAMES = '["background", "cat", "dog"]'
COLORS = np.array([(0, 0, 0), (30, 60, 220), (200, 30, 30)], np.uint8)


def draw_labels(seed: int) -> np.ndarray:
    """(48, 64) uint8 of classes 0, 1 and 2: two boxes on a background."""
    random = np.random.default_rng(seed)
    labels = np.zeros(SIZE, np.uint8)
    for index, left in ((1, 4), (2, 34)):
        top, drift = int(random.integers(2, 14)), int(random.integers(0, 6))
        labels[top : top + 24, left + drift : left + drift + 20] = index
    return labels


def draw_image(seed: int) -> np.ndarray:
    """(48, 64, 3) uint8: coarse blocks of their own for each seed, so that no two look alike."""
    blocks = np.random.default_rng(1000 + seed).integers(0, 256, (6, 8, 3))
    return blocks.astype(np.uint8).repeat(8, axis=0).repeat(8, axis=1)


def write_dataset(root: Path, *, named: bool = True) -> Path:
    """A dataset without fault: six pairs in train, three in val."""
    for split, seeds in (("train", range(6)), ("val", range(6, 9))):
        for folder in ("images", "masks"):
            (root / split / folder).mkdir(parents=True)
        for seed in seeds:
            Image.fromarray(draw_image(seed)).save(root / split / "images" / f"p{seed}.png")
            Image.fromarray(draw_labels(seed)).save(root / split / "masks" / f"p{seed}.png")
    if named:
        describe(root, f"names = {NAMES}")
    return root


def describe(root: Path, text: str) -> None:
    (root / "dataset.toml").write_text(text + "\n", encoding="utf-8")


def masks(root: Path) -> list[Path]:
    return sorted(root.glob("*/masks/*.png"))


def redraw(root: Path, change: Callable[[np.ndarray], np.ndarray]) -> None:
    """Put each label map through ``change``."""
    for path in masks(root):
        Image.fromarray(change(np.array(Image.open(path)))).save(path)


def renumber(*values: int, kind: type = np.uint8) -> Callable[[Path], None]:
    """Store class 0, 1, 2 as these values."""
    table = np.array(values, kind)
    return lambda root: redraw(root, lambda labels: table[np.minimum(labels, len(values) - 1)])


def stain(labels: np.ndarray, value: int) -> np.ndarray:
    labels[:3, :3] = value
    return labels


def first(root: Path, folder: str = "masks") -> Path:
    return root / "train" / folder / "p0.png"


def cut(path: Path, keep: float) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])


def paint(root: Path, change: Callable[[Image.Image], Image.Image] = lambda image: image) -> None:
    """Store colours instead of indices."""
    for path in masks(root):
        change(Image.fromarray(COLORS[np.array(Image.open(path))])).save(path)


def smooth(image: Image.Image) -> Image.Image:
    """As drawn at eight times the size and averaged, with a shift so that edges are cut."""
    large = np.asarray(image).repeat(8, axis=0).repeat(8, axis=1)
    shift = np.random.default_rng(int(large[::8, ::8].sum())).integers(1, 4, 2)
    shifted = Image.fromarray(np.roll(large, shift, axis=(0, 1)))
    return shifted.resize((SIZE[1], SIZE[0]), Image.Resampling.BOX)


def green_corner(image: Image.Image) -> Image.Image:
    pixels = np.array(image)
    pixels[:6, :6] = (0, 255, 0)
    return Image.fromarray(pixels)


def as_jpeg(root: Path, path: Path, image: Image.Image) -> None:
    path.unlink()
    image.save(path.with_suffix(".jpg"), quality=85)


def jpeg_binary(root: Path) -> None:
    for path in masks(root):
        binary = (np.array(Image.open(path)) > 0).astype(np.uint8) * 255
        as_jpeg(root, path, Image.fromarray(binary))


def jpeg_colors(root: Path) -> None:
    for path in masks(root):
        as_jpeg(root, path, Image.fromarray(COLORS[np.array(Image.open(path))]))


def smooth_binary(root: Path) -> None:
    for path in masks(root):
        binary = Image.fromarray((np.array(Image.open(path)) > 0).astype(np.uint8) * 255)
        small = binary.resize((56, 42), Image.Resampling.BILINEAR)
        small.resize((SIZE[1], SIZE[0]), Image.Resampling.BILINEAR).save(path)


def smooth_named(root: Path) -> None:
    """Label maps of classes 0 and 4 enlarged with smoothing, so that 1, 2 and 3 lie between."""
    for path in masks(root):
        small = Image.fromarray(np.array(Image.open(path)) // 2 * 4).resize((32, 24))
        small.resize((SIZE[1], SIZE[0]), Image.Resampling.BILINEAR).save(path)
    describe(root, 'names = ["road", "car", "tree", "pole", "sky"]')


def mix_binary(root: Path) -> None:
    """Masks of 0 and 1, of which every third is of 0 and 255."""
    for index, path in enumerate(masks(root)):
        high = 1 if index % 3 else 255
        binary = (np.array(Image.open(path)) > 0).astype(np.uint8) * high
        Image.fromarray(binary).save(path)


def add_case_twin(root: Path) -> None:
    """A pair ``P0`` of its own beside ``p0``; asks for a file system that tells them apart."""
    Image.fromarray(draw_image(20)).save(root / "train" / "images" / "P0.png")
    Image.fromarray(draw_labels(20)).save(root / "train" / "masks" / "P0.png")


def damage_jpeg(root: Path, change: Callable[[bytearray], bytes]) -> None:
    """A picture stored as JPEG, its bytes put through ``change``."""
    path = first(root, "images")
    pixels = draw_image(0)
    path.unlink()
    Image.fromarray(pixels).save(path.with_suffix(".jpg"), quality=95)
    data = path.with_suffix(".jpg").read_bytes()
    path.with_suffix(".jpg").write_bytes(change(bytearray(data)))


def blank(data: bytearray) -> bytes:
    """40 zero bytes in the middle, as a lost block of a disk leaves them."""
    middle = len(data) // 2
    data[middle : middle + 40] = bytes(40)
    return bytes(data)


def mirror(root: Path, change: Callable[[Image.Image], Image.Image] = lambda image: image) -> None:
    """A picture of train, mirrored, in val."""
    image = Image.open(root / "train" / "images" / "p0.png")
    mirrored = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    change(mirrored).save(root / "val" / "images" / "p6.png")


def turn(root: Path) -> None:
    """Store one picture lying, with an EXIF tag that turns it; its labels lie too."""
    path = first(root, "images")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.open(path).save(path.with_suffix(".jpg"), exif=exif)
    path.unlink()


def swap(root: Path) -> None:
    for split in ("train", "val"):
        (root / split / "images").rename(root / split / "aside")
        (root / split / "masks").rename(root / split / "images")
        (root / split / "aside").rename(root / split / "masks")
    for seed, path in enumerate(masks(root)):
        pixels = np.random.default_rng(seed).integers(0, 256, (*SIZE, 3))
        Image.fromarray(pixels.astype(np.uint8)).save(path)


def same_picture_smaller(root: Path) -> None:
    image = Image.open(root / "train" / "images" / "p0.png").resize((32, 24), Image.Resampling.BOX)
    image.resize((64, 48)).save(root / "val" / "images" / "p6.png")


def rename_class(root: Path, split: str) -> None:
    for path in sorted(root.glob(f"{split}/masks/*.png")):
        labels = np.array(Image.open(path))
        Image.fromarray(np.where(labels == 2, 1, labels).astype(np.uint8)).save(path)


def replace_all(root: Path, split: str, make: Callable[[int], np.ndarray]) -> None:
    for seed, path in enumerate(sorted((root / split / "masks").glob("*.png"))):
        Image.fromarray(make(seed)).save(path)


def link_inside(root: Path) -> None:
    kept = root / "kept"
    kept.mkdir()
    shutil.move(first(root, "images"), kept / "p0.png")
    first(root, "images").symlink_to(kept / "p0.png")


def link_outside(root: Path, folder: str) -> None:
    away = root.with_name(f"{root.name}-away.png")
    shutil.move(first(root, folder), away)
    first(root, folder).symlink_to(away)


def save_frames(root: Path) -> None:
    path = first(root, "images")
    frames = [Image.fromarray(draw_image(seed)) for seed in (0, 50)]
    frames[0].save(path.with_suffix(".tif"), save_all=True, append_images=frames[1:])
    path.unlink()


def float_labels(root: Path) -> None:
    for path in masks(root):
        Image.fromarray(np.array(Image.open(path)).astype(np.float32)).save(
            path.with_suffix(".tif")
        )
        path.unlink()


def deep_image(root: Path) -> None:
    grey = draw_image(0)[..., 0].astype(np.uint16) * 257
    Image.fromarray(grey).save(first(root, "images"))


def mixed_channels(root: Path) -> None:
    path = first(root, "images")
    np.save(path.with_suffix(".npy"), np.dstack([draw_image(0), draw_image(0)]))
    path.unlink()


def transparent_image(root: Path) -> None:
    alpha = np.full((*SIZE, 1), 255, np.uint8)
    alpha[:4] = 0
    Image.fromarray(np.concatenate([draw_image(0), alpha], axis=2)).save(first(root, "images"))


def tiny_pair(root: Path) -> None:
    Image.fromarray(draw_image(0)[:6, :6]).save(first(root, "images"))
    Image.fromarray(draw_labels(0)[:6, :6]).save(first(root))


def long_pair(root: Path) -> None:
    Image.fromarray(draw_image(0)[:16].repeat(8, axis=1)).save(first(root, "images"))
    Image.fromarray(draw_labels(0)[:16].repeat(8, axis=1)).save(first(root))


def copy(root: Path, source: str, target: str) -> None:
    shutil.copy(root / source, root / target)


@dataclass(frozen=True)
class Fault:
    """One way to break a dataset."""

    kinds: frozenset[str]
    """What the doctor should find, and nothing else."""
    break_it: Callable[[Path], object]
    named: bool = True
    """Whether the dataset names its classes."""
    mendable: bool = False
    """Whether the doctor's proposal repairs it."""


def fault(
    kinds: str, break_it: Callable[[Path], object], *, named: bool = True, mendable: bool = False
) -> Fault:
    return Fault(frozenset(kinds.split()), break_it, named, mendable)


def mendable(kinds: str, break_it: Callable[[Path], object], *, named: bool = True) -> Fault:
    return fault(kinds, break_it, named=named, mendable=True)


def bad_toml(text: str) -> Fault:
    return fault("bad_description", lambda root: describe(root, text))


FAULTS: dict[str, Fault] = {
    # files and names
    "labels missing": mendable("missing_labels", lambda r: first(r).unlink()),
    "picture missing": mendable("missing_image", lambda r: first(r, "images").unlink()),
    "partners differ in case": mendable(
        "case_mismatch", lambda r: first(r).rename(first(r).with_name("P0.png"))
    ),
    "two pairs that differ in case": mendable("case_clash", add_case_twin),
    "two pictures of one name": fault(
        "same_stem",
        lambda r: Image.fromarray(draw_image(0)).save(first(r, "images").with_suffix(".bmp")),
    ),
    "two label maps of one name": fault(
        "same_stem", lambda r: copy(r, "train/masks/p0.png", "train/masks/p0.gif")
    ),
    "link inside": mendable("link", link_inside),
    "picture outside": fault(
        "outside_root missing_image", lambda r: link_outside(r, "images"), mendable=True
    ),
    "labels outside": fault(
        "outside_root missing_labels", lambda r: link_outside(r, "masks"), mendable=True
    ),
    "no val": fault("missing_split", lambda r: shutil.rmtree(r / "val")),
    "val of no files": fault(
        "empty_split",
        lambda r: [path.unlink() for path in r.glob("val/*/*.png")],
    ),
    # files that cannot be read
    "picture cut in half": mendable("damaged_image", lambda r: cut(first(r, "images"), 0.5)),
    "picture of no bytes": mendable("damaged_image", lambda r: cut(first(r, "images"), 0)),
    "text for a picture": mendable(
        "damaged_image", lambda r: first(r, "images").write_text("<html>404</html>")
    ),
    "labels cut in half": mendable("damaged_labels", lambda r: cut(first(r), 0.5)),
    "labels of no bytes": mendable("damaged_labels", lambda r: cut(first(r), 0)),
    "text for labels": mendable("damaged_labels", lambda r: first(r).write_text("404")),
    "JPEG without its end": mendable(
        "damaged_image", lambda r: damage_jpeg(r, lambda data: bytes(data[:-2]))
    ),
    "JPEG that ends too early": fault(
        "corrupt_image",
        lambda r: damage_jpeg(r, lambda data: bytes(data[: len(data) * 3 // 4]) + b"\xff\xd9"),
    ),
    "JPEG with zeros inside": fault("corrupt_image", lambda r: damage_jpeg(r, blank)),
    # pictures out of the ordinary
    "picture of 16 bits": fault("deep_image", deep_image),
    "picture of six channels": fault("mixed_channels", mixed_channels),
    "picture of two pages": fault("frames", save_frames),
    "transparent picture": fault("transparent_image", transparent_image),
    "tiny picture": fault("tiny_image", tiny_pair),
    "long picture": fault("long_image", long_pair),
    # sizes
    "labels of another size": mendable(
        "size_mismatch", lambda r: Image.new("L", (20, 10)).save(first(r))
    ),
    "labels that EXIF does not turn": mendable("turned_labels", turn),
    # how labels are stored
    "masks as JPEG": mendable("lossy_labels", jpeg_binary, named=False),
    "colours as JPEG": mendable("lossy_labels", jpeg_colors, named=False),
    "colours": mendable("color_labels", paint, named=False),
    "colours, of which one map is black": mendable(
        "color_labels",
        lambda r: (paint(r), Image.new("RGB", (64, 48)).save(first(r))),
        named=False,
    ),
    "a colour that the palette lacks": mendable(
        "unknown_colors",
        lambda r: (
            paint(r, green_corner),
            describe(r, f"names = {NAMES}\npalette = {COLORS.tolist()}"),
        ),
    ),
    "smoothed colours": mendable("blended_colors", lambda r: paint(r, smooth), named=False),
    "transparent colours": mendable(
        "color_labels", lambda r: paint(r, lambda image: image.convert("RGBA")), named=False
    ),
    "photographs for labels": fault("photo_labels", swap),
    "indices three times": mendable(
        "three_channels", lambda r: redraw(r, lambda a: np.stack([a, a, a], axis=2))
    ),
    "labels of floats": mendable("float_labels", float_labels),
    "labels of 16 bits": mendable("deep_labels", renumber(0, 1, 2, kind=np.uint16)),
    # what the numbers are
    "0 and 255": mendable("binary_255", renumber(0, 255), named=False),
    "0 and 255 with names": mendable(
        "binary_255",
        lambda r: (renumber(0, 255)(r), describe(r, 'names = ["road", "crack"]')),
    ),
    "smoothed masks": mendable("blended_ids", smooth_binary, named=False),
    "masks of 0 and 1 mixed with 0 and 255": mendable("mixed_binary", mix_binary, named=False),
    "mixed masks with names": mendable(
        "mixed_binary", lambda r: (mix_binary(r), describe(r, 'names = ["road", "crack"]'))
    ),
    "smoothed indices that all have names": fault("stepped_ids", smooth_named),
    "greys": mendable("spread_ids", renumber(0, 127, 255), named=False),
    "greys with names": mendable("spread_ids", renumber(0, 100, 200)),
    "from 1 on": mendable("off_by_one", renumber(1, 2, 3), named=False),
    "from 1 on with names": mendable("off_by_one", renumber(1, 2, 3)),
    "from 1 on, and 0 ignored": mendable(
        "off_by_one",
        lambda r: (
            redraw(r, lambda labels: stain(labels + 1, 0)),
            describe(r, "ignore = 0"),
        ),
    ),
    "names without background": mendable(
        "unnamed_background", lambda r: describe(r, 'names = ["cat", "dog"]')
    ),
    "an index without name": mendable(
        "unknown_ids", lambda r: redraw(r, lambda labels: stain(labels, 77))
    ),
    "an index without name, once": mendable(
        "unknown_ids",
        lambda r: Image.fromarray(stain(draw_labels(0), 9)).save(first(r)),
    ),
    "an index without name, and ignore is -1": mendable(
        "unknown_ids",
        lambda r: (
            redraw(r, lambda labels: stain(labels, 77)),
            describe(r, f"names = {NAMES}\nignore = -1"),
        ),
    ),
    "an index past 255": mendable(
        "unknown_ids", lambda r: redraw(r, lambda labels: stain(labels.astype(np.uint16), 300))
    ),
    "gaps": mendable("sparse_ids", renumber(0, 7, 26), named=False),
    "one class": fault("one_class", renumber(0), named=False),
    "nothing labelled": fault("one_class all_ignored", renumber(255), named=False),
    "one map of nothing but ignore": fault(
        "all_ignored", lambda r: Image.new("L", (64, 48), 255).save(first(r))
    ),
    "one map for all": fault("same_labels", lambda r: redraw(r, lambda _labels: draw_labels(0))),
    # classes and splits
    "a name that is never used": fault(
        "unused_class", lambda r: describe(r, 'names = ["background", "cat", "dog", "cow"]')
    ),
    "a class missing from train": fault("absent_from_train", lambda r: rename_class(r, "train")),
    "a class missing from val": fault("absent_from_val", lambda r: rename_class(r, "val")),
    "one picture in two splits": fault(
        "duplicate_across", lambda r: copy(r, "train/images/p0.png", "val/images/p6.png")
    ),
    "one picture, smaller, in two splits": fault("near_duplicate_across", same_picture_smaller),
    "one picture, mirrored, in two splits": fault("mirrored_across", mirror),
    "one picture, mirrored and smaller, in two splits": fault(
        "mirrored_across",
        lambda r: mirror(r, lambda image: image.resize((32, 24)).resize((64, 48))),
    ),
    "one picture twice": fault(
        "duplicate_within", lambda r: copy(r, "train/images/p0.png", "train/images/p1.png")
    ),
    # dataset.toml
    "toml that is none": bad_toml("names = ["),
    "a key that is wrong": bad_toml('nmes = ["a"]'),
    "a name twice": bad_toml('names = ["cat", "cat", "dog"]'),
    "ignore that is a class": bad_toml(f"names = {NAMES}\nignore = 1"),
    "palette too short": bad_toml(f"names = {NAMES}\npalette = [[0, 0, 0]]"),
}
"""Every fault by its name."""
