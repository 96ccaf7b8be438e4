"""What was measured decides the settings, and the user before it."""

import re
import tomllib
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from atrous.bands import PixelKind
from atrous.data.channels import Channels
from atrous.recipes.measure import Machine, Measured
from atrous.recipes.plan import make_plan, sample_bytes, weights_by_share
from atrous.recipes.plan_file import plan_text
from atrous.recipes.recipe import recipe_from

MEASURED = Measured(
    data="my-folder",
    layout="paired",
    classes=("sky", "road"),
    pictures=400,
    eval_pictures=100,
    sampled=64,
    median_size=(360, 480),
    largest_size=(400, 500),
    shares=(0.5, 0.5),
    shown=(1.0, 1.0),
    channels=None,
    machine=Machine(device="cpu", memory=16 << 30, cores=4),
)
GPU = Machine(device="cuda", memory=70 << 30, cores=16)


def planned(given=None, **measured):
    plan = make_plan(replace(MEASURED, **measured), given or {})
    return {decision.key: decision.value for decision in plan}


def reason(key, given=None, **measured):
    plan = make_plan(replace(MEASURED, **measured), given or {})
    return next(decision.reason for decision in plan if decision.key == key)


CASES = {
    "usual": ({}, {}),
    "gpu": ({}, {"machine": GPU}),
    "tiny pictures": ({}, {"median_size": (20, 1), "pictures": 1}),
    "photos": ({}, {"median_size": (3000, 4000)}),
    "rare": ({}, {"shares": (0.999, 0.001), "shown": (1.0, 0.01)}),
    "unlabelled": ({}, {"shares": (0.0, 0.0), "shown": (0.0, 0.0)}),
    "no memory": ({}, {"machine": replace(GPU, memory=0)}),
    "sgd": ({"train.optimizer": "sgd", "inputs.start": "none"}, {}),
    "steps": ({"train.steps": 7, "train.loss.focal": 1.0}, {}),
    "slow start": ({"train.slow_start_steps": 10}, {}),
    "none": ({"data.longest_side": None}, {"median_size": (3000, 4000)}),
    "quotes": ({"data.train_split": 'a"b\\\x7f'}, {"data": 'f"\\ é', "classes": ("a\n", "b")}),
    "unprintable": ({}, {"data": "\udcff"}),
    "bands": (
        {},
        {"channels": Channels(PixelKind(5, 16), (1.0,) * 5, (2.0,) * 5, 64)},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_every_plan_is_a_recipe_that_says_what_was_decided(case):
    given, measured = CASES[case]
    changed = replace(MEASURED, **measured)
    plan = make_plan(changed, given)

    table = tomllib.loads(plan_text(plan, changed))
    recipe_from(table, where=case)
    for key, value, _ in plan:
        found = table
        for part in key.split("."):
            found = found[part]
        assert found == value, key


def test_every_setting_in_the_file_has_its_reason_above_it():
    lines = plan_text(make_plan(MEASURED, {}), MEASURED).splitlines()

    bare = [b for a, b in pairwise(lines) if " = " in b and a[:1] != "#"]
    assert bare == []
    assert max(map(len, lines)) <= 100


def test_the_page_of_training_has_a_row_for_every_setting_that_is_decided():
    page = Path(__file__).parents[2] / "docs" / "training.md"
    cells = re.findall(
        r"^\| (`.*?) \|", page.read_text().partition("## The papers")[0], re.MULTILINE
    )
    named = {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}

    decided = {key for _, measured in CASES.values() for key in planned({}, **measured)}
    free = {"data", "num_classes", "layout", "class_weights_epochs", "atrous_rates"}
    assert {key.rpartition(".")[2] for key in decided} - free == named


def test_what_the_user_gives_goes_before_every_rule():
    plan = planned({"data.crop_size": [65, 65], "train.batch_size": 3, "train.clip_norm": 1.0})

    assert (plan["data.crop_size"], plan["train.batch_size"]) == ([65, 65], 3)
    assert plan["train.clip_norm"] == 1.0
    assert reason("train.clip_norm", {"train.clip_norm": 1.0}) == "as given with --clip-norm"


def test_what_the_user_takes_away_stays_away():
    assert "train.ema_decay" not in planned({"train.ema_decay": None})


def test_crops_fit_the_median_picture_and_the_device():
    assert planned()["data.crop_size"] == [352, 384]
    assert planned(machine=GPU)["data.crop_size"] == [352, 480]
    assert planned(median_size=(20, 1))["data.crop_size"] == [64, 64]
    assert "360x480" in reason("data.crop_size")


def test_photos_are_made_smaller_in_training_and_after():
    plan = planned(median_size=(3000, 4000), machine=GPU)

    assert (plan["data.longest_side"], plan["data.resize_range"]) == (1024, [1024, 1024])
    assert plan["data.crop_size"] == [512, 512]


def test_pictures_of_usual_size_are_seen_as_they_are():
    assert not planned().keys() & {"data.longest_side", "data.resize_range"}


def test_small_pictures_get_a_finer_map():
    plan = planned(median_size=(96, 96))

    assert (plan["model.output_stride"], plan["model.atrous_rates"]) == (8, [6, 12, 18])
    assert "model.atrous_rates" not in planned({"model.output_stride": 16}, median_size=(96, 96))


def test_passes_get_smaller_with_the_memory_and_the_step_stays():
    machine = replace(MEASURED.machine, memory=2 << 30)

    plan = planned(machine=machine)

    assert plan["train.batch_size"] == 8
    held = plan["train.device_batch"] * sample_bytes(replace(MEASURED, machine=machine), plan)
    assert held <= machine.memory / 2 < held + sample_bytes(MEASURED, plan)
    assert "train.device_batch" not in planned()


def test_many_classes_and_a_large_encoder_need_more_memory():
    plan = planned()
    base = sample_bytes(MEASURED, plan)

    assert sample_bytes(replace(MEASURED, classes=("c",) * 150), plan) > base
    assert sample_bytes(MEASURED, {**plan, "model.encoder": "xception65"}) > base
    assert sample_bytes(MEASURED, {**plan, "model.encoder": "timm:any"}) > base
    assert sample_bytes(MEASURED, {**plan, "train.loss.scales": [0.5, 1.0]}) > base


@pytest.mark.parametrize(("pictures", "epochs"), [(5, 300), (400, 60), (100_000, 10)])
def test_epochs_follow_the_number_of_pictures(pictures, epochs):
    assert planned(pictures=pictures)["train.epochs"] == epochs


def test_steps_take_the_place_of_epochs():
    plan = planned({"train.steps": 500})

    assert plan["train.steps"] == 500
    assert "train.epochs" not in plan


def test_a_batch_has_no_more_than_all_pictures():
    assert planned(pictures=5)["train.batch_size"] == 5


def test_the_shipped_weights_are_the_start_of_their_encoder_alone():
    assert planned()["inputs.start"] == "camvid"
    other = planned({"model.encoder": "xception65"})
    assert other["inputs.start"] == "none"
    assert "train.encoder_factor" not in other


def test_weights_that_were_asked_for_bring_their_encoder():
    plan = planned({"inputs.start": "x.h5"}, start_encoder="xception")

    assert (plan["model.encoder"], plan["inputs.start"]) == ("xception", "x.h5")


def test_rates_follow_the_optimizer():
    assert planned()["train.learning_rate"] == 1e-3
    assert planned({"train.optimizer": "sgd"})["train.learning_rate"] == 0.007


def test_rare_classes_weigh_more_until_the_last_third():
    plan = planned(shares=(0.99, 0.01))

    assert plan["train.class_weights"][1] > plan["train.class_weights"][0]
    assert plan["train.class_weights_epochs"] == plan["train.epochs"] * 2 // 3
    assert "road has 1.00% of the pixels" in reason("train.class_weights", shares=(0.99, 0.01))
    assert "train.class_weights" not in planned()


def test_weights_have_a_mean_of_one_over_the_pixels():
    shares = (0.6, 0.3, 0.1)

    weights = weights_by_share(shares)

    mean = sum(share * weight for share, weight in zip(shares, weights, strict=True))
    assert mean == pytest.approx(1, abs=0.01)  # weights are rounded to two places
    assert weights[2] / weights[0] == pytest.approx(6**0.5, abs=0.05)


def test_weights_are_bounded_and_1_for_classes_that_are_not_there():
    assert weights_by_share((1 - 1e-6, 1e-6, 0.0)) == [1.0, 5.0, 1.0]


def test_pictures_of_seldom_classes_come_more_often():
    assert planned(shown=(1.0, 0.02))["data.balance"] == 0.1
    assert "data.balance" not in planned(shown=(1.0, 0.2))


def test_a_cpu_with_bfloat16_of_its_own_trains_in_it():
    fast = replace(MEASURED.machine, bf16=True)

    assert planned(machine=fast)["train.precision"] == "bf16"
    assert planned()["train.precision"] == "auto"


def test_workers_leave_a_core_to_the_training():
    assert planned()["data.workers"] == 1
    assert planned(machine=GPU)["data.workers"] == 8
    assert planned(machine=replace(MEASURED.machine, cores=1))["data.workers"] == 0


def test_bands_that_the_user_speaks_of_are_left_to_them():
    bands = Channels(PixelKind(1, 16), (9.0,), (2.0,), 4)

    assert planned(channels=bands)["data.mean"] == [9.0]
    assert "data.mean" not in planned({"model.in_channels": 3}, channels=bands)


def test_reasons_are_sentences_of_one_line():
    for decision in make_plan(MEASURED, {}):
        assert re.fullmatch(r"[^\n]{10,250}", decision.reason), decision
