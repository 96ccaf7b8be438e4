"""What of this machine a process may use: cores and memory."""

import contextlib
import math
import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path

_GROUPS = Path("/sys/fs/cgroup")
_NO_LIMIT = 1 << 60


def usable_cores(
    cpus: Path = Path("/sys/devices/system/cpu"),
    group: Path = _GROUPS,
    member: Path = Path("/proc/self/cgroup"),
) -> int:
    """Cores that this process may keep busy, at least 1.

    Those are the physical cores of the processors that it is allowed on, since a second thread on
    the same core brings a network nothing; and no more than a container's quota pays for.

    Args:
        cpus: What Linux says of the processors.
        group: Where its control groups are mounted.
        member: Which of them this process is in.
    """
    if sys.platform != "linux":
        return os.cpu_count() or 1
    cores = {_core_of(cpus / f"cpu{index}", index) for index in os.sched_getaffinity(0)}
    return max(min([len(cores), *(math.ceil(quota) for quota in _quotas(group, member))]), 1)


def free_memory(proc: Path = Path("/proc/meminfo"), group: Path = _GROUPS) -> int:
    """Bytes that a process can take, those of a container's limit where there is one.

    Args:
        proc: What Linux says of the machine's memory.
        group: What it says of the control group.
    """
    with contextlib.suppress(OSError, ValueError, StopIteration):
        lines = (line.split() for line in proc.read_text().splitlines())
        machine = next(int(words[1]) * 1024 for words in lines if words[0] == "MemAvailable:")
        return min(machine, _left_to_group(group))
    with contextlib.suppress(OSError, ValueError, AttributeError):
        # Half of all, where the system does not say how much is free.
        return total_memory() // 2
    return 4 << 30


def total_memory() -> int:
    """Bytes of memory that the machine has.

    Raises:
        OSError, ValueError, AttributeError: If the system does not say.
    """
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _core_of(cpu: Path, index: int) -> str:
    """What the processors of one core have in common; of one that is not told, itself."""
    with contextlib.suppress(OSError):
        return (cpu / "topology" / "thread_siblings_list").read_text().strip()
    return str(index)


def _quotas(group: Path, member: Path) -> Iterator[float]:
    """How many processors' time each control group of this process may use."""
    with contextlib.suppress(OSError):
        for line in member.read_text().splitlines():
            _, controllers, place = line.split(":", 2)
            if controllers and "cpu" not in controllers.split(","):
                continue
            mount = group / "cpu" if controllers else group
            path = Path(place.lstrip("/"))
            # In a container the path may be the host's; then what is mounted is the group itself.
            for part in (path, *path.parents):
                yield from _quota_of(mount / part)


def _quota_of(folder: Path) -> Iterator[float]:
    with contextlib.suppress(OSError, ValueError):  # version 2; "max" is no limit
        quota, period = (folder / "cpu.max").read_text().split()
        yield int(quota) / int(period)
    with contextlib.suppress(OSError, ValueError):  # version 1; -1 is no limit
        allowed = int((folder / "cpu.cfs_quota_us").read_text())
        if allowed > 0:
            yield allowed / int((folder / "cpu.cfs_period_us").read_text())


def _left_to_group(group: Path) -> int:
    with contextlib.suppress(OSError, ValueError):  # "max", or no such file: no limit
        limit = int((group / "memory.max").read_text())
        return max(limit - int((group / "memory.current").read_text()), 0)
    return _NO_LIMIT


def processor_name(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """What the processor calls itself.

    Args:
        cpuinfo: What Linux says of the processors.
    """
    try:
        lines = cpuinfo.read_text().splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.processor() or platform.machine() or "unknown processor"
