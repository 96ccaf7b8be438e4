"""A user's path through training: a run folder, an interruption, a model that has learned."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from atrous.data.detect import open_split
from atrous.engine.evaluate import Evaluation, evaluate, samples_of
from atrous.engine.train import Progress
from atrous.errors import ConfigError, DatasetError, ResourceError, WeightsError
from atrous.models.build import build_model
from atrous.models.torch_engine import TorchEngine
from atrous.recipes.recipe import Recipe, read_recipe, recipe_from
from atrous.recipes.run import run_training
from atrous.runtime.card import ModelCard
from atrous.runtime.predictor import Predictor
from atrous.weights.model_file import load_model
from journeys.tiny import in_child


class Stopped(Exception):  # noqa: N818 - not an error but an event
    """What pulls the plug in the middle of a run."""


class Notes:
    """A reporter that keeps quiet, remembers, and stops the run after a step if told to."""

    def __init__(self, *, stop_after: int | None = None) -> None:
        self.stop_after = stop_after
        self.steps: list[Progress] = []
        self.evaluations: dict[int, Evaluation] = {}
        self.steps_done = 0
        self.sentences: list[str] = []

    def started(self, *, steps: int, steps_done: int, run: Path) -> None:  # noqa: ARG002
        self.steps_done = steps_done

    def stepped(self, progress: Progress) -> None:
        self.steps.append(progress)
        if progress.step == self.stop_after:
            raise Stopped

    def measuring(self, picture: int, of: int) -> None:
        pass

    def evaluated(self, epoch: int, evaluation: Evaluation) -> None:
        self.evaluations[epoch] = evaluation

    def told(self, sentence: str) -> None:
        self.sentences.append(sentence)


def tiny_recipe(**train: object) -> Recipe:
    table = {
        "model": {
            "encoder": "mobilenetv2_035",
            "num_classes": 11,
            "output_stride": 16,
            "decoder_channels": 16,
            "reduced_channels": 8,
        },
        "data": {
            "layout": "camvid",
            "crop_size": [48, 48],
            "scale": [0.8, 1.25],
            "color_jitter": 0.2,
            "workers": 0,
        },
        "train": {
            "epochs": 3,
            "batch_size": 2,
            "optimizer": "adamw",
            "learning_rate": 0.01,
            "precision": "fp32",
            "norm_momentum": 0.3,
            **train,
        },
    }
    return recipe_from(table, where="the test")


def train(data: Path, out: Path, notes: Notes | None = None, **options: object) -> Evaluation:
    recipe = options.pop("recipe", None) or tiny_recipe()
    return run_training(recipe, data, out=out, name="tiny", reporter=notes or Notes(), **options)


def rows_of(run: Path) -> list[dict[str, str]]:
    with (run / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """So small a network only waits for a second thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "run"


def test_a_run_leaves_everything_that_it_promises(camvid_like, out):
    notes = Notes()
    found = train(camvid_like, out, notes)

    names = {path.name for path in out.iterdir()}
    assert names == {
        "README.md",
        "recipe.json",
        "recipe.toml",
        "environment.json",
        "samples",
        "metrics.csv",
        "checkpoints",
        "last.safetensors",
        "best.safetensors",
    }
    assert json.loads((out / "recipe.json").read_text())["train"]["epochs"] == 3
    assert json.loads((out / "environment.json").read_text())["torch"] == torch.__version__
    assert read_recipe(out / "recipe.toml") == tiny_recipe()
    sheets = sorted(path.name for path in (out / "samples").iterdir())
    assert sheets == ["epoch-0001.jpg", "epoch-0002.jpg", "epoch-0003.jpg"]
    assert f"**{found.mean_iou:.2%}**" in (out / "README.md").read_text()
    assert [row["epoch"] for row in rows_of(out)] == ["1", "2", "3"]
    assert [step.step for step in notes.steps] == [1, 2, 3, 4, 5, 6]
    assert np.isfinite([step.loss for step in notes.steps]).all()
    assert notes.evaluations[3] == found


def test_the_log_tells_the_mean_loss_and_the_scores(camvid_like, out):
    notes = Notes()
    train(camvid_like, out, notes, recipe=tiny_recipe(evaluate_every=2))

    first, second, third = rows_of(out)
    assert float(first["loss"]) == pytest.approx(
        (notes.steps[0].loss + notes.steps[1].loss) / 2, abs=1e-6
    )
    assert first["mean_iou"] == ""
    assert float(second["mean_iou"]) == notes.evaluations[2].mean_iou
    assert float(third["pixel_accuracy"]) == notes.evaluations[3].pixel_accuracy


