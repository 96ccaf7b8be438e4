import pytest
import torch
import torch.nn.functional as F

from atrous.encoders.xception_original import Xception, XceptionModule
from atrous.layers.pool import MaxPool


@pytest.fixture(scope="module")
def encoder():
    with torch.device("meta"):
        return Xception(output_stride=32)


def test_parameters_are_those_of_the_paper_without_the_classifier(encoder):
    classifier = 2048 * 1000 + 1000

    parameters = sum(parameter.numel() for parameter in encoder.parameters())
    assert parameters == 22_855_952 - classifier


def test_there_are_36_convolutions_in_14_modules(encoder):
    separable = sum(len(stage.convs) for stage in encoder.stages) + 2
    modules = 1 + len(encoder.stages) + 1

    assert (len(encoder.root) + separable, modules) == (36, 14)


def test_module_2_alone_has_no_relu_in_front(encoder):
    assert [stage.relu_first for stage in encoder.stages] == [False] + [True] * 11


def test_shortcuts_are_convolutions_where_the_map_shrinks(encoder):
    shrinks = [0, 1, 2, 11]

    has_kernel = [stage.shortcut.__class__.__name__ == "ConvNormAct" for stage in encoder.stages]
    assert [index for index, found in enumerate(has_kernel) if found] == shrinks


def test_the_shortcut_reads_the_map_before_its_relu():
    module = XceptionModule(6, (6, 6, 6), relu_first=True, pool=None, atrous_rate=1).eval()
    module.convs[2].pointwise.conv.weight.data.zero_()
    x = torch.randn(1, 6, 5, 5)

    torch.testing.assert_close(module(x)[0], x)


def test_a_module_is_that_of_figure_5():
    torch.manual_seed(0)
    pool = MaxPool(stride=2, atrous_rate=1, padding="same")
    module = XceptionModule(4, (8, 8), relu_first=True, pool=pool, atrous_rate=1).eval()
    x = torch.randn(1, 4, 7, 7)

    result, low_level = module(x)

    first, second = module.convs
    expected = second(F.relu(first(F.relu(x))))
    torch.testing.assert_close(low_level, expected)
    torch.testing.assert_close(result, F.max_pool2d(expected, 3, 2, 1) + module.shortcut(x))


def test_nothing_stands_between_the_halves_of_a_separable_convolution(encoder):
    halves = [conv.depthwise for stage in encoder.stages for conv in stage.convs]

    assert {half.norm.__class__.__name__ for half in halves} == {"Identity"}
    assert {half.activation.__class__.__name__ for half in halves} == {"Identity"}


def test_every_norm_is_that_of_keras(encoder):
    norms = [m for m in encoder.modules() if isinstance(m, torch.nn.BatchNorm2d)]

    assert {(norm.eps, norm.momentum) for norm in norms} == {(1e-3, 1e-2)}


def test_same_padding_is_the_same_map_on_odd_sides():
    torch.manual_seed(0)
    symmetric, same = (Xception(output_stride=32, padding=p).eval() for p in ("symmetric", "same"))
    same.load_state_dict(symmetric.state_dict())
    images = torch.randn(1, 3, 33, 33)  # 33, 17, 9, 5, 3: odd all the way down

    with torch.inference_mode():
        torch.testing.assert_close(same(images)[-1], symmetric(images)[-1])
