"""What a benchmark ran on, in one line."""

import os
import platform

from atrous.cli.doctor import processor_name
from atrous.runtime.machine import usable_cores


def describe_hardware() -> str:
    """Processor, cores that may be used, and the load that others put on them."""
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    return f"{processor_name()}, {usable_cores()} cores, {platform.system()}, load {load}"
