"""One process at a time writes a run folder."""

import contextlib
import errno
import json
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from accelerate import Accelerator
from accelerate.utils import broadcast_object_list

from atrous.errors import ResourceError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

LOCK = "lock"
_MAX_CHARACTERS = 1000
_HELD = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)
_FAR = 1 << 30
"""Where Windows locks a byte, behind the text, which others want to read."""


@contextlib.contextmanager
def held_folder(out: Path, *, resume: bool) -> Iterator[None]:
    """Make a run folder, or go back to one, and keep other processes out until the block is left.

    The lock is the operating system's and ends with the process, in whatever way that ends. It is
    of the kind that child processes do not inherit, so that no reader of data outlives it with the
    lock. A new folder that is empty when the block is left goes again.

    Args:
        out: The run folder.
        resume: Whether it has to be there, rather than must not.

    Raises:
        ResourceError: If it is there and shall not be resumed, or the other way round, or another
            process writes it, or it cannot be written.
    """
    _enter(out, resume=resume)
    try:
        with _locked(out / LOCK):
            yield
    finally:
        if not resume:
            with contextlib.suppress(OSError):
                out.rmdir()


def _enter(out: Path, *, resume: bool) -> None:
    if resume:
        if not out.is_dir():
            raise ResourceError(f"{out}: nothing to resume there")
        return
    if out.exists():  # also where the folder above it cannot be written
        raise ResourceError(f"{out}: is there already; give another --out, or --resume")
    try:
        out.mkdir(parents=True)
    except OSError as error:
        raise ResourceError(f"{out}: cannot be written ({error.strerror})") from None


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """A locked file that says who holds it, and is gone afterwards."""
    try:
        file = _lock(path)
    except OSError as error:
        if error.errno in _HELD:
            raise ResourceError(
                f"{path.parent}: {_holder(path)} is training into it; wait for its end or stop it, "
                "or give another --out"
            ) from None
        raise ResourceError(f"{path}: cannot be locked ({error.strerror})") from None
    try:
        file.truncate(0)
        json.dump({"process": os.getpid(), "host": socket.gethostname()}, file)
        file.flush()
        yield
    finally:
        with contextlib.suppress(OSError):
            path.unlink()  # while it is still locked, so that nobody else's goes
        with contextlib.suppress(OSError):
            file.close()


def _lock(path: Path) -> IO[str]:
    """Open and lock a file that is still at its path then."""
    while True:
        file = _open(path)
        try:
            _lock_open(file)
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
        except FileNotFoundError:
            pass  # whoever held it has just left and taken the file along
        except OSError:
            file.close()
            raise
        file.close()


def _open(path: Path) -> IO[str]:
    try:
        return path.open("a+", encoding="utf-8")
    except OSError as error:
        raise ResourceError(f"{path}: cannot be written ({error.strerror})") from None


def _lock_open(file: IO[str]) -> None:
    if sys.platform == "win32":
        file.seek(_FAR)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _holder(path: Path) -> str:
    """Who the lock file says it is."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            found = json.loads(file.read(_MAX_CHARACTERS))
        return f"process {int(found['process'])} on {str(found['host'])[:80]!r}"
    except (OSError, ValueError, LookupError, TypeError):
        return "another process"


def take_folder(out: Path, stack: ExitStack, accelerator: Accelerator, *, resume: bool) -> None:
    """Let the first process hold the folder; what hinders it is an error of all."""
    problems: list[str | None] = [None]
    if accelerator.is_main_process:
        try:
            stack.enter_context(held_folder(out, resume=resume))
        except ResourceError as error:
            problems = [str(error)]
    problem = broadcast_object_list(problems)[0]
    if problem:
        raise ResourceError(problem)
