"""Options that several commands share."""

import re
from typing import TYPE_CHECKING, Annotated, TypeAlias

from cyclopts import Parameter
from cyclopts.validators import Number

from atrous.errors import ConfigError

if TYPE_CHECKING:
    from atrous.runtime.tiles import TileSettings
from atrous.runtime.sources import Shard

JsonFlag: TypeAlias = Annotated[
    bool, Parameter(name="--json", negative="", help="Print one JSON object as the result.")
]
QuietFlag: TypeAlias = Annotated[
    bool, Parameter(name=("--quiet", "-q"), negative="", help="Print results and failures only.")
]
OverwriteFlag: TypeAlias = Annotated[
    bool, Parameter(negative="", help="Replace files that are there already.")
]
ModelOption: TypeAlias = Annotated[
    str | None,
    Parameter(
        name=("--model", "-m"),
        help="Shipped model by name, an .onnx or .safetensors file, or a run folder. "
        "Default: the shipped street-scene model.",
    ),
]
ScalesOption: TypeAlias = Annotated[
    str,
    Parameter(
        help="Sizes whose softmax is averaged, as factors joined by commas, such as 0.75,1,1.25."
    ),
]
FlipFlag: TypeAlias = Annotated[
    bool, Parameter(negative="", help="Also see each scale mirrored, and average.")
]
EvalCropSizeOption: TypeAlias = Annotated[
    str | None,
    Parameter(
        help="See pictures at their own size, filled up to HEIGHTxWIDTH with the mean pixel, as "
        "published numbers were measured: 513x513 on PASCAL VOC, 1025x2049 on Cityscapes."
    ),
]
SlideOption: TypeAlias = Annotated[
    str | None,
    Parameter(
        help="See pictures in overlapping windows of HEIGHTxWIDTH, best the crop size of the "
        "training, and average their logits."
    ),
]
MaxMemoryOption: TypeAlias = Annotated[
    str | None,
    Parameter(
        help="Memory that prediction may take, such as 800MB or 1.5GB; larger pictures are seen "
        "in tiles. Default: half of what is free."
    ),
]
TileOption: TypeAlias = Annotated[
    int | None,
    Parameter(
        help="See pictures in tiles of at most this side, in pixels that the network sees, however "
        "much memory there is."
    ),
]
OverlapOption: TypeAlias = Annotated[
    int | None,
    Parameter(help="Pixels that neighbouring tiles share. Default: 128, or a quarter of a tile."),
]
EngineOption: TypeAlias = Annotated[
    str,
    Parameter(
        help="What runs the network: auto, onnx, openvino, torch or torch-compile. 'atrous doctor' "
        "says what auto takes and why."
    ),
]
PrecisionOption: TypeAlias = Annotated[
    str,
    Parameter(
        help="In what the network is computed: fp32, or bf16 and fp16, which are faster where the "
        "machine can and change a few labels."
    ),
]
ThreadsOption: TypeAlias = Annotated[
    int,
    Parameter(
        help="Threads for the network; 0 for one for each core that this process may use.",
        validator=Number(gte=0, lte=1024),
    ),
]
WorkersOption: TypeAlias = Annotated[
    int,
    Parameter(
        help="Processes that read files; 0 for one for each core.",
        validator=Number(gte=0, lte=256),
    ),
]


def parse_scales(text: str) -> tuple[float, ...]:
    """Factors from ``0.75,1,1.25``.

    Raises:
        ConfigError: If one is not a number.
    """
    try:
        return tuple(float(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise ConfigError(
            f"--scales takes numbers joined by commas, such as 0.75,1,1.25, not {text!r}"
        ) from None


def parse_list(flag: str, text: str) -> list[str]:
    """The different parts of ``a,b,c``.

    Raises:
        ConfigError: If there is none.
    """
    parts = list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not parts:
        raise ConfigError(f"{flag} takes values joined by commas, not {text!r}")
    return parts


def parse_tiles(max_memory: str | None, tile: int | None, overlap: int | None) -> "TileSettings":
    """When pictures are seen in tiles, from the three options.

    Raises:
        ConfigError: If one is not possible.
    """
    from atrous.runtime.footprint import parse_memory
    from atrous.runtime.tiles import TileSettings

    return TileSettings(max_memory=parse_memory(max_memory), tile=tile, overlap=overlap)


def parse_size(text: str | None) -> tuple[int, int] | None:
    """Height and width from ``513x513``; None from None.

    Raises:
        ConfigError: If it is not two sides from 1 to 100000.
    """
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,6})x(\d{1,6})", text)
    size = (int(match[1]), int(match[2])) if match else (0, 0)
    if not all(1 <= side <= 100_000 for side in size):
        raise ConfigError(f"a size is HEIGHTxWIDTH, such as 513x513, not {text!r}")
    return size


def parse_shard(text: str | None) -> Shard:
    """A share from ``2/4``; the whole from None.

    Raises:
        ConfigError: If it is not two numbers, the first from 1 to the second.
    """
    if text is None:
        return Shard()
    match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text)
    index, count = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 1 <= index <= count:
        raise ConfigError(f"--shard takes I/N with I from 1 to N, such as 2/4, not {text!r}")
    return Shard(index, count)
