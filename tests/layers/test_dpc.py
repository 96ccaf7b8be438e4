import pytest
import torch

from atrous.layers.dpc import DensePredictionCell


def test_branches_read_each_other_as_in_the_paper():
    torch.manual_seed(0)
    cell, x = DensePredictionCell(6, 4, output_stride=16).eval(), torch.randn(1, 6, 9, 8)

    first = cell.branches[0](x)
    second = cell.branches[1](first)
    seen = [first, second, cell.branches[2](second), cell.branches[3](first)]
    seen.append(cell.branches[4](first))
    torch.testing.assert_close(cell(x), cell.project(torch.cat(seen, dim=1)))


@pytest.mark.parametrize(
    ("output_stride", "rates"),
    [
        (16, [(1, 6), (18, 15), (6, 3), (1, 1), (6, 21)]),  # figure 5 of the paper
        (8, [(2, 12), (36, 30), (12, 6), (2, 2), (12, 42)]),  # the release doubles all of them
        (32, [(1, 3), (9, 7), (3, 1), (1, 1), (3, 10)]),
    ],
)
def test_rates_follow_the_output_stride(output_stride, rates):
    cell = DensePredictionCell(6, 4, output_stride=output_stride)

    assert [branch.depthwise.conv.dilation for branch in cell.branches] == rates


def test_dropout_is_on_the_concatenation_and_in_training_only():
    cell, x = DensePredictionCell(6, 4, output_stride=16, dropout=1.0), torch.randn(2, 6, 9, 8)
    shift = cell.project.norm.bias.view(1, -1, 1, 1).relu()

    torch.testing.assert_close(cell.train()(x), shift.expand(2, 4, 9, 8))
    assert not torch.equal(cell.eval()(x), shift.expand(2, 4, 9, 8))
