"""What a benchmark ran on, in one line."""

import os
import platform

from atrous.runtime.machine import processor_name, usable_cores


def describe_hardware() -> str:
    """Processor, cores that may be used, and the load that others put on them."""
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    return f"{processor_name()}, {usable_cores()} cores, {platform.system()}, load {load}"
