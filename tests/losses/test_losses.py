"""What every loss promises."""

import pytest
import torch

from atrous.losses import LOSSES

IGNORED = 255
LABELS = torch.tensor([[[0, 1, 1, 2], [0, IGNORED, 1, 2], [0, 0, IGNORED, 1]]])

every_loss = pytest.mark.parametrize("name", LOSSES)


@pytest.fixture
def logits() -> torch.Tensor:
    random = torch.Generator().manual_seed(3)
    return torch.randn(1, 4, 3, 4, generator=random, dtype=torch.float64)


@every_loss
def test_the_gradient_is_that_of_finite_differences(name, logits):
    def loss(maps: torch.Tensor) -> torch.Tensor:
        return LOSSES[name](maps, LABELS, ignore_index=IGNORED)

    assert torch.autograd.gradcheck(loss, logits.requires_grad_())


@every_loss
def test_ignored_pixels_have_no_say(name, logits):
    changed = logits.clone()
    changed[:, :, LABELS[0] == IGNORED] = 50.0

    before, after = (LOSSES[name](maps, LABELS, ignore_index=IGNORED) for maps in (logits, changed))

    assert before.item() == pytest.approx(after.item())


@every_loss
def test_a_batch_without_labels_costs_nothing_and_teaches_nothing(name, logits):
    loss = LOSSES[name](
        logits.requires_grad_(), torch.full_like(LABELS, IGNORED), ignore_index=IGNORED
    )
    loss.backward()

    assert loss.item() == 0
    assert logits.grad.abs().max() == 0


@every_loss
def test_the_ignored_label_may_be_the_number_of_a_channel(name, logits):
    # ADE20K has 151 channels, and 0 marks the pixels without label.
    moved = torch.where(LABELS == IGNORED, 0, LABELS + 1)
    moved_logits = torch.cat([torch.full_like(logits[:, :1], -1e3), logits], dim=1)

    loss = LOSSES[name](moved_logits, moved, ignore_index=0)

    assert loss.item() == pytest.approx(LOSSES[name](logits, LABELS, ignore_index=IGNORED).item())


@every_loss
@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16])
def test_half_precision_is_computed_in_full(name, kind, logits):
    half = logits.to(kind)

    loss = LOSSES[name](half, LABELS, ignore_index=IGNORED)

    assert loss.dtype == torch.float32
    full = LOSSES[name](half.float(), LABELS, ignore_index=IGNORED)
    assert loss.item() == full.item()


@every_loss
def test_right_and_sure_costs_almost_nothing(name):
    labels = LABELS.where(LABELS != IGNORED, 0)
    sure = 40.0 * torch.nn.functional.one_hot(labels, 4).movedim(-1, 1).float()

    assert LOSSES[name](sure, labels, ignore_index=IGNORED).item() == pytest.approx(0, abs=1e-6)


@every_loss
def test_weights_of_2_double_the_loss(name, logits):
    once = LOSSES[name](logits, LABELS, ignore_index=IGNORED)

    twice = LOSSES[name](logits, LABELS, ignore_index=IGNORED, class_weights=torch.full((4,), 2.0))

    assert twice.item() == pytest.approx(2 * once.item())


@every_loss
def test_a_class_of_weight_0_has_no_gradient_where_it_is_alone(name):
    logits = torch.zeros(1, 2, 2, 2, requires_grad=True)
    labels = torch.zeros(1, 2, 2, dtype=torch.int64)

    loss = LOSSES[name](
        logits, labels, ignore_index=IGNORED, class_weights=torch.tensor([0.0, 1.0])
    )
    loss.backward()

    assert logits.grad.abs().max() == 0
