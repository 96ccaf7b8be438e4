"""What goes wrong in training is told in a sentence, and costs nothing that was there before."""

import csv
import errno
import os
import resource
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from atrous.data.loader import Batch, Normalization
from atrous.engine.train import split
from atrous.errors import ConfigError, ResourceError, TrainingError
from atrous.models.memory import is_out_of_memory
from atrous.models.segmenter import Segmenter
from atrous.recipes import run as run_module
from conftest import write_camvid_like
from journeys.tiny import Notes, assert_same, run, state_in, tiny


@pytest.fixture
def data(tmp_path) -> Path:
    return write_camvid_like(tmp_path / "camvid", images=6)


@pytest.fixture
def out(tmp_path) -> Path:
    return tmp_path / "run"


def short(**settings: object):
    """Two epochs of three steps of two samples."""
    return tiny(**{"steps": 6, "batch_size": 2, "device_batch": None, **settings})


def memory_for(samples: int, monkeypatch, error: type[Exception] = torch.OutOfMemoryError) -> None:
    """Let a forward pass of more samples fail where it has moved half of the norms."""
    forward = Segmenter.forward

    def limited(network: Segmenter, images: torch.Tensor) -> torch.Tensor:
        if network.training and len(images) > samples:
            network.encoder(images)
            raise error("can't allocate memory: you tried to allocate 9000000000 bytes")
        return forward(network, images)

    monkeypatch.setattr(Segmenter, "forward", limited)


@pytest.mark.parametrize("error", [torch.OutOfMemoryError, MemoryError, RuntimeError])
def test_with_little_memory_a_step_is_taken_in_parts_from_a_clean_start(
    data, out, tmp_path, monkeypatch, error
):
    run(short(batch_size=5, device_batch=2), data, tmp_path / "in parts")
    memory_for(2, monkeypatch, error)
    notes = run(short(batch_size=5), data, out)

    assert notes.sentences == [
        "not enough memory for 5 samples at once; going on with 3 at once, which still makes 5 in "
        "each step",
        "not enough memory for 3 samples at once; going on with 2 at once, which still makes 5 in "
        "each step",
    ]
    assert_same(
        load_file(out / "last.safetensors"), load_file(tmp_path / "in parts" / "last.safetensors")
    )


def test_without_memory_for_a_single_sample_it_is_said(data, out, monkeypatch):
    memory_for(0, monkeypatch)

    with pytest.raises(ResourceError, match=r"not enough memory to train on a single sample.*crop"):
        run(short(), data, out)


def test_other_errors_are_not_taken_for_lack_of_memory():
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))


def test_a_norm_that_sees_single_values_is_explained(data, out, monkeypatch):
    def refuse(*_: object) -> None:
        raise ValueError("Expected more than 1 value per channel when training, got [1, 8, 1, 1]")

    monkeypatch.setattr(Segmenter, "forward", refuse)

    with pytest.raises(ConfigError, match="no variance; train with a larger batch_size"):
        run(short(), data, out)


def test_a_compiler_that_fails_is_told_in_a_sentence(data, out, monkeypatch):
    class CppCompileError(RuntimeError):
        __module__ = "torch._inductor.exc"

    def fail(*_: object) -> None:
        raise CppCompileError("no g++ here")

    monkeypatch.setattr(Segmenter, "forward", fail)

    with pytest.raises(ConfigError, match=r"leave train\.compile false \(CppCompileError: no g"):
        run(short(), data, out)


def poison(data: Path, monkeypatch, *names: str) -> None:
    """Mark pictures by their corner, and make what is marked infinite."""
    for name in names:
        path = data / "train" / name
        pixels = np.asarray(Image.open(path)).copy()
        pixels[:] = 255
        Image.fromarray(pixels).save(path)
    apply = Normalization.apply

    def poisoned(normalization: Normalization, image: np.ndarray) -> torch.Tensor:
        return apply(normalization, image) * (float("inf") if image.min() == 255 else 1.0)

    monkeypatch.setattr(Normalization, "apply", poisoned)


NO_PADDING = {"scale": (1.0, 1.0), "crop_size": (40, 48)}


