"""Small made-up datasets, written to disk in every layout that is read.

All hold the same pictures and the same truth: a rectangle of the second class on the first class,
and one of the third over its corner, at another place in each picture.
"""

import csv
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from data.mat_files import mat_file

SIZE = (24, 32)
TRAIN, VAL = ("a", "b", "c"), ("d",)
NAMES = (*TRAIN, *VAL)
CLASSES = ("background", "car", "person")


def corners(name: str) -> list[tuple[int, int, int, int]]:
    """Left, top, right and bottom of the two rectangles of a picture, in pixels."""
    shift = ord(name) - ord("a")
    return [(4 + shift, 3, 16 + shift, 15), (12, 9 + shift, 27, 19 + shift)]


def truth(name: str) -> np.ndarray:
    """(H, W) positions in `CLASSES`."""
    labels = np.zeros(SIZE, np.uint8)
    for index, (left, top, right, bottom) in enumerate(corners(name), start=1):
        labels[top:bottom, left:right] = index
    return labels


def ring(box: tuple[int, int, int, int]) -> list[list[float]]:
    left, top, right, bottom = map(float, box)
    return [[left, top], [right, top], [right, bottom], [left, bottom]]


def save_image(path: Path, name: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(ord(name))
    Image.fromarray(random.integers(0, 256, (*SIZE, 3), dtype=np.uint8)).save(path)


def save_labels(path: Path, labels: np.ndarray, palette: list[int] | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(labels.astype(np.uint8))
    if palette:
        image = image.convert("P")
        image.putpalette(palette)
    image.save(path)


def split_of(name: str) -> str:
    return "train" if name in TRAIN else "val"


def write_paired(root: Path) -> None:
    for name in NAMES:
        save_image(root / split_of(name) / "images" / f"{name}.jpg", name)
        save_labels(root / split_of(name) / "masks" / f"{name}.png", truth(name))
    (root / "dataset.toml").write_text(f"names = {list(CLASSES)}")


def write_beside(root: Path) -> None:
    for name in NAMES:
        save_image(root / split_of(name) / f"{name}.jpg", name)
        save_labels(root / split_of(name) / f"{name}_mask.png", truth(name))
    (root / "dataset.toml").write_text(f"names = {list(CLASSES)}")


def write_camvid(root: Path) -> None:
    for name in NAMES:
        save_image(root / split_of(name) / f"{name}.png", name)
        mapped = np.array([3, 8, 9])[truth(name)]
        save_labels(root / f"{split_of(name)}annot" / f"{name}.png", mapped)


def write_cityscapes(root: Path) -> None:
    for name in NAMES:
        place = f"{split_of(name)}/aachen/{name}_000000_000019"
        save_image(root / "leftImg8bit" / f"{place}_leftImg8bit.png", name)
        mapped = np.array([7, 26, 24])[truth(name)]
        mapped[0, 0] = 4
        save_labels(root / "gtFine" / f"{place}_gtFine_labelIds.png", mapped)
        save_labels(root / "gtFine" / f"{place}_gtFine_instanceIds.png", mapped)
        save_labels(root / "gtFine" / f"{place}_gtFine_color.png", mapped)


def write_voc(root: Path) -> None:
    base = root / "VOCdevkit" / "VOC2012"
    (base / "ImageSets" / "Segmentation").mkdir(parents=True)
    for split, names in (("train", TRAIN), ("val", VAL)):
        (base / "ImageSets" / "Segmentation" / f"{split}.txt").write_text("\n".join(names) + "\n")
    for name in (*NAMES, "more"):
        save_image(base / "JPEGImages" / f"{name}.jpg", name[0])
        mapped = np.array([0, 7, 15])[truth(name[0])]
        mapped[0, 0] = 255
        palette = [value for index in range(256) for value in (index, 0, 255 - index)]
        save_labels(base / "SegmentationClassAug" / f"{name}.png", mapped, palette)
        if name != "more":
            save_labels(base / "SegmentationClass" / f"{name}.png", mapped, palette)


def write_sbd(root: Path) -> None:
    base = root / "benchmark_RELEASE" / "dataset"
    for name in NAMES:
        save_image(base / "img" / f"{name}.jpg", name)
        path = base / "cls" / f"{name}.mat"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(mat_file(np.array([0, 7, 15])[truth(name)].astype(np.uint8)))
    (base / "train.txt").write_text("\n".join(TRAIN) + "\n")
    (base / "val.txt").write_text("\n".join(VAL) + "\n")


def write_ade20k(root: Path) -> None:
    for name in NAMES:
        folder = {"train": "training", "val": "validation"}[split_of(name)]
        save_image(root / "images" / folder / f"ADE_{folder}_{name}.jpg", name)
        mapped = np.array([1, 21, 13])[truth(name)]
        mapped[0, 0] = 0
        save_labels(root / "annotations" / folder / f"ADE_{folder}_{name}.png", mapped)


def write_nnunet(root: Path) -> None:
    for name in NAMES:
        save_image(root / "imagesTr" / f"{name}_0000.png", name)
        save_labels(root / "labelsTr" / f"{name}.png", truth(name))
    labels = {name: index for index, name in enumerate(CLASSES)}
    described = {"channel_names": {"0": "R"}, "labels": labels, "file_ending": ".png"}
    (root / "dataset.json").write_text(json.dumps(described))
    folds = [{"train": list(TRAIN), "val": list(VAL)}]
    (root / "splits_final.json").write_text(json.dumps(folds))


def write_yolo(root: Path) -> None:
    for name in NAMES:
        save_image(root / "images" / split_of(name) / f"{name}.jpg", name)
        lines = []
        for index, box in enumerate(corners(name)):
            points = [f"{x / SIZE[1]:.9f} {y / SIZE[0]:.9f}" for x, y in ring(box)]
            lines.append(f"{index} {' '.join(points)}\n")
        path = root / "labels" / split_of(name) / f"{name}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(lines))
    (root / "data.yaml").write_text(
        "path: ../datasets/made-up  # somewhere else\n"
        "train: images/train\nval: images/val\n\nnames:\n  0: car\n  1: 'person'\n"
    )


def coco_content(names: tuple[str, ...]) -> dict[str, object]:
    images = [
        {"id": place, "file_name": f"{name}.jpg", "height": SIZE[0], "width": SIZE[1]}
        for place, name in enumerate(names)
    ]
    annotations = [
        {
            "image_id": place,
            "category_id": (3, 7)[index],
            "segmentation": [np.ravel(ring(box)).tolist()],
            "iscrowd": 0,
        }
        for place, name in enumerate(names)
        for index, box in enumerate(corners(name))
    ]
    categories = [{"id": 7, "name": "person"}, {"id": 3, "name": "car"}]
    return {"images": images, "annotations": annotations, "categories": categories}


def write_coco(root: Path) -> None:
    (root / "annotations").mkdir()
    for split, names in (("train", TRAIN), ("val", VAL)):
        for name in names:
            save_image(root / f"{split}2017" / f"{name}.jpg", name)
        path = root / "annotations" / f"instances_{split}2017.json"
        path.write_text(json.dumps(coco_content(names)))


def write_cvat(root: Path) -> None:
    content = ElementTree.Element("annotations")
    ElementTree.SubElement(content, "version").text = "1.1"
    labels = ElementTree.SubElement(ElementTree.SubElement(content, "meta"), "labels")
    for label in CLASSES[1:]:
        ElementTree.SubElement(ElementTree.SubElement(labels, "label"), "name").text = label
    # CVAT nests the labels in a job, a task or a project.
    content[1][:] = [ElementTree.Element("task")]
    content[1][0].append(labels)
    for name in NAMES:
        save_image(root / "images" / f"{name}.png", name)
        about = {"name": f"{name}.png", "width": str(SIZE[1]), "height": str(SIZE[0])}
        image = ElementTree.SubElement(content, "image", about | {"subset": split_of(name).title()})
        car, person = corners(name)
        left, top, right, bottom = person
        box = {"left": left, "top": top, "width": right - left, "height": bottom - top}
        runs = f"0, {(right - left) * (bottom - top)}"
        mask = {"label": "person", "rle": runs, "z_order": "1"}
        ElementTree.SubElement(image, "mask", mask | {key: str(box[key]) for key in box})
        points = ";".join(f"{x},{y}" for x, y in ring(car))
        polygon = {"label": "car", "points": points, "z_order": "0"}
        ElementTree.SubElement(image, "polygon", polygon)
    ElementTree.ElementTree(content).write(root / "annotations.xml", xml_declaration=True)


def write_labelme(root: Path) -> None:
    for name in NAMES:
        folder = root / split_of(name)
        save_image(folder / f"{name}.jpg", name)
        shapes = [
            {"label": label, "points": ring(box), "shape_type": "polygon"}
            for label, box in zip(CLASSES[1:], corners(name), strict=True)
        ]
        about = {"imagePath": f"{name}.jpg", "imageHeight": SIZE[0], "imageWidth": SIZE[1]}
        (folder / f"{name}.json").write_text(json.dumps({"shapes": shapes, **about}))


def write_paddleseg(root: Path) -> None:
    for name in NAMES:
        save_image(root / "JPEG" / f"{name}.jpg", name)
        save_labels(root / "PNG" / f"{name}.png", truth(name))
    for split, names in (("train", TRAIN), ("val", VAL)):
        lines = "".join(f"JPEG/{name}.jpg PNG/{name}.png\n" for name in names)
        (root / f"{split}.txt").write_text(lines)
    (root / "labels.txt").write_text("\n".join(CLASSES))


def write_csv(root: Path) -> None:
    write_paddleseg(root)
    for split in ("train", "val"):
        (root / f"{split}.txt").unlink()
    with (root / "all.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image", "mask", "split"])
        writer.writerows([f"JPEG/{n}.jpg", f"PNG/{n}.png", split_of(n)] for n in NAMES)


def write_jsonl(root: Path) -> None:
    write_csv(root)
    rows = list(csv.DictReader((root / "all.csv").read_text().splitlines()))
    (root / "all.csv").unlink()
    (root / "all.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_webdataset(root: Path) -> None:
    for split, names in (("train", TRAIN), ("val", VAL)):
        with tarfile.open(root / f"{split}-000000.tar", "w") as tar:
            for name in names:
                image, labels = io.BytesIO(), io.BytesIO()
                random = np.random.default_rng(ord(name))
                pixels = random.integers(0, 256, (*SIZE, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(image, format="JPEG")
                Image.fromarray(truth(name)).save(labels, format="PNG")
                for ending, file in (("jpg", image), ("seg.png", labels), ("cls", io.BytesIO())):
                    member = tarfile.TarInfo(f"{name}.{ending}")
                    member.size = len(file.getvalue())
                    tar.addfile(member, io.BytesIO(file.getvalue()))
    (root / "classes.txt").write_text("\n".join(CLASSES))


def write_huggingface(root: Path) -> None:
    datasets = pytest.importorskip("datasets")
    features = datasets.Features({"image": datasets.Image(), "annotation": datasets.Image()})
    tables = {}
    for split, names in (("train", TRAIN), ("validation", VAL)):
        pictures = [np.random.default_rng(ord(name)).integers(0, 256, (*SIZE, 3)) for name in names]
        images = [Image.fromarray(pixels.astype(np.uint8)) for pixels in pictures]
        labels = [Image.fromarray(truth(name)) for name in names]
        columns = {"image": images, "annotation": labels}
        tables[split] = datasets.Dataset.from_dict(columns, features=features)
    datasets.DatasetDict(tables).save_to_disk(str(root))
    (root / "id2label.json").write_text(json.dumps(dict(enumerate(CLASSES))))


WRITERS: dict[str, Callable[[Path], None]] = {
    "camvid": write_camvid,
    "cityscapes": write_cityscapes,
    "voc": write_voc,
    "sbd": write_sbd,
    "ade20k": write_ade20k,
    "ade20k-151": write_ade20k,
    "nnunet": write_nnunet,
    "yolo": write_yolo,
    "coco": write_coco,
    "cvat": write_cvat,
    "labelme": write_labelme,
    "paddleseg": write_paddleseg,
    "csv": write_csv,
    "jsonl": write_jsonl,
    "webdataset": write_webdataset,
    "huggingface": write_huggingface,
    "paired": write_paired,
    "beside": write_beside,
}
"""One for each layout."""

MEANT = {
    "camvid": ("Road", "Car", "Pedestrian"),
    "cityscapes": ("road", "car", "person"),
    "voc": ("background", "car", "person"),
    "sbd": ("background", "car", "person"),
    "ade20k": ("wall", "car", "person"),
    "ade20k-151": ("wall", "car", "person"),
}
"""What the three classes are called in layouts whose classes are fixed."""


def written(root: Path, layout: str) -> Path:
    """A made-up dataset in an empty folder below ``root``."""
    folder = root / f"as-{layout}"
    folder.mkdir()
    WRITERS[layout](folder)
    return folder
