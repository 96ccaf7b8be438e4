"""A run that is broken off ends, once it is resumed, bit for bit where an unbroken one does."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from safetensors.torch import load_file

from atrous.cli.main import main
from atrous.engine.checkpoint import load_newest
from atrous.errors import Interrupted, WeightsError
from atrous.recipes import run as run_module
from atrous.runtime.predictor import Predictor
from conftest import write_camvid_like
from journeys.tiny import STEPS, Notes, assert_same, in_child, run, state_in, tiny

pytestmark = pytest.mark.forks


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """Ten pictures: three steps in an epoch, and one picture left out."""
    root = write_camvid_like(tmp_path_factory.mktemp("data") / "camvid", images=10)
    for path in (*root.glob("val/p[2-9].png"), *root.glob("valannot/p[2-9].png")):
        path.unlink()  # two are enough to measure
    return root


@pytest.fixture(scope="module")
def unbroken(data, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("unbroken") / "run"
    run(tiny(), data, out)
    return out


def assert_ends_like(out: Path, unbroken: Path) -> None:
    """The same state and log, and the same weights in the models; their cards tell of workers."""
    assert_same(state_in(out), state_in(unbroken))
    assert (out / "metrics.csv").read_bytes() == (unbroken / "metrics.csv").read_bytes()
    for name in ("last.safetensors", "best.safetensors"):
        assert_same(load_file(out / name), load_file(unbroken / name))


def at(step: int, number: int):
    """After a step, send this process a signal."""

    def after_step(progress) -> None:
        if progress.step == step:
            os.kill(os.getpid(), number)

    return after_step


@pytest.mark.parametrize(("before", "after"), [(0, 2), (2, 0)])
def test_twenty_steps_are_seven_and_a_kill_and_thirteen(data, unbroken, tmp_path, before, after):
    out = tmp_path / "run"
    first = tiny(workers=before, checkpoint_steps=1)
    notes = Notes(at(8, signal.SIGKILL))

    assert in_child(lambda: run(first, data, out, notes)) == -signal.SIGKILL
    resumed = run(tiny(workers=after), data, out, resume=True)

    assert resumed.steps_done == 7
    assert len(resumed.steps) == STEPS - 7
    assert_ends_like(out, unbroken)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_the_step_and_says_how_to_go_on(data, unbroken, tmp_path, number):
    out = tmp_path / "run"
    with pytest.raises(Interrupted, match=r"after step \d+ of 20, which is saved; .*--resume"):
        run(tiny(), data, out, Notes(at(7, number)))
    resumed = run(tiny(), data, out, resume=True)

    assert resumed.steps_done in {7, 8}  # the signal may be heard after one more step
    assert_ends_like(out, unbroken)


def test_a_signal_while_measuring_is_heard_and_the_measurement_is_taken_again(
    data, unbroken, tmp_path, monkeypatch
):
    out = tmp_path / "run"
    predict = Predictor.predict_pixels

    def interrupted(predictor: Predictor, pixels):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.2)  # for the listening thread
        return predict(predictor, pixels)

    with monkeypatch.context() as patch:
        patch.setattr(Predictor, "predict_pixels", interrupted)
        with pytest.raises(Interrupted, match="after step 20 of 20"):
            run(tiny(), data, out)
    resumed = run(tiny(), data, out, resume=True)

    assert resumed.steps == []
    assert_ends_like(out, unbroken)


def stuck_at(step: int):
    """A loss that never comes back from one step, as one huge operation would not in time."""
    build = run_module.loss_for
    calls = [0]

    def build_stuck(*given):
        real = build(*given)

        def loss(*at_step):
            calls[0] += 1
            if calls[0] == 2 * step:  # in its second part
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(60)
            return real(*at_step)

        return loss

    return build_stuck


def test_a_step_that_takes_too_long_is_left_and_what_was_before_it_is_saved(
    data, unbroken, tmp_path, monkeypatch
):
    out = tmp_path / "run"

    def work() -> None:
        monkeypatch.setattr(run_module, "loss_for", stuck_at(8))
        run(tiny(), data, out)

    start = time.monotonic()
    assert in_child(work, seconds=30) == 130
    assert time.monotonic() - start < 30
    resumed = run(tiny(), data, out, resume=True)

    assert resumed.steps_done == 7
    assert_ends_like(out, unbroken)


def test_a_second_signal_leaves_at_once():
    process = subprocess.Popen([sys.executable, "-c", SECOND_SIGNAL], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGINT)
    time.sleep(1.5)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=20)

    assert (process.returncode, said) == (130, b"")


SECOND_SIGNAL = """
import time
from atrous.engine.interruption import Interruption

with Interruption(lambda: print("saved", flush=True), grace=60):
    print("ready", flush=True)
    time.sleep(60)
"""


def test_the_command_ends_with_130_and_its_workers_with_it(data, tmp_path):
    recipe = tmp_path / "tiny.toml"
    recipe.write_text(RECIPE)
    command = [sys.executable, "-m", "atrous", "train", recipe, "--data", data]
    command += ["--out", tmp_path / "run", "--json"]
    process = subprocess.Popen(
        [str(word) for word in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    # Only once steps are quick: a run that does not come to its step's end in time is just ended.
    while not list((tmp_path / "run" / "checkpoints").glob("step-*[1-9]*")):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGTERM)
    said, warned = process.communicate(timeout=30)

    assert process.returncode == 130
    assert '"exit": 130' in said
    assert "--resume goes on from there" in warned
    assert "Traceback" not in warned
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)
    assert load_newest(tmp_path / "run" / "checkpoints") is not None


RECIPE = """
[model]
encoder = "mobilenetv2_035"
num_classes = 11
decoder_channels = 16
reduced_channels = 8
[data]
layout = "camvid"
crop_size = [40, 48]
workers = 2
[train]
steps = 100000
batch_size = 3
evaluate_every = 100000
checkpoint_steps = 3
"""


def test_other_settings_are_refused_with_the_difference_unless_allowed(data, unbroken, tmp_path):
    out = tmp_path / "run"
    with pytest.raises(Interrupted):
        run(tiny(), data, out, Notes(at(4, signal.SIGINT)))
    other = tiny(learning_rate=0.02)

    with pytest.raises(WeightsError, match=r"train\.learning_rate was 0\.01, is 0\.02.*--allow-ch"):
        run(other, data, out, resume=True)
    notes = run(other, data, out, resume=True, allow_changes=True)

    assert "train.learning_rate was 0.01, is 0.02" in notes.sentences[0]
    # poly: learning_rate * (1 - step / 20) ** 0.9
    first = notes.steps[0]
    assert first.learning_rate == pytest.approx(0.02 * (1 - (first.step - 1) / 20) ** 0.9)


def test_what_no_weight_depends_on_may_be_another(data, tmp_path):
    out = tmp_path / "run"
    with pytest.raises(Interrupted):
        run(tiny(), data, out, Notes(at(4, signal.SIGINT)))
    free = tiny(workers=1, evaluate_every=7, checkpoint_minutes=1.0, checkpoint_steps=50)

    assert run(free, data, out, resume=True).sentences == []


def test_the_flag_of_the_command_is_there(capsys):
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    assert "--allow-changes" in capsys.readouterr().out
