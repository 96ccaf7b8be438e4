"""Parameter groups and optimizers."""

import pytest
import torch
from torch import nn

from atrous.engine.config import TrainConfig
from atrous.engine.optimizer import build_optimizer
from atrous.engine.rmsprop import RMSprop
from atrous.models.build import build_model
from atrous.models.config import ModelConfig

OPTIMIZERS = {
    "sgd": torch.optim.SGD,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "rmsprop": RMSprop,
}


@pytest.fixture(scope="module")
def model() -> nn.Module:
    return build_model(ModelConfig(encoder="mobilenetv2_035", num_classes=3, decoder_channels=8))


def settings_of(model: nn.Module, **options: object) -> dict[str, tuple[float, float]]:
    """Learning rate and weight decay of each parameter, by its name."""
    optimizer = build_optimizer(model, TrainConfig(epochs=1, learning_rate=0.1, **options))
    by_identity = {
        id(parameter): (group["lr"], group["weight_decay"])
        for group in optimizer.param_groups
        for parameter in group["params"]
    }
    return {name: by_identity[id(parameter)] for name, parameter in model.named_parameters()}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_parameter_is_in_exactly_one_group(model, optimizer):
    built = build_optimizer(model, TrainConfig(epochs=1, optimizer=optimizer))

    members = [id(p) for group in built.param_groups for p in group["params"]]
    assert sorted(members) == sorted(id(p) for p in model.parameters())


def test_only_the_weights_of_dense_convolutions_decay(model):
    modules = dict(model.named_modules())

    for name, (_, decay) in settings_of(model, weight_decay=0.5).items():
        module = modules[name.rpartition(".")[0]]
        dense = isinstance(module, nn.Conv2d) and module.groups == 1 and name.endswith(".weight")
        assert decay == (0.5 if dense else 0.0), name


def test_norms_biases_and_depthwise_kernels_are_all_there_and_do_not_decay(model):
    decays = settings_of(model, weight_decay=0.5)
    depthwise = {
        f"{name}.weight"
        for name, module in model.named_modules()
        if isinstance(module, nn.Conv2d) and module.groups > 1
    }
    flat = {name for name, parameter in model.named_parameters() if parameter.ndim == 1}

    assert depthwise
    assert all(decays[name][1] == 0 for name in depthwise | flat)


def test_the_encoder_learns_by_its_factor_and_the_rest_at_the_full_rate(model):
    for name, (rate, _) in settings_of(model, encoder_factor=0.3).items():
        assert rate == pytest.approx(0.03 if name.startswith("encoder.") else 0.1), name


def test_the_first_group_is_of_the_head(model):
    config = TrainConfig(epochs=1, learning_rate=0.1, encoder_factor=0.3)

    assert build_optimizer(model, config).param_groups[0]["lr"] == 0.1


@pytest.mark.parametrize(("name", "kind"), OPTIMIZERS.items())
def test_the_optimizer_is_the_one_that_is_named(model, name, kind):
    assert type(build_optimizer(model, TrainConfig(epochs=1, optimizer=name))) is kind


def test_everything_behind_the_encoder_learns_by_the_factor_of_last_layers(model):
    for name, (rate, _) in settings_of(model, last_layer_factor=10.0).items():
        assert rate == pytest.approx(0.1 if name.startswith("encoder.") else 1.0), name


def test_biases_of_convolutions_learn_by_their_factor_and_those_of_norms_do_not(model):
    fast = {
        name
        for name, (rate, _) in settings_of(model, bias_factor=2.0).items()
        if rate == pytest.approx(0.2)
    }

    assert fast == {"classifier.bias"}


def test_the_settings_of_an_optimizer_are_those_of_the_recipe(model):
    def defaults(**settings: object) -> dict[str, object]:
        return build_optimizer(model, TrainConfig(epochs=1, **settings)).defaults

    assert (
        defaults(nesterov=True, momentum=0.8).items() >= {"nesterov": True, "momentum": 0.8}.items()
    )
    assert defaults(optimizer="adam", epsilon=0.1)["eps"] == 0.1
    assert defaults(optimizer="adamw")["eps"] == 1e-8
    assert defaults(optimizer="rmsprop")["epsilon"] == 1.0
    assert defaults(optimizer="rmsprop", rmsprop_decay=0.5)["decay"] == 0.5


def test_the_weights_of_dense_layers_decay_and_their_biases_do_not():
    model = torch.nn.Sequential(torch.nn.Linear(2, 3))

    assert settings_of(model, weight_decay=0.5) == {"0.weight": (0.1, 0.5), "0.bias": (0.1, 0.0)}
