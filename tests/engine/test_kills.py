"""``kill -9`` at random moments of saving; ``ATROUS_KILLS=100`` in the environment for many."""

import multiprocessing
import os
import time
from pathlib import Path

import numpy as np
import torch

from atrous.engine.checkpoint import Checkpoint, load_newest, save_checkpoint

KILLS = int(os.environ.get("ATROUS_KILLS", "8"))


def save_for_ever(folder: Path, step: int, saved) -> None:
    """Save step after step, each one twice as at the end of an epoch, and tell what is saved."""
    while True:
        for _ in range(2):
            state = {"weight": torch.full((50_000,), float(step))}
            save_checkpoint(folder, Checkpoint(step, state, {}))
            saved.send(step)
        step += 1


def test_the_newest_state_outlives_kills_at_random_moments(tmp_path):
    numbers, newest = np.random.default_rng(0), 0
    for _ in range(KILLS):
        told, saved = multiprocessing.Pipe(duplex=False)
        arguments = (tmp_path, newest + 1, saved)
        process = multiprocessing.get_context("fork").Process(target=save_for_ever, args=arguments)
        process.start()
        told.recv()
        time.sleep(numbers.uniform(0, 0.1))
        process.kill()
        process.join()
        while told.poll():
            newest = told.recv()

        found = load_newest(tmp_path)
        assert found is not None
        assert found.step >= newest
        assert (found.state["weight"] == found.step).all()
        newest = found.step
        told.close()
        saved.close()
