"""What a run says of its pace."""

import pytest

from atrous.cli.run_display import Pace, RunDisplay
from atrous.cli.terminal import Meter, Terminal
from atrous.engine.evaluate import Evaluation
from atrous.engine.train import Progress
from atrous.models.build import build_model
from atrous.models.config import ModelConfig
from atrous.runtime.card import ModelCard
from atrous.weights.model_file import save_model


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


def take(pace: Pace, clock: Clock, *, steps: int, seconds: float) -> None:
    for _ in range(steps):
        clock.now += seconds
        pace.stepped(images=8)


def test_speed_is_that_of_the_last_steps(clock):
    pace = Pace(clock)
    take(pace, clock, steps=100, seconds=10)
    take(pace, clock, steps=50, seconds=2)

    assert pace.images_per_second == pytest.approx(4)
    assert pace.seconds_left(100) == pytest.approx(200)


def test_a_measurement_is_no_part_of_the_speed_but_of_what_is_left(clock):
    pace = Pace(clock)
    take(pace, clock, steps=10, seconds=1)
    clock.now += 30
    pace.measured()
    take(pace, clock, steps=4, seconds=1)

    assert pace.images_per_second == pytest.approx(8)
    # 16 steps of 1 s; measurements after 6 and after 16 of them, 30 s each
    assert pace.seconds_left(16) == pytest.approx(16 + 2 * 30)


def test_nothing_is_claimed_before_the_first_step(clock):
    assert Pace(clock).seconds_left(1000) == 0
    assert Pace(clock).images_per_second == 0


def scored(mean_iou: float) -> Evaluation:
    return Evaluation(mean_iou, 0.9, {}, 4, 0.5, 0.5, 0.5)


def display() -> RunDisplay:
    return RunDisplay(Terminal(as_json=False, quiet=False), Meter(None, quiet=False))


class Bar(Meter):
    """A bar that remembers what it stands at."""

    def __init__(self) -> None:
        super().__init__(None, quiet=True)
        self.text = ""

    def status(self, text: str) -> None:
        self.text = text


def test_the_bar_counts_the_pictures_while_they_are_measured(tmp_path):
    bar = Bar()
    shown = RunDisplay(Terminal(as_json=False, quiet=True), bar)
    shown.started(steps=2, steps_done=0, run=tmp_path)
    shown.measuring(3, 8)

    assert bar.text == "measuring picture 3 of 8"


def test_a_line_says_where_the_run_is_and_what_it_has_reached(tmp_path, capsys):
    shown = display()
    shown.started(steps=2, steps_done=0, run=tmp_path)
    shown.evaluated(1, scored(0.5))
    shown.stepped(Progress(1, 2, 0.25, 0.01, 4, 1.0))
    lines = capsys.readouterr().err.splitlines()

    assert lines[0].startswith("training 2 steps into ")
    assert lines[1] == "epoch 1: mIoU 50.00%, pixel accuracy 90.00%, the best so far"
    assert lines[2].startswith("step 2/2  epoch 2  loss 0.250  mIoU 50.0%  ")


def test_a_resumed_run_knows_its_best(tmp_path, capsys):
    config = ModelConfig(encoder="mobilenetv2_035", num_classes=2, decoder_channels=8)
    card = ModelCard(name="x", classes=("a", "b"), palette=((0, 0, 0), (1, 1, 1)))
    card = card.model_copy(
        update={"architecture": config.model_dump(), "result": {"mean_iou": 0.6}}
    )
    save_model(tmp_path / "best.safetensors", build_model(config), card)
    shown = display()
    shown.started(steps=2, steps_done=1, run=tmp_path)
    shown.evaluated(2, scored(0.55))

    assert "the best so far" not in capsys.readouterr().err
