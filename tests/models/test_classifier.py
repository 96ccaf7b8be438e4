import torch

from atrous.models.classifier import XceptionClassifier


def test_a_picture_gets_a_logit_for_each_class():
    model = XceptionClassifier(7).eval()

    with torch.inference_mode():
        assert model(torch.randn(2, 3, 71, 96)).shape == (2, 7)


def test_fully_connected_layers_stand_before_the_regression():
    with torch.device("meta"):
        plain = XceptionClassifier(17_000)
        wide = XceptionClassifier(17_000, fully_connected=(4096, 4096))

    def count(model):
        return sum(p.numel() for p in model.parameters())

    added = (2048 + 1) * 4096 + (4096 + 1) * 4096 + (4096 - 2048) * 17_000
    assert count(wide) - count(plain) == added
    assert [type(part).__name__ for part in wide.hidden[0]] == ["Linear", "ReLU"]


def test_the_root_is_not_padded_as_in_the_paper():
    model = XceptionClassifier(2)

    root = model.encoder.root(torch.randn(1, 3, 71, 72))

    assert root.shape[-2:] == (33, 33)


def test_it_learns():
    torch.manual_seed(0)
    model = XceptionClassifier(3, dropout=0.0).train()

    loss = torch.nn.functional.cross_entropy(model(torch.randn(2, 3, 71, 71)), torch.tensor([0, 2]))
    loss.backward()

    assert all(parameter.grad is not None for parameter in model.parameters())