def test_the_last_model_scores_what_its_card_says(camvid_like, out):
    found = train(camvid_like, out, recipe=tiny_recipe(ema_decay=0.5))
    model, card = load_model(out / "last.safetensors")

    pairs = open_split(camvid_like, "val")
    again = evaluate(Predictor(TorchEngine(model), card).predict_pixels, pairs, samples_of(pairs))

    assert card.result["mean_iou"] == again.mean_iou == found.mean_iou
    assert card.result["iou"] == again.iou
    assert card.classes == pairs.label_set.names
    assert card.recipe["train"]["ema_decay"] == 0.5


def test_the_best_model_is_the_one_of_the_best_epoch(camvid_like, out):
    notes = Notes()
    train(camvid_like, out, notes)
    scores = {epoch: found.mean_iou for epoch, found in notes.evaluations.items()}

    card = load_model(out / "best.safetensors")[1]

    assert card.result["mean_iou"] == max(scores.values())
    assert card.result["epoch"] == max(scores, key=lambda epoch: (scores[epoch], -epoch))


@pytest.mark.parametrize("ema_decay", [0.0, 0.5], ids=["plain", "average"])
@pytest.mark.parametrize("stop_after", [3, 4], ids=["early in an epoch", "before its checkpoint"])
def test_a_resumed_run_ends_bit_for_bit_where_an_unbroken_one_does(
    camvid_like, tmp_path, stop_after, ema_decay
):
    recipe = tiny_recipe(ema_decay=ema_decay)
    unbroken, broken = tmp_path / "unbroken", tmp_path / "broken"
    found = train(camvid_like, unbroken, recipe=recipe)
    with pytest.raises(Stopped):
        train(camvid_like, broken, Notes(stop_after=stop_after), recipe=recipe)
    torch.manual_seed(99)
    notes = Notes()
    resumed = train(camvid_like, broken, notes, recipe=recipe, resume=True)

    assert notes.steps_done == 2
    assert resumed == found
    assert rows_of(broken) == rows_of(unbroken)
    for name in ("last.safetensors", "best.safetensors"):
        expected = load_model(unbroken / name)[0].state_dict()
        for key, tensor in load_model(broken / name)[0].state_dict().items():
            assert torch.equal(tensor, expected[key]), key


def test_two_runs_of_one_recipe_end_bit_for_bit_alike_whatever_the_workers(camvid_like, tmp_path):
    notes, others = Notes(), Notes()
    recipe = tiny_recipe(epochs=2)
    with_workers = recipe.model_copy(update={"data": recipe.data.model_copy(update={"workers": 2})})
    train(camvid_like, tmp_path / "a", notes, recipe=recipe)
    train(camvid_like, tmp_path / "b", others, recipe=with_workers)

    assert [step.loss for step in others.steps] == [step.loss for step in notes.steps]
    assert others.evaluations == notes.evaluations


def test_a_log_that_is_ahead_of_the_checkpoint_is_cut_back(camvid_like, out):
    with pytest.raises(Stopped):
        train(camvid_like, out, Notes(stop_after=3))
    with (out / "metrics.csv").open("a") as file:
        file.write("2,4,9.9,0.0,1.0,1.0\n")

    train(camvid_like, out, resume=True)

    assert [row["epoch"] for row in rows_of(out)] == ["1", "2", "3"]
    assert all(float(row["mean_iou"]) < 1 for row in rows_of(out))


def test_a_run_that_broke_before_its_first_checkpoint_starts_again(camvid_like, tmp_path):
    found = train(camvid_like, tmp_path / "unbroken")
    with pytest.raises(Stopped):
        train(camvid_like, tmp_path / "broken", Notes(stop_after=1))

    assert train(camvid_like, tmp_path / "broken", resume=True) == found


def test_resuming_a_finished_run_only_measures_it(camvid_like, out):
    found = train(camvid_like, out)
    notes = Notes()

    assert train(camvid_like, out, notes, resume=True) == found
    assert notes.steps == []


def test_resuming_with_another_recipe_is_refused_and_changes_nothing(camvid_like, out):
    train(camvid_like, out, recipe=tiny_recipe(epochs=1))
    before = (out / "recipe.json").read_text()

    with pytest.raises(WeightsError, match=r"train\.learning_rate was 0\.01, is 0\.02"):
        train(camvid_like, out, recipe=tiny_recipe(epochs=1, learning_rate=0.02), resume=True)
    assert (out / "recipe.json").read_text() == before


