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

from atrous.data.loader import Normalization
from atrous.models.torch_engine import TorchEngine
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
data, out, device_batch = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
recipe = tiny(steps=4, batch_size=4, device_batch=device_batch, optimizer="sgd", sync_norms=True)
notes = Notes()
run_module.run_training(recipe, data, out=out, name="tiny", reporter=notes)
told["losses"] = [step.loss for step in notes.steps]
Path(f"{out}-{os.environ.get('RANK', '0')}.json").write_text(json.dumps(told))
"""


def train(data: Path, out: Path, *, device_batch: int, processes: int) -> list[dict]:
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
        command = [sys.executable, "-c", PROGRAM, str(data), str(out), str(device_batch)]
        started.append(subprocess.Popen(command, env=environment))
    assert [process.wait(120) for process in started] == [0] * processes
    return [json.loads(Path(f"{out}-{rank}.json").read_text()) for rank in range(processes)]


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """An odd number of pictures, of which two processes cannot measure as many each."""
    return write_camvid_like(tmp_path_factory.mktemp("data") / "camvid", images=9)


def test_two_processes_get_the_weights_of_one_and_measure_alike(data, tmp_path):
    (alone,) = train(data, tmp_path / "alone", device_batch=4, processes=1)
    first, second = train(data, tmp_path / "two", device_batch=2, processes=2)

    # The loss is taken of logits in float32: it may differ in their last digit.
    np.testing.assert_allclose(first["losses"], alone["losses"], rtol=1e-6)
    assert first["counts"] == second["counts"] == alone["counts"]
    assert first["images"] == alone["images"] == 9
    expected = load_file(tmp_path / "alone" / "last.safetensors")
    for name, tensor in load_file(tmp_path / "two" / "last.safetensors").items():
        torch.testing.assert_close(tensor, expected[name], rtol=1e-5, atol=1e-6, msg=name)
