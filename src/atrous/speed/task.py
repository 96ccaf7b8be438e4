"""What is measured: a model, how it is run, and a picture."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True)
class Task:
    """One way to segment one picture."""

    model: str
    """A model file."""
    picture: str = ""
    """A picture that the model reads; empty for one that is made up."""
    size: tuple[int, int] | None = None
    """Height and width of the picture that is made up."""
    engine: str = "auto"
    """See `atrous.weights.engines.ENGINES`."""
    precision: str = "fp32"
    """In what the network is computed."""
    threads: int = 1
    """For the network."""
    flip: bool = False
    """Whether the picture is also seen mirrored."""
    longest_side: int | None = None
    """At which the network sees pictures; None as the model's card says."""

    def to_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, line: str) -> Self:
        """What `to_json` wrote."""
        values = json.loads(line)
        return cls(**values | {"size": values["size"] and tuple(values["size"])})


@dataclass(frozen=True)
class Facts:
    """What is known of a task once its model is open."""

    engine: str
    """As the engine calls itself."""
    size: tuple[int, int]
    """Height and width of the picture."""
    seen: tuple[int, ...]
    """Shape of what the network is given: (1, C, h, w)."""
    peak_bytes: int | None
    """Most memory that the process has held so far; None where the system does not say."""


def peak_bytes(status: Path = Path("/proc/self/status")) -> int | None:
    """The most memory that this process has held; None where the system does not say.

    The system's own record of a process (``ru_maxrss``) begins with that of the process that
    started it; Linux has a second one, which does not.
    """
    try:
        lines = status.read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), None)
