"""How much memory a network takes on a picture, and how much there is."""

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from atrous.errors import ConfigError
from atrous.runtime.machine import free_memory

_UNITS: Mapping[str, int] = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}
_PER_PIXEL: Mapping[str, int] = {
    "mobilenetv2": 410,
    "mobilenetv3": 160,
    "resnet": 350,
    "xception": 530,
}
"""Bytes for each pixel at output stride 16, by how the encoder's name begins: the rise of the
process's peak on ONNX Runtime, rounded up (docs/large-pictures.md)."""
_OTHER = 600
"""For encoders that were not measured."""
_DENSER: Mapping[int, float] = {8: 1.3}
"""What an output stride multiplies that by."""
_TORCH = 1.4
"""What torch, operation by operation, multiplies that by."""
_LOGITS = 4 / 16 * 2
"""Bytes for each pixel and class: float logits at stride 4, and their interpolation."""
_UNKNOWN_PROCESS = 300 << 20
"""Of a process whose size the system does not tell."""


def bytes_per_pixel(architecture: Mapping[str, Any], num_classes: int, engine: str) -> float:
    """What a network takes for each pixel of what it sees, at its peak.

    Args:
        architecture: Of a model's card.
        num_classes: Channels of its logits.
        engine: Name of what runs it.
    """
    encoder, stride = architecture.get("encoder"), architecture.get("output_stride")
    known = [count for name, count in _PER_PIXEL.items() if str(encoder).startswith(name)]
    features = (known[0] if known else _OTHER) * _DENSER.get(stride or 16, 1.0)
    return features * (_TORCH if engine.startswith("torch") else 1.0) + _LOGITS * num_classes


def default_budget() -> int:
    """Half of what is free, and what this process has already."""
    return free_memory() // 2 + resident_bytes()


def resident_bytes() -> int:
    """Memory that this process holds."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return _UNKNOWN_PROCESS
    return pages * 4096


def parse_memory(text: str | None) -> int | None:
    """Bytes from ``1GB``, ``1.5 GiB``, ``800m`` or a plain number; None from None.

    All units are powers of 1024.

    Examples:
        >>> parse_memory("1.5 GB") == 3 << 29
        True

    Raises:
        ConfigError: If it is not an amount of memory.
    """
    if text is None:
        return None
    match = re.fullmatch(r"\s*(\d{1,12}(?:\.\d{1,6})?)\s*([KMGT]?)(?:i?B)?\s*", text, re.IGNORECASE)
    amount = float(match[1]) * (1 << _UNITS[match[2].upper()]) if match else 0.0
    if not 1 <= amount <= sys.maxsize:
        raise ConfigError(f"memory is given as 800MB or 1.5GB, not {text!r}")
    return int(amount)