def test_a_folder_that_is_there_is_not_trained_into(camvid_like, out):
    out.mkdir()

    with pytest.raises(ResourceError, match="run: is there already; give another --out, or --res"):
        train(camvid_like, out)
    assert list(out.iterdir()) == []


def test_a_run_is_not_resumed_while_it_goes_on(camvid_like, out):
    refused = []

    class Resumes(Notes):
        def stepped(self, progress: Progress) -> None:
            if progress.step == 3:
                refused.append(in_child(self.resume))

        def resume(self) -> None:
            with pytest.raises(ResourceError, match=r"run: process \d+ on .* is training into it"):
                train(camvid_like, out, resume=True)

    found = train(camvid_like, out, Resumes())

    assert refused == [0]
    assert train(camvid_like, out, resume=True) == found


def test_there_must_be_something_to_resume(camvid_like, out):
    with pytest.raises(ResourceError, match="run: nothing to resume there"):
        train(camvid_like, out, resume=True)


def test_a_run_folder_below_a_file_is_a_resource_error(camvid_like, tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(ResourceError, match=r"run: cannot be written \(Not a directory\)"):
        train(camvid_like, tmp_path / "file" / "run")


def test_a_wrong_number_of_classes_is_said_before_anything_is_made(camvid_like, out):
    recipe = tiny_recipe()
    wrong = recipe.model_copy(update={"model": recipe.model.model_copy(update={"num_classes": 21})})

    with pytest.raises(ConfigError, match=r"num_classes = 21.* has 11 classes; set model\.num_cla"):
        train(camvid_like, out, recipe=wrong)
    assert not out.exists()


def test_a_batch_of_one_trains(camvid_like, out):
    train(camvid_like, out, recipe=tiny_recipe(batch_size=1))

    with (out / "metrics.csv").open(newline="") as file:
        assert all(np.isfinite(float(row["loss"])) for row in csv.DictReader(file))


@pytest.mark.parametrize("workers", [0, 1])
def test_a_wrong_label_is_told_in_one_sentence(camvid_like, out, workers):
    path = camvid_like / "trainannot" / "p2.png"
    Image.new("L", (64, 48), 12).save(path)
    recipe = tiny_recipe()
    recipe = recipe.model_copy(update={"data": recipe.data.model_copy(update={"workers": workers})})

    with pytest.raises(DatasetError) as caught:
        train(camvid_like, out, recipe=recipe)
    assert str(caught.value) == (
        f"{path}: unknown label values [12]; expected 0 to 10, or 11 to ignore a pixel"
    )


def test_pictures_without_a_labelled_pixel_do_no_harm(camvid_like, out):
    for index in range(4):
        Image.new("L", (64, 48), 11).save(camvid_like / "trainannot" / f"p{index}.png")
    notes = Notes()
    train(camvid_like, out, notes, recipe=tiny_recipe(epochs=1))

    assert [step.loss for step in notes.steps] == [0.0, 0.0]
    state = load_model(out / "last.safetensors")[0].state_dict()
    assert all(torch.isfinite(tensor).all() for tensor in state.values())


def test_training_teaches_the_network_something(camvid_like, out):
    recipe = tiny_recipe(epochs=16, evaluate_every=16)
    plain = {"color_jitter": 0.0, "scale": (1.0, 1.0), "crop_size": (48, 64)}
    recipe = recipe.model_copy(update={"data": recipe.data.model_copy(update=plain)})
    pairs = open_split(camvid_like, "val")
    card = ModelCard(name="new", classes=pairs.label_set.names, palette=pairs.label_set.palette)
    torch.manual_seed(0)
    new = Predictor(TorchEngine(build_model(recipe.model)), card).predict_pixels
    before = evaluate(new, pairs, samples_of(pairs))
    notes = Notes()
    after = train(camvid_like, out, notes, recipe=recipe)

    assert after.mean_iou > before.mean_iou + 0.2
    assert notes.steps[-1].loss < 0.8 * notes.steps[0].loss


def test_class_weights_are_dropped_after_their_epochs(camvid_like, tmp_path):
    weights = {"class_weights": [5.0] * 11, "epochs": 2, "evaluate_every": 2}
    losses = {}
    for name, settings in {
        "without": {"epochs": 2, "evaluate_every": 2},
        "at once": weights | {"class_weights_epochs": 0},
        "never": weights,
    }.items():
        train(camvid_like, tmp_path / name, recipe=tiny_recipe(**settings))
        losses[name] = [float(row["loss"]) for row in rows_of(tmp_path / name)]

    assert losses["at once"] == losses["without"]
    assert losses["never"][0] > 3 * losses["without"][0]
