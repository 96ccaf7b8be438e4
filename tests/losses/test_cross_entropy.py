import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from atrous.layers.resize import resize
from atrous.losses.cross_entropy import cross_entropy

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