def unpadded(**settings: object):
    recipe = short(**settings)
    return recipe.model_copy(update={"data": recipe.data.model_copy(update=NO_PADDING)})


def test_a_step_that_is_not_finite_is_skipped_and_its_files_are_named(data, out, monkeypatch):
    poison(data, monkeypatch, "p4.png")
    notes = run(unpadded(), data, out)

    bad = [progress for progress in notes.steps if progress.skipped]
    assert len(bad) == 2  # once in each epoch
    assert all(f"{data}/train/p4.png" in sentence for sentence in notes.sentences)
    with (out / "skipped.csv").open(newline="") as file:
        assert len(list(csv.reader(file))) == 4
    assert all(value.isfinite().all() for value in load_file(out / "last.safetensors").values())


def test_a_skipped_step_leaves_the_network_as_it_was(data, out, monkeypatch):
    poison(data, monkeypatch, *(f"p{index}.png" for index in range(6)))
    before: list[dict] = []

    def started(trainee) -> None:
        before.append({k: v.clone() for k, v in trainee.network.state_dict().items()})

    build = run_module.assemble

    def building(*given):
        built = build(*given)
        started(built.trainee)
        return built

    monkeypatch.setattr(run_module, "assemble", building)
    run(unpadded(steps=3, ema_decay=0.0), data, out)

    assert_same(load_file(out / "last.safetensors"), before[0])


def test_too_many_bad_steps_end_the_run_with_the_last_good_state(data, out, monkeypatch):
    poison(data, monkeypatch, *(f"p{index}.png" for index in range(6)))

    with pytest.raises(TrainingError, match=r"step 3: loss nan.*p\d\.png.*3 steps were skipped"):
        run(unpadded(max_bad_steps=2), data, out)
    state = state_in(out)
    assert all(value.isfinite().all() for value in state["model"].values())
    assert state["position"]["bad_steps"] == 3


def test_a_long_gradient_is_shortened(data, out):
    notes = run(short(steps=1, clip_norm=1e-9, optimizer="sgd", weight_decay=0.0), data, out)
    state = state_in(out)

    assert notes.steps[0].gradient_norm > 0.1
    moments = [entry["momentum_buffer"] for entry in state["optimizer"]["state"].values()]
    assert torch.linalg.vector_norm(torch.cat([m.flatten() for m in moments])) <= 1.01e-9


def test_steps_instead_of_epochs_end_within_an_epoch(data, out):
    notes = run(short(steps=4), data, out)

    assert [progress.step for progress in notes.steps] == [1, 2, 3, 4]
    assert [progress.epoch for progress in notes.steps] == [0, 0, 0, 1]


@pytest.mark.parametrize(("samples", "at_most", "sizes"), [(5, 2, [2, 2, 1]), (4, None, [4])])
def test_parts_differ_by_at_most_one_sample(samples, at_most, sizes):
    batch = Batch(torch.zeros(samples, 3, 2, 2), torch.zeros(samples, 2, 2), torch.arange(samples))

    parts = split(batch, at_most)
    assert [len(part.images) for part in parts] == sizes
    assert torch.cat([part.indices for part in parts]).tolist() == list(range(samples))


def test_a_full_disk_while_writing_loses_nothing_that_was_there(data, out, monkeypatch):
    recipe = short(evaluate_every=1)
    with pytest.raises(ResourceError):
        run(recipe, data, out, Notes(lambda progress: progress.step == 4 and fill(monkeypatch)))
    monkeypatch.undo()
    run(recipe, data, out, resume=True)

    assert [line.split(",")[0] for line in (out / "metrics.csv").read_text().splitlines()] == [
        "epoch",
        "1",
        "2",
    ]


def fill(monkeypatch) -> None:
    """From now on no file reaches the disk."""

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)


def test_a_file_that_cannot_grow_ends_the_run_with_a_sentence(data, out):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def small_files(progress) -> None:
        if progress.step == 4:
            resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))

    try:
        with pytest.raises(ResourceError, match=r"cannot be written|could not be written|disk"):
            run(short(), data, out, Notes(small_files))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert state_in(out)["position"]["step"] == 3
