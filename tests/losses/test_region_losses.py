"""Dice, Lovász and focal loss against their definitions, written naively."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from atrous.losses.dice import dice
from atrous.losses.focal import focal
from atrous.losses.lovasz import lovasz

IGNORED = 255
cases = st.lists(
    st.tuples(
        st.lists(st.floats(-4, 4), min_size=3, max_size=3), st.sampled_from([0, 1, 2, IGNORED])
    ),
    min_size=1,
    max_size=8,
)


def as_maps(case):
    """Logits (1, 3, 1, P) and labels (1, 1, P)."""
    logits = torch.tensor([values for values, _ in case], dtype=torch.float64)
    return logits.T[None, :, None], torch.tensor([[[label for _, label in case]]])


def labelled_shares(case):
    """Softmax and label of each pixel that has one."""
    exps = [(np.exp(values), label) for values, label in case if label != IGNORED]
    return [(values / values.sum(), label) for values, label in exps]


@given(cases)
def test_dice_is_the_one_of_the_definition(case):
    pixels, losses = labelled_shares(case), []
    for c in {label for _, label in pixels}:
        common = sum(p[c] for p, label in pixels if label == c)
        around = sum(p[c] ** 2 + (label == c) for p, label in pixels)
        losses.append(1 - 2 * common / around)

    loss = dice(*as_maps(case), ignore_index=IGNORED)

    assert loss.item() == pytest.approx(np.mean(losses) if losses else 0)


def jaccard_loss(wrong, truth):
    """1 - IoU of a class if exactly the pixels in ``wrong`` are taken wrongly."""
    mine = {i for i, there in enumerate(truth) if there}
    taken = mine ^ wrong
    return 1 - len(mine & taken) / len(mine | taken)


def extension(errors, truth):
    """The Lovász extension of `jaccard_loss` (equation 9), step by step."""
    order = sorted(range(len(errors)), key=lambda i: -errors[i])
    before, total = 0.0, 0.0
    for count, place in enumerate(order, 1):
        after = jaccard_loss(set(order[:count]), truth)
        total, before = total + errors[place] * (after - before), after
    return total


@given(cases)
def test_lovasz_is_the_extension_of_the_jaccard_loss(case):
    pixels, losses = labelled_shares(case), []
    for c in {label for _, label in pixels}:
        truth = [label == c for _, label in pixels]
        errors = [1 - p[c] if label == c else p[c] for p, label in pixels]
        losses.append(extension(errors, truth))

    loss = lovasz(*as_maps(case), ignore_index=IGNORED)

    assert loss.item() == pytest.approx(np.mean(losses) if losses else 0)


@pytest.mark.parametrize("predicted", list(itertools.product([0, 1], repeat=4)))
def test_of_hard_predictions_lovasz_is_one_less_the_mean_iou(predicted):
    labels = torch.tensor([[[0, 0, 1, 1]]])
    chosen = torch.tensor([[predicted]])
    sure = 200.0 * torch.nn.functional.one_hot(chosen, 2).movedim(-1, 1)

    ious = [
        ((chosen == c) & (labels == c)).sum() / ((chosen == c) | (labels == c)).sum()
        for c in (0, 1)
    ]
    loss = lovasz(sure, labels, ignore_index=IGNORED)
    assert loss.item() == pytest.approx(1 - float(sum(ious)) / 2, abs=1e-6)


def test_lovasz_weighs_the_pixels_of_a_large_picture_exactly():
    # Differences of neighbouring Jaccard losses near 1 would be rounded to multiples of 6e-8.
    labels = torch.zeros(1, 1000, 1000, dtype=torch.int64)
    labels[0, 0, 0] = 1
    logits = torch.zeros(1, 2, 1000, 1000, requires_grad=True)

    lovasz(logits, labels, ignore_index=IGNORED).backward()

    # Class 1 has 1 pixel: the last of the others joins a union of a million.
    assert logits.grad[0, 1].abs().min() > 0


@given(cases, st.floats(0.1, 4))
def test_focal_is_the_one_of_the_definition(case, gamma):
    losses = [-((1 - p[label]) ** gamma) * np.log(p[label]) for p, label in labelled_shares(case)]

    loss = focal(*as_maps(case), ignore_index=IGNORED, gamma=gamma)

    assert loss.item() == pytest.approx(np.mean(losses) if losses else 0)


def test_the_focal_loss_of_certainty_has_a_slope_below_gamma_1_too():
    logits = torch.tensor([[[[200.0]], [[0.0]]]], requires_grad=True)

    focal(
        logits, torch.zeros(1, 1, 1, dtype=torch.int64), ignore_index=IGNORED, gamma=0.5
    ).backward()

    assert logits.grad.abs().max() == 0
