"""What is drawn depends on the generator alone, and holds every class."""

import numpy as np
import pytest
import torch

from atrous.data.sampling import generator_for
from experiments.drawings import PICTURE_CLASSES, SCENE_CLASSES, draw_picture, draw_scene

DRAW = {"picture": draw_picture, "scene": draw_scene}


@pytest.mark.parametrize("draw", DRAW.values(), ids=DRAW)
def test_the_same_numbers_draw_the_same(draw):
    first, again = (draw(generator_for(1, 0, 5)) for _ in range(2))

    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])


@pytest.mark.parametrize("draw", DRAW.values(), ids=DRAW)
def test_another_index_draws_another(draw):
    assert not torch.equal(draw(generator_for(1, 0, 5))[0], draw(generator_for(1, 0, 6))[0])


def test_pictures_have_each_class_about_as_often():
    classes = [int(draw_picture(generator_for(0, 0, index))[1]) for index in range(1000)]

    # 100 of each are expected, with a standard deviation of 9.5.
    assert np.bincount(classes, minlength=PICTURE_CLASSES) == pytest.approx([100] * 10, abs=40)


def test_scenes_have_every_class():
    labels = torch.stack([draw_scene(generator_for(0, 0, index))[1] for index in range(20)])

    assert labels.unique().tolist() == list(range(SCENE_CLASSES))


def test_means_of_the_colours_do_not_tell_the_class_of_a_picture():
    """The best of ten thresholds on a channel's mean tells the two ways of stripes hardly apart."""
    drawn = [draw_picture(generator_for(0, 0, index)) for index in range(400)]
    means = np.array([picture.mean((1, 2)).numpy() for picture, _ in drawn])
    way = np.array([int(label) % 2 for _, label in drawn])

    cuts = np.quantile(means, np.linspace(0.05, 0.95, 10), axis=0)
    right = ((means[None] > cuts[:, None]) == way[None, :, None]).mean(1)
    # Chance is 50 % with a standard deviation of 2.5 %; the most of 60 seldom passes 3.5 of these.
    assert np.maximum(right, 1 - right).max() < 0.6
