import pytest
import torch
import torch.nn.functional as F

from atrous.layers.aspp import ASPP
from atrous.layers.pool import MeanPool


@pytest.fixture
def maps():
    torch.manual_seed(0)
    return torch.randn(2, 8, 9, 7)


def test_branches_are_joined_in_the_order_of_the_published_weights(maps):
    aspp = ASPP(8, 4, atrous_rates=(1, 2), image_pool=MeanPool()).eval()

    pooled = aspp.image_pool(maps.mean((2, 3), keepdim=True)).expand(-1, -1, 9, 7)
    joined = torch.cat([pooled, *(branch(maps) for branch in aspp.branches)], dim=1)
    expected = F.relu(aspp.project.norm(F.conv2d(joined, aspp.project.conv.weight)))
    torch.testing.assert_close(aspp(maps), expected)


def test_each_rate_is_that_of_its_branch():
    aspp = ASPP(8, 4, atrous_rates=(6, 12, 18))

    rates = [branch.depthwise.conv.dilation for branch in aspp.branches[1:]]
    assert rates == [(6, 6), (12, 12), (18, 18)]


def test_a_branch_whose_taps_all_leave_the_map_sees_its_centre_only(maps):
    branch = ASPP(8, 4, atrous_rates=(18,)).eval().branches[1]

    centre = branch.depthwise.conv.weight[:, :, 1:2, 1:2]
    expected = branch.pointwise(F.relu(branch.depthwise.norm(F.conv2d(maps, centre, groups=8))))
    torch.testing.assert_close(branch(maps), expected)


def test_image_pooling_is_the_same_at_every_pixel(maps):
    aspp = ASPP(8, 4, atrous_rates=(), image_pool=MeanPool()).eval()
    aspp.project.conv.weight.data[:, 4:] = 0

    merged = aspp(maps)

    torch.testing.assert_close(merged, merged[..., :1, :1].expand_as(merged))


def test_without_rates_only_the_picture_and_the_pixel_are_seen():
    aspp = ASPP(320, 256, atrous_rates=(), image_pool=MeanPool())

    # The count of the official MobileNetV2 head, facts of the release.
    assert sum(parameter.numel() for parameter in aspp.parameters()) == 296_448


@pytest.mark.parametrize("separable", [True, False])
def test_dense_branches_have_one_kernel_for_all_channels(separable):
    aspp = ASPP(16, 8, atrous_rates=(2,), separable=separable)

    kernels = {p.shape[1:] for p in aspp.branches[1].parameters() if p.ndim == 4}
    assert kernels == ({(1, 3, 3), (16, 1, 1)} if separable else {(16, 3, 3)})


def test_dropout_is_for_training_only(maps):
    aspp = ASPP(8, 4, atrous_rates=(1,), dropout=0.5)

    trained = aspp.train()(maps)
    assert (trained == 0).float().mean() > (aspp.eval()(maps) == 0).float().mean()
    assert torch.equal(aspp(maps), aspp(maps))


def test_a_batch_of_one_can_be_trained_on(maps):
    aspp = ASPP(8, 4, atrous_rates=(1,), image_pool=MeanPool())

    aspp(maps[:1]).sum().backward()

    assert all(parameter.grad is not None for parameter in aspp.parameters())


@pytest.mark.parametrize("align_corners", [True, False])
def test_means_of_several_windows_are_resized_to_the_map(maps, align_corners):
    pool = MeanPool((5, 4), stride=(2, 3))
    aspp = ASPP(8, 4, atrous_rates=(), image_pool=pool, align_corners=align_corners).eval()

    means = aspp.image_pool(F.avg_pool2d(maps, (5, 4), (2, 3)))
    whole = F.interpolate(means, (9, 7), mode="bilinear", align_corners=align_corners)
    expected = aspp.project(torch.cat([whole, aspp.branches[0](maps)], dim=1))
    torch.testing.assert_close(aspp(maps), expected)


def test_without_image_pooling_only_the_other_branches_are_joined(maps):
    aspp = ASPP(8, 4, atrous_rates=(1,)).eval()

    expected = aspp.project(torch.cat([branch(maps) for branch in aspp.branches], dim=1))
    torch.testing.assert_close(aspp(maps), expected)


def test_convolutions_behind_read_the_merged_result(maps):
    behind = torch.nn.Conv2d(4, 4, 3, padding=1)
    aspp = ASPP(8, 4, atrous_rates=(1,), behind=behind).eval()

    merged = aspp.project(torch.cat([branch(maps) for branch in aspp.branches], dim=1))
    torch.testing.assert_close(aspp(maps), behind(merged))


def test_bare_branches_have_a_norm_behind_the_pointwise_half_only():
    branch = ASPP(8, 4, atrous_rates=(1,), bare=True).branches[1]

    norms = [name for name, m in branch.named_modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert norms == ["pointwise.norm"]
