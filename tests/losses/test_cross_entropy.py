from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from atrous.layers.resize import resize
from atrous.losses.cross_entropy import cross_entropy
from atrous.losses.hard_pixels import hard_fraction_at

IGNORED = 255
pixels = st.lists(
    st.tuples(
        st.lists(st.floats(-20, 20, width=32), min_size=3, max_size=3),
        st.sampled_from([0, 1, 2, IGNORED]),
    ),
    min_size=1,
    max_size=12,
)


@given(pixels)
def test_loss_is_the_one_of_the_definition(pixels):
    logits = torch.tensor([[values for values, _ in pixels]]).permute(0, 2, 1)[..., None]
    labels = torch.tensor([[label for _, label in pixels]])[..., None]
    weights = [1.0, 2.0, 0.5]

    loss = cross_entropy(
        logits, labels, ignore_index=IGNORED, class_weights=torch.tensor(weights)
    ).item()

    losses = [
        weights[label] * (np.logaddexp.reduce(np.array(values)) - values[label])
        for values, label in pixels
        if label != IGNORED
    ]
    assert loss == pytest.approx(sum(losses) / max(len(losses), 1), rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("key", ["loss_plain", "loss_no_upsample"])
def test_loss_and_gradient_are_those_of_the_released_code(key, oracle):
    stored = np.load(oracle / "misc.npz")
    logits = torch.from_numpy(stored["loss_logits"].transpose(0, 3, 1, 2).copy()).requires_grad_()
    labels = torch.from_numpy(stored["loss_labels"][..., 0]).long()
    if key == "loss_no_upsample":
        labels = labels[:, ::4, ::4]  # 33 to 9 pixels with aligned corners

    maps = resize(logits, tuple(labels.shape[1:]), align_corners=True)
    loss = cross_entropy(maps, labels, ignore_index=IGNORED)
    loss.backward()

    assert loss.item() == pytest.approx(float(stored[key]), rel=1e-6)
    expected = stored[f"{key}_grad"].transpose(0, 3, 1, 2)
    np.testing.assert_allclose(logits.grad, expected, atol=1e-6)


def test_a_batch_without_labels_costs_nothing_and_teaches_nothing():
    logits = torch.randn(1, 3, 2, 2, requires_grad=True)

    loss = cross_entropy(logits, torch.full((1, 2, 2), IGNORED), ignore_index=IGNORED)
    loss.backward()

    assert loss.item() == 0
    assert logits.grad.abs().max() == 0


def test_class_weights_do_not_enter_the_denominator():
    logits, labels = torch.zeros(1, 2, 1, 1), torch.zeros(1, 1, 1, dtype=torch.int64)

    loss = cross_entropy(logits, labels, ignore_index=IGNORED, class_weights=torch.tensor([3.0, 1]))

    assert loss.item() == pytest.approx(3 * np.log(2))


def test_loss_of_half_precision_is_summed_in_full():
    logits = torch.zeros(1, 2, 300, 300, dtype=torch.float16)  # a sum beyond 65 504

    loss = cross_entropy(logits, torch.zeros(1, 300, 300, dtype=torch.int64), ignore_index=IGNORED)

    assert loss.item() == pytest.approx(np.log(2))


@pytest.mark.parametrize(
    ("key", "hard_fraction"),
    [
        ("loss_top25_now", hard_fraction_at(0, fraction=0.25, steps=0)),
        ("loss_top25_step100_at_40", hard_fraction_at(40, fraction=0.25, steps=100)),
    ],
)
def test_loss_and_gradient_of_the_hardest_pixels_are_those_of_the_released_code(
    key, hard_fraction, oracle
):
    loss, gradient = loss_of_released_maps(oracle, hard_fraction=hard_fraction)
    stored = np.load(oracle / "misc.npz")

    assert loss == pytest.approx(float(stored[key]), rel=1e-6)
    np.testing.assert_allclose(gradient, stored[f"{key}_grad"], atol=1e-6)


@pytest.mark.parametrize(
    ("key", "hard_fraction"), [("loss_class_weights", None), ("loss_top25_weights", 0.25)]
)
def test_weighted_loss_and_gradient_are_those_of_the_released_code(key, hard_fraction, oracle):
    stored = np.load(oracle / "misc.npz")
    weights = torch.tensor(stored_class_weights(oracle), dtype=torch.float32)

    loss, gradient = loss_of_released_maps(
        oracle, hard_fraction=hard_fraction, class_weights=weights
    )

    # The weights come from the stored gradients, to some 1e-6.
    assert loss == pytest.approx(float(stored[key]), rel=1e-5)
    np.testing.assert_allclose(gradient, stored[f"{key}_grad"], atol=1e-6)


def loss_of_released_maps(oracle: Path, **settings: object) -> tuple[float, np.ndarray]:
    """The loss of the stored logits and labels, and its gradient as (B, H, W, C)."""
    stored = np.load(oracle / "misc.npz")
    logits = torch.from_numpy(stored["loss_logits"].transpose(0, 3, 1, 2).copy()).requires_grad_()
    labels = torch.from_numpy(stored["loss_labels"][..., 0]).long()
    maps = resize(logits, (33, 33), align_corners=True)
    loss = cross_entropy(maps, labels, ignore_index=IGNORED, **settings)
    loss.backward()
    return loss.item(), logits.grad.permute(0, 2, 3, 1).numpy()


def stored_class_weights(oracle: Path) -> np.ndarray:
    """The weights that the released code was given: its gradient is linear in them."""
    columns = [
        loss_of_released_maps(oracle, class_weights=one_hot)[1].ravel() for one_hot in torch.eye(5)
    ]
    gradient = np.load(oracle / "misc.npz")["loss_class_weights_grad"].ravel()
    return np.linalg.lstsq(np.stack(columns, axis=1), gradient, rcond=None)[0]


def test_label_smoothing_is_that_of_torch():
    logits = torch.randn(2, 4, 3, 3)
    labels = torch.randint(0, 4, (2, 3, 3))
    labels[0, 0] = IGNORED

    loss = cross_entropy(logits, labels, ignore_index=IGNORED, label_smoothing=0.2)

    expected = torch.nn.functional.cross_entropy(
        logits, labels, ignore_index=IGNORED, label_smoothing=0.2
    )
    torch.testing.assert_close(loss, expected)
