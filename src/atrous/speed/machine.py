"""What a machine is, in words that belong beside every number that it gave."""

import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from atrous import __version__
from atrous.runtime.machine import processor_name, usable_cores

_PACKAGES = ("numpy", "onnxruntime", "openvino", "torch")


@dataclass(frozen=True)
class Machine:
    """Hardware and software."""

    processor: str
    cores: int
    """That this process may use."""
    system: str
    blas: str
    """What numpy multiplies matrices with."""
    packages: dict[str, str]
    """Version of each that is installed."""

    @property
    def in_words(self) -> str:
        """In one line."""
        packages = ", ".join(f"{name} {number}" for name, number in self.packages.items())
        return f"{self.processor}, {self.cores} cores; {self.system}; {packages}"


def this_machine(cpu_info: Path = Path("/proc/cpuinfo")) -> Machine:
    """The machine that this runs on.

    Args:
        cpu_info: What Linux says of the processors.
    """
    return Machine(
        processor=processor_name(cpu_info),
        cores=usable_cores(),
        system=f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        blas=_blas(),
        packages={"atrous": __version__} | dict(_versions()),
    )


def _blas() -> str:
    found = np.show_config(mode="dicts")
    blas = found.get("Build Dependencies", {}).get("blas", {}) if isinstance(found, dict) else {}
    return f"{blas.get('name', 'unknown')} {blas.get('version', '')}".strip()


def _versions() -> list[tuple[str, str]]:
    there = []
    for name in _PACKAGES:
        try:
            there.append((name, version(name)))
        except PackageNotFoundError:
            continue
    return there
