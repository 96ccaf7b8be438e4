"""A worker that dies or hangs is told with the picture it was at."""

import multiprocessing
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from torch.utils.data import DataLoader

from atrous.bands import RGB8, PixelKind
from atrous.data.layout import Split
from atrous.data.loader import Normalization, Samples, StepSampler, training_batches
from atrous.data.sample import NoLabels, Pair
from atrous.data.watch import Watch
from atrous.errors import ResourceError
from atrous.labels import numbered_label_set

# The signal of a death is raised as an error wherever the process is just then: also where Python
# can only print it, such as in a callback of the garbage collector or while a socket is closed.
pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@dataclass(frozen=True)
class Picture:
    """A picture that is read in no time, in a very long one, or never."""

    path: Path
    fate: str = "read"

    def read(self, kind: PixelKind | None = RGB8) -> np.ndarray:  # noqa: ARG002
        if self.fate == "hang":
            time.sleep(3)
        if self.fate == "exit":
            os._exit(3)
        if self.fate == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.fate == "raise":
            raise RuntimeError("a mistake of ours")
        return np.zeros((8, 8, 3), np.uint8)


def samples(fate: str, *, workers: int) -> Samples:
    """Eight pictures, of which the sixth has a fate."""
    pictures = [Picture(Path(f"p{i}.png"), fate if i == 5 else "read") for i in range(8)]
    pairs = tuple(Pair(p.path.stem, p, NoLabels(p.path, 255)) for p in pictures)
    split = Split("made up", "train", numbered_label_set(2, ignore_index=255), pairs)
    watched = Samples(split, seed=0, normalization=Normalization(), augment=None)
    watched.watch = Watch(workers)
    return watched


def read_all(watched: Samples, *, workers: int) -> None:
    keys = [(0, index) for index in range(8)]
    loader = DataLoader(
        watched,
        batch_size=2,
        sampler=keys,
        num_workers=workers,
        timeout=1 if workers else 0,
    )
    with watched.watch.named(watched.pairs.pairs):
        for _ in loader:
            pass


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("fate", ["exit", "kill"])
def test_a_worker_that_dies_names_the_picture_it_read(fate, workers):
    # What torch sees first is a matter of luck: a signal, a process that is gone, a cut connection.
    how = "(killed by signal: Killed|exited unexpectedly.*|died)"
    with pytest.raises(ResourceError, match=rf"{how} while it read p5\.png\. .*\[data\] workers"):
        read_all(samples(fate, workers=workers), workers=workers)


def test_a_worker_that_hangs_names_the_picture_it_reads():
    with pytest.raises(ResourceError, match=r"^p5\.png: has been read for [1-9] seconds"):
        read_all(samples("hang", workers=2), workers=2)


def test_a_death_between_two_pictures_is_told_without_a_name():
    watched = samples("read", workers=1)

    with (
        pytest.raises(ResourceError, match=r"exited unexpectedly\. The system kills"),
        watched.watch.named(watched.pairs.pairs),
    ):
        raise RuntimeError("DataLoader worker (pid(s) 1, 23) exited unexpectedly")


def test_waiting_in_vain_for_idle_workers_is_told_too():
    watched = samples("read", workers=1)

    with (
        pytest.raises(ResourceError, match=r"no process reads a picture; try \[data\] workers = 0"),
        watched.watch.named(watched.pairs.pairs),
    ):
        raise RuntimeError("DataLoader timed out after 2 seconds")


def test_after_a_death_was_told_the_end_of_other_processes_is_no_matter():
    with pytest.raises(ResourceError):
        read_all(samples("exit", workers=2), workers=2)

    assert not multiprocessing.active_children()
    os.kill(os.getpid(), signal.SIGCHLD)  # what the system sends when some process ends


@pytest.mark.parametrize("workers", [0, 1])
def test_other_errors_are_left_alone(workers):
    with pytest.raises(RuntimeError, match="a mistake of ours"):
        read_all(samples("raise", workers=workers), workers=workers)


@pytest.mark.parametrize("workers", [0, 2])
def test_what_goes_well_is_not_disturbed(workers):
    read_all(samples("read", workers=workers), workers=workers)


def test_training_batches_are_watched():
    watched = samples("exit", workers=0)
    loader = training_batches(watched, StepSampler(8, seed=0, batch_size=2), workers=1)

    assert loader.timeout > 0
    with (
        pytest.raises(ResourceError, match=r"while it read p5\.png"),
        watched.watch.named(watched.pairs.pairs),
    ):
        list(loader)
