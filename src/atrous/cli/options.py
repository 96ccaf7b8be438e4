"""Options that several commands share."""

from typing import Annotated, TypeAlias

from cyclopts import Parameter
from cyclopts.validators import Number

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
ThreadsOption: TypeAlias = Annotated[
    int,
    Parameter(
        help="Threads for the network; 0 for one for each core.",
        validator=Number(gte=0, lte=1024),
    ),
]
