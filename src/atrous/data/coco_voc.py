"""COCO's pictures with the classes of PASCAL VOC, which DeepLab is trained on before VOC."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from atrous.data.text import read_json
from atrous.errors import DatasetError
from atrous.imaging import write_file
from atrous.labels import VOC
from atrous.validation import describe_problems

SPLITS = ("train2017", "val2017")
"""What was trainval2014 without minival, and minival."""
CALLED_IN_COCO: Mapping[str, str] = {
    "aeroplane": "airplane",
    "diningtable": "dining table",
    "motorbike": "motorcycle",
    "pottedplant": "potted plant",
    "sofa": "couch",
    "tvmonitor": "tv",
}
"""Names that COCO has for classes of VOC; the others are the same."""


class _Annotation(BaseModel):
    model_config = ConfigDict(extra="allow")

    image_id: int
    category_id: int
    area: float


class _Category(BaseModel):
    id: int
    name: str


class _Image(BaseModel):
    model_config = ConfigDict(extra="allow")

    id: int


class _Content(BaseModel):
    images: list[_Image]
    annotations: list[_Annotation]
    categories: list[_Category]


def write_voc_classes(coco: Path, out: Path, *, smallest_area: float = 1000.0) -> dict[str, int]:
    """Write COCO's annotations of the 20 classes of VOC; whatever else is background.

    Pictures are kept where those objects cover more than ``smallest_area`` pixels in all (DeepLab
    V3, arXiv:1706.05587, section 4, says: annotation regions larger than 1000 pixels).

    Args:
        coco: A folder with ``annotations/instances_train2017.json`` and the same of val2017.
        out: A folder, perhaps new, that gets files of the same names; the pictures belong into
            ``train2017`` and ``val2017`` there.
        smallest_area: In pixels.

    Returns:
        The number of pictures of each split.

    Raises:
        DatasetError: If a file cannot be read, is not COCO's, or lacks one of the classes.
        ResourceError: If a file is there already, or cannot be written.
    """
    return {split: _write_split(coco, out, split, smallest_area) for split in SPLITS}


def _write_split(coco: Path, out: Path, split: str, smallest_area: float) -> int:
    name = Path("annotations") / f"instances_{split}.json"
    content = _read(coco / name)
    kept = _select(content, _index_of_category(content.categories, coco / name), smallest_area)
    text = json.dumps(kept).encode()
    write_file(out / name, lambda file: file.write(text))
    return len(kept["images"])


def _read(path: Path) -> _Content:
    try:
        return _Content.model_validate(read_json(path))
    except ValidationError as error:
        raise DatasetError(f"{path}: {describe_problems(error, _Content)}") from None


def _index_of_category(categories: Sequence[_Category], path: Path) -> dict[int, int]:
    """From COCO's numbers to the indices of VOC."""
    numbers = {category.name: category.id for category in categories}
    called = {name: CALLED_IN_COCO.get(name, name) for name in VOC.names[1:]}
    missing = [theirs for theirs in called.values() if theirs not in numbers]
    if missing:
        raise DatasetError(
            f"{path}: has no category {missing[0]!r}; expected the 80 categories of COCO"
        )
    return {numbers[theirs]: VOC.names.index(name) for name, theirs in called.items()}


def _select(
    content: _Content, index_of: Mapping[int, int], smallest_area: float
) -> dict[str, list[dict[str, Any]]]:
    wanted = [one for one in content.annotations if one.category_id in index_of]
    covered: dict[int, float] = defaultdict(float)
    for one in wanted:
        covered[one.image_id] += one.area
    images = [image for image in content.images if covered[image.id] > smallest_area]
    there = {image.id for image in images}
    return {
        "images": [image.model_dump() for image in images],
        "annotations": [
            {**one.model_dump(), "category_id": index_of[one.category_id]}
            for one in wanted
            if one.image_id in there
        ],
        "categories": [
            {"id": index, "name": name} for index, name in enumerate(VOC.names) if index
        ],
    }
