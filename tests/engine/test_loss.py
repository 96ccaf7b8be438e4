"""The loss of a config: which losses, with which settings, at which step."""

import pytest
import torch
from pydantic import ValidationError

from atrous.engine.config import LossConfig
from atrous.engine.loss import build_loss
from atrous.errors import ConfigError
from atrous.layers.resize import resize
from atrous.losses import LOSSES
from atrous.losses.boundary import boundary
from atrous.losses.cross_entropy import cross_entropy
from atrous.losses.focal import focal
from atrous.losses.lovasz import lovasz

IGNORED = 255


@pytest.fixture
def batch() -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 3, (2, 6, 6), generator=random)
    labels[:, :2] = IGNORED
    return torch.randn(2, 3, 6, 6, generator=random), labels


def loss_of(batch, step=0, *, class_weights=None, class_weights_steps=None, **settings):
    loss = build_loss(
        LossConfig(**settings),
        num_classes=3,
        ignore_index=IGNORED,
        class_weights=class_weights,
        class_weights_steps=class_weights_steps,
    )
    return loss(*batch, step).item()


def test_where_nothing_is_named_it_is_cross_entropy(batch):
    assert loss_of(batch) == cross_entropy(*batch, ignore_index=IGNORED).item()


def test_losses_are_added_up_with_their_factors(batch):
    entropy, extension = (loss(*batch, ignore_index=IGNORED) for loss in (cross_entropy, lovasz))

    found = loss_of(batch, cross_entropy=1.0, lovasz=0.5)

    assert found == pytest.approx(entropy.item() + extension.item() / 2)


@pytest.mark.parametrize("name", LOSSES)
def test_each_loss_can_be_named_alone(name, batch):
    found = loss_of(batch, **{name: 2.0})

    assert found == pytest.approx(2 * LOSSES[name](*batch, ignore_index=IGNORED).item())


def test_settings_reach_their_loss(batch):
    assert loss_of(batch, focal=1, focal_gamma=1) == pytest.approx(
        focal(*batch, ignore_index=IGNORED, gamma=1).item()
    )
    assert loss_of(batch, boundary=1, boundary_factor=2, boundary_sigma=1) == pytest.approx(
        boundary(*batch, ignore_index=IGNORED, factor=2, sigma=1).item()
    )
    assert loss_of(batch, label_smoothing=0.1) == pytest.approx(
        cross_entropy(*batch, ignore_index=IGNORED, label_smoothing=0.1).item()
    )


@pytest.mark.parametrize(("step", "share"), [(0, 1.0), (5, 0.75), (10, 0.5), (99, 0.5)])
def test_the_share_of_hard_pixels_follows_the_step(step, share, batch):
    expected = cross_entropy(*batch, ignore_index=IGNORED, hard_fraction=share)

    found = loss_of(batch, step, hard_fraction=0.5, hard_steps=10)

    assert found == pytest.approx(expected.item())


def test_class_weights_are_dropped_behind_their_steps(batch):
    weights = torch.tensor([1.0, 2.0, 3.0])
    weighted = cross_entropy(*batch, ignore_index=IGNORED, class_weights=weights).item()
    settings = {"class_weights": weights, "class_weights_steps": 4}

    assert loss_of(batch, 3, **settings) == pytest.approx(weighted)
    assert loss_of(batch, 4, **settings) == pytest.approx(loss_of(batch))


def test_smaller_logits_are_resized_to_the_labels(batch):
    logits, labels = batch
    small = logits[:, :, :3, :3]
    loss = build_loss(LossConfig(), num_classes=3, ignore_index=IGNORED, align_corners=True)

    larger = resize(small, (6, 6), align_corners=True)
    expected = cross_entropy(larger, labels, ignore_index=IGNORED)
    assert loss(small, labels, 0).item() == pytest.approx(expected.item())


@pytest.mark.parametrize("merge", ["max", "mean"])
def test_every_scale_and_their_merged_logits_are_held_against_the_labels(merge, batch):
    one, labels = batch
    other = one.flip(1)
    merged = torch.maximum(one, other) if merge == "max" else (one + other) / 2
    config = LossConfig(scales=(0.5, 1.0), merge=merge)

    found = build_loss(config, num_classes=3, ignore_index=IGNORED)(
        torch.stack([one, other]), labels, 0
    )

    each = [cross_entropy(maps, labels, ignore_index=IGNORED) for maps in (one, other, merged)]
    torch.testing.assert_close(found, torch.stack(each).sum())


def test_all_losses_together_cost_nothing_where_all_is_ignored(batch):
    logits = batch[0].requires_grad_()
    loss = build_loss(
        LossConfig(**dict.fromkeys(LOSSES, 1.0)), num_classes=3, ignore_index=IGNORED
    )(logits, torch.full_like(batch[1], IGNORED), 0)
    loss.backward()

    assert loss.item() == 0
    assert logits.grad.abs().max() == 0


def test_class_weights_for_other_classes_are_refused():
    with pytest.raises(ConfigError, match="2 class weights for 3 classes"):
        build_loss(LossConfig(), num_classes=3, ignore_index=255, class_weights=torch.ones(2))


def test_every_loss_of_the_catalogue_can_be_named_in_a_recipe():
    assert LossConfig(**dict.fromkeys(LOSSES, 1.0)).factors == dict.fromkeys(LOSSES, 1.0)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"cross_entropy": 0}, "leaves nothing to make small"),
        ({"focal_gamma": 3}, "focal_gamma is of focal, which is not part of the loss"),
        ({"dice": 1, "label_smoothing": 0.1}, "label_smoothing is of cross_entropy"),
        ({"hard_steps": 10}, "hard_steps leads to hard_fraction"),
        ({"merge": "mean"}, "merge is for several scales"),
        ({"scales": (0.0, 1.0)}, "greater than or equal to 0.25"),
        ({"lovasz": -1}, "greater than or equal to 0"),
    ],
)
def test_settings_that_would_do_nothing_are_refused(settings, sentence):
    with pytest.raises(ValidationError, match=sentence):
        LossConfig(**settings)
