import platform
import subprocess
import sys

import pytest

glibc_only = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="only glibc's allocator can be told"
)
PROGRAM = """
import os, sys
import numpy as np
from atrous.engine.memory import keep_freed_memory

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGESIZE") >> 20

told = keep_freed_memory() if sys.argv[1] == "kept" else None
before = resident()
block = np.ones(300 << 20, np.uint8)
del block
print(told, resident() - before)
"""


def run(mode):
    command = [sys.executable, "-c", PROGRAM, mode]
    told, growth = subprocess.check_output(command, text=True).split()
    return told, int(growth)


@glibc_only
def test_freed_memory_stays_with_the_process():
    told, mebibytes = run("kept")

    assert told == "True"
    assert mebibytes > 250


@glibc_only
def test_without_it_the_memory_goes_back():
    assert run("given back")[1] < 50
