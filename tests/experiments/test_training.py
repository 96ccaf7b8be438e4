"""Networks learn from drawings, with the loop of atrous."""

import numpy as np
import torch

from atrous.engine.config import TrainConfig
from experiments.network import SmallXceptionClassifier
from experiments.tasks import classification_loss
from experiments.training import Drawn, answers, fixed_batches, predict, train

CONFIG = TrainConfig(steps=30, batch_size=8, optimizer="adamw", learning_rate=0.01)


def draw_light(random):
    """A dark or a light picture."""
    light = int(random.integers(2))
    return torch.full((3, 8, 8), 2.0 * light - 1.0) + random.normal(0, 0.1), torch.tensor(light)


def test_a_network_learns_to_tell_light_from_dark():
    torch.manual_seed(0)
    network = SmallXceptionClassifier(num_classes=2, width=8, modules=1)
    tests = fixed_batches(draw_light, pictures=20)

    steps = list(train(network, draw_light, classification_loss, config=CONFIG))

    assert steps == list(range(1, 31))
    assert (predict(network, tests) == answers(tests)).all()


def test_another_seed_draws_other_pictures():
    first, other = (Drawn(draw_light, seed=seed)[0, 0].images for seed in (0, 1))

    assert not torch.equal(first, other)


def test_test_pictures_are_the_same_each_time_and_none_of_training():
    first, again = (fixed_batches(draw_light, pictures=5, batch_size=2) for _ in range(2))
    shown = [Drawn(draw_light, seed=0)[0, index].images for index in range(5)]

    pictures = np.concatenate([batch.images.numpy() for batch in first])
    assert np.array_equal(pictures, np.concatenate([b.images.numpy() for b in again]))
    assert not any(np.array_equal(p, s) for p in pictures for s in shown)


def test_predicting_leaves_the_network_in_training():
    network = SmallXceptionClassifier(num_classes=2, width=8, modules=1).train()

    predict(network, fixed_batches(draw_light, pictures=2))

    assert network.training
