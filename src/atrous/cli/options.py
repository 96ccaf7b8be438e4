"""Options that several commands share."""

from typing import Annotated, TypeAlias

from cyclopts import Parameter
from cyclopts.validators import Number

from atrous.errors import ConfigError

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
ThreadsOption: TypeAlias = Annotated[
    int,
    Parameter(
        help="Threads for the network; 0 for one for each core.",
        validator=Number(gte=0, lte=1024),
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
