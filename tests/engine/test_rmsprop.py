import copy

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from atrous.engine.rmsprop import RMSprop

numbers = st.floats(-3, 3)


def moved(gradients, **settings):
    """A weight of 1 after a step along each gradient."""
    weight = torch.nn.Parameter(torch.ones(1, dtype=torch.float64))
    optimizer = RMSprop([weight], **settings)
    for gradient in gradients:
        weight.grad = torch.full_like(weight, gradient)
        optimizer.step()
    return weight.item()


@given(st.lists(numbers, max_size=6), st.floats(0, 0.99), st.floats(1e-3, 1))
def test_steps_are_those_of_the_definition(gradients, momentum, epsilon):
    weight, mean_square, step = 1.0, 1.0, 0.0
    for gradient in gradients:
        pulled = gradient + 0.1 * weight
        mean_square = 0.9 * mean_square + 0.1 * pulled**2
        step = momentum * step + 0.2 * pulled / np.sqrt(mean_square + epsilon)
        weight -= step

    found = moved(gradients, lr=0.2, momentum=momentum, epsilon=epsilon, weight_decay=0.1)
    assert found == pytest.approx(weight)


def test_the_first_step_is_that_of_tensorflow_and_not_of_torch():
    # 1 - 0.1 * 2 / sqrt(0.9 * 1 + 0.1 * 2 ** 2 + 1), with epsilon under the root.
    assert moved([2.0], lr=0.1) == pytest.approx(1 - 0.2 / np.sqrt(2.3))

    weight = torch.nn.Parameter(torch.ones(1))
    weight.grad = torch.full_like(weight, 2.0)
    torch.optim.RMSprop([weight], lr=0.1, alpha=0.9, eps=1.0, momentum=0.9).step()
    assert abs(weight.item() - moved([2.0], lr=0.1)) > 0.005


def test_a_weight_without_gradient_stays():
    weight = torch.nn.Parameter(torch.ones(1))

    RMSprop([weight], lr=0.1, weight_decay=0.5).step()

    assert weight.item() == 1


def test_it_goes_on_from_its_state():
    def steps(optimizer, weight, gradients):
        for gradient in gradients:
            weight.grad = torch.full_like(weight, gradient)
            optimizer.step()

    one = torch.nn.Parameter(torch.ones(3))
    first = RMSprop([one], lr=0.1)
    steps(first, one, [1.0, -2.0])
    other = torch.nn.Parameter(one.detach().clone())
    second = RMSprop([other], lr=0.5)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    steps(first, one, [0.5])
    steps(second, other, [0.5])

    assert torch.equal(one, other)
