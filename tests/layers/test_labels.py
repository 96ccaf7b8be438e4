import numpy as np
import pytest
import torch

from atrous.layers import labels as module
from atrous.layers.labels import upsample_labels
from atrous.layers.resize import resize
from atrous.runtime.upsample import upsample_labels as without_torch


@pytest.mark.parametrize("plain", [0, 100])
@pytest.mark.parametrize("align_corners", [True, False, "first"])
@pytest.mark.parametrize(
    ("source", "size"), [((9, 7), (40, 33)), ((1, 1), (3, 2)), ((9, 9), (4, 5))]
)
def test_labels_are_those_of_the_runtime(align_corners, source, size, plain):
    logits = torch.randn(2, 6, *source, generator=torch.Generator().manual_seed(0))
    logits[:, 3, :, 2:] += plain

    labels = upsample_labels(logits, size, align_corners=align_corners)

    for found, one in zip(labels, logits.numpy(), strict=True):
        expected = without_torch(one, size, align_corners=align_corners)
        np.testing.assert_array_equal(found, expected)


def test_labels_are_those_of_resizing_to_full_size():
    logits = torch.randn(1, 21, 33, 33, generator=torch.Generator().manual_seed(1)).double()

    labels = upsample_labels(logits.float(), (129, 129), align_corners=True)

    full = resize(logits, (129, 129), align_corners=True)
    chosen = full.gather(1, labels[:, None])[:, 0]
    # Another class only where float32 cannot tell them apart.
    assert (full.amax(1) - chosen).max() <= 1e-5


def test_the_first_of_tied_classes_wins():
    logits = torch.randint(-1, 2, (1, 4, 5, 5), generator=torch.Generator().manual_seed(2)).float()

    labels = upsample_labels(logits, (17, 17), align_corners=True)

    expected = resize(logits.double(), (17, 17), align_corners=True).argmax(1)
    torch.testing.assert_close(labels, expected)


@pytest.mark.parametrize("plain", [True, False])
def test_pixels_are_the_same_however_many_are_done_at_a_time(monkeypatch, plain):
    logits = torch.randn(1, 5, 6, 6, generator=torch.Generator().manual_seed(3))
    logits[:, 2, :, 2:] += 100 * plain
    at_once = upsample_labels(logits, (21, 22), align_corners=False)

    monkeypatch.setattr(module, "_CHUNK_VALUES", 50)

    torch.testing.assert_close(upsample_labels(logits, (21, 22), align_corners=False), at_once)
