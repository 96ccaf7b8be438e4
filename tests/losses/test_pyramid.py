import torch

from atrous.losses.pyramid import over_scales


def largest(logits: torch.Tensor) -> torch.Tensor:
    return logits.max()


def test_of_one_scale_it_is_the_loss_alone():
    assert over_scales(largest, [torch.tensor([[3.0]])]).item() == 3


def test_every_scale_is_held_against_the_labels_and_so_are_all_merged():
    scales = [torch.tensor([1.0, 5.0]), torch.tensor([4.0, 2.0])]

    assert over_scales(largest, scales).item() == 5 + 4 + 5
    assert over_scales(largest, scales, merge="mean").item() == 5 + 4 + 3.5
