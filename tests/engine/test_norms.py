import copy

import pytest
import torch
from torch import nn

from atrous.engine.norms import apply_norm_policy, norm_policy_for, set_norm_momentum
from atrous.layers.norm import head_norm, keras_norm


def momenta(momentum, total_steps):
    model = nn.Sequential(head_norm(2), keras_norm(2), nn.ReLU())
    set_norm_momentum(model, momentum, total_steps=total_steps)
    return [model[0].momentum, model[1].momentum]


def test_a_momentum_that_is_given_is_everywhere():
    assert momenta(0.05, 100) == [0.05, 0.05]


def test_long_runs_keep_the_momenta_of_the_networks():
    assert momenta(None, 90_000) == [3e-4, 1e-2]


def test_short_runs_raise_those_that_could_not_settle():
    assert momenta(None, 500) == [pytest.approx(0.02), pytest.approx(0.02)]
    assert momenta(None, 5000) == [pytest.approx(0.002), 1e-2]
    assert momenta(None, 3) == [0.1, 0.1]


@pytest.mark.parametrize("total_steps", [200, 2000])
def test_the_statistics_are_those_of_the_data_at_the_end_of_a_run(total_steps):
    norm = head_norm(1)
    set_norm_momentum(norm, None, total_steps=total_steps)
    random = torch.Generator().manual_seed(0)

    for _ in range(total_steps):
        norm(5 + 3 * torch.randn(8, 1, 6, 6, generator=random))

    # The share of the first statistics (mean 0, variance 1) is below exp(-9).
    assert norm.running_mean.item() == pytest.approx(5, abs=0.1)
    assert norm.running_var.item() == pytest.approx(9, abs=0.4)


def after_a_step(policy, *, copied=False):
    """A norm, a step behind its policy in training mode, and what it was before."""
    model = nn.Sequential(head_norm(2), nn.Dropout(0.1))
    model[0].running_mean.fill_(0.5)
    before = copy.deepcopy(model.state_dict())
    apply_norm_policy(model, policy)
    model = copy.deepcopy(model) if copied else model
    model.train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    model(torch.rand(4, 2, 3, 3, requires_grad=True)).square().sum().backward()
    optimizer.step()
    changed = {
        name.removeprefix("0.")
        for name, value in model.state_dict().items()
        if not torch.equal(value, before[name])
    }
    return model, changed


STATISTICS = {"running_mean", "running_var", "num_batches_tracked"}


@pytest.mark.parametrize("copied", [False, True])
@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("train", STATISTICS | {"weight", "bias"}),
        ("frozen_statistics", {"weight", "bias"}),
        ("frozen", set()),
    ],
)
def test_a_step_changes_what_the_policy_lets_it(policy, expected, copied):
    model, changed = after_a_step(policy, copied=copied)

    assert changed == expected
    assert model[1].training


def test_frozen_norms_compute_with_their_running_statistics_whatever_the_mode():
    model = nn.Sequential(head_norm(1))
    apply_norm_policy(model, "frozen_statistics")
    x = 7 + torch.rand(2, 1, 3, 3)

    assert torch.equal(model.train()(x), model.eval()(x))


def test_norms_that_were_frozen_learn_again():
    model = nn.Sequential(head_norm(1)).train()
    apply_norm_policy(model, "frozen")
    apply_norm_policy(model, "train")

    assert model[0].training
    assert model[0].weight.requires_grad
    assert not model.eval()[0].training


@pytest.mark.parametrize(
    ("batch", "pretrained", "policy", "reason"),
    [
        (16, True, "train", "16 samples on a device: enough"),
        (4, True, "train", "4 samples on a device: enough"),
        (3, True, "frozen_statistics", "3 samples on a device: too few"),
        (1, True, "frozen_statistics", "1 sample on a device: too few"),
        (1, False, "train", "learn all the same"),
    ],
)
def test_the_policy_follows_the_batch_of_a_device_and_says_why(batch, pretrained, policy, reason):
    chosen, why = norm_policy_for(batch, pretrained=pretrained)

    assert chosen == policy
    assert reason in why
