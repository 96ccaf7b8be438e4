"""Two processes train what one trains with the same batch, and count the same pixels."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from conftest import write_camvid_like

PROGRAM = """
import json, os, sys
from pathlib import Path

import numpy as np
import torch

from atrous.cli.run_report import RunReport
from atrous.data.loader import Normalization
from atrous.models.segmenter import Segmenter
from atrous.models.torch_engine import TorchEngine
from atrous.recipes.journal import Onlookers
from atrous.recipes import assemble as parts_module
from atrous.recipes import run as run_module
from journeys.tiny import Notes, tiny

torch.set_num_threads(1)
torch.nn.Dropout.forward = lambda module, x: x  # every process would drop other values

# In float32 the gradients of this network change in their third digit when the pictures of a batch
# change places; in float64 only a real difference shows.
build, apply, measure = parts_module.build_model, Normalization.apply, run_module.measure_together
parts_module.build_model = lambda config: build(config).double()
Normalization.apply = lambda *given: apply(*given).double()

class Double(TorchEngine):
    def run(self, images):
        return super().run(images.astype(np.float64))

run_module.TorchEngine = Double
told = {}

def remember(*given, **named):
    matrix, images = measure(*given, **named)
    told.update(counts=matrix.counts.tolist(), images=images)
    return matrix, images

run_module.measure_together = remember
data, out, rank = Path(sys.argv[1]), Path(sys.argv[2]), os.environ.get("RANK", "0")
settings = json.loads(sys.argv[3])
if rank == settings.pop("short_of_memory", None):
    forward = Segmenter.forward

    def short(network, images):
        if network.training and len(images) > 1:
            raise torch.OutOfMemoryError("made up")
        return forward(network, images)

    Segmenter.forward = short

recipe = tiny(steps=4, batch_size=4, optimizer="sgd", **settings)
notes, report = Notes(), RunReport()
run_module.run_training(
    recipe,
    data,
    out=out,
    name="tiny",
    reporter=notes,
    onlookers=Onlookers(at_the_end=report.watchers),
)
if rank == "0":
    report.write(out, name="tiny", split="val")
told |= {"losses": [step.loss for step in notes.steps], "sentences": notes.sentences}
Path(f"{out}-{rank}.json").write_text(json.dumps(told))
"""


def train(data: Path, out: Path, *, processes: int, **settings: object) -> list[dict]:
    """Train in so many processes, and give what each of them tells."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = []
    for rank in range(processes):
        shared = {"WORLD_SIZE": processes, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        own = {"RANK": rank, "LOCAL_RANK": rank, "LOCAL_WORLD_SIZE": processes}
        there = {**shared, **own} if processes > 1 else {}
        environment = {
            **os.environ,
            **{key: str(value) for key, value in there.items()},
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        }
        command = [sys.executable, "-c", PROGRAM, str(data), str(out), json.dumps(settings)]
        started.append(subprocess.Popen(command, env=environment))
    assert [process.wait(120) for process in started] == [0] * processes
    return [json.loads(Path(f"{out}-{rank}.json").read_text()) for rank in range(processes)]


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """An odd number of pictures, of which two processes cannot measure as many each."""
    return write_camvid_like(tmp_path_factory.mktemp("data") / "camvid", images=9)


def test_two_processes_get_the_weights_of_one_and_measure_alike(data, tmp_path):
    settings = {"device_batch": None, "sync_norms": True}
    (alone,) = train(data, tmp_path / "alone", processes=1, **settings)
    first, second = train(data, tmp_path / "two", processes=2, **settings)

    # The loss is taken of logits in float32: it may differ in their last digit.
    np.testing.assert_allclose(first["losses"], alone["losses"], rtol=1e-6)
    assert first["counts"] == second["counts"] == alone["counts"]
    assert first["images"] == alone["images"] == 9
    assert_alike(tmp_path / "alone", tmp_path / "two")
    alone, two = (read_report(tmp_path / name) for name in ("alone", "two"))
    assert two["data"] == alone["data"]  # with the fingerprint of all labels
    assert two["scores"] == alone["scores"]
    assert two["data"]["fingerprint"] in (tmp_path / "two" / "README.md").read_text()


def test_all_processes_see_fewer_samples_at_once_where_one_is_short_of_memory(data, tmp_path):
    # Norms by running statistics: the gradients of a step do not depend on how it is split.
    settings = {"device_batch": None, "norms": "frozen_statistics"}
    train(data, tmp_path / "alone", processes=1, **settings)
    first, _ = train(data, tmp_path / "two", processes=2, short_of_memory="1", **settings)

    halved = "not enough memory for 2 samples at once; going on with 1 at once"
    assert any(sentence.startswith(halved) for sentence in first["sentences"])
    assert_alike(tmp_path / "alone", tmp_path / "two")


def test_weights_that_are_split_over_processes_are_those_of_one(data, tmp_path):
    settings = {"device_batch": None, "sync_norms": True}
    (alone,) = train(data, tmp_path / "alone", processes=1, **settings)
    first, _ = train(data, tmp_path / "split", processes=2, shard=True, **settings)

    np.testing.assert_allclose(first["losses"], alone["losses"], rtol=1e-6)
    assert first["counts"] == alone["counts"]
    assert_alike(tmp_path / "alone", tmp_path / "split")


def assert_alike(one: Path, other: Path) -> None:
    expected = load_file(one / "last.safetensors")
    for name, tensor in load_file(other / "last.safetensors").items():
        torch.testing.assert_close(tensor, expected[name], rtol=1e-5, atol=1e-6, msg=name)


def read_report(run: Path) -> dict:
    return json.loads((run / "report.json").read_text())
