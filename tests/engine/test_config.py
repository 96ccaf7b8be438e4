import pytest
from pydantic import ValidationError

from atrous.engine.config import TrainConfig


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"warmup_steps": 1, "slow_start_steps": 1}, "exclude each other"),
        ({"schedule": "step", "decay_steps": 5, "decay_epochs": 2}, "exclude each other"),
        ({"decay_factor": 0.5}, "decay_factor is for schedule = 'step' or 'exponential'"),
        ({"schedule": "cosine", "poly_power": 2}, "poly_power is for schedule = 'poly'"),
        ({"optimizer": "adamw", "nesterov": True}, "nesterov is for optimizer = 'sgd'"),
        ({"epsilon": 1e-3}, "epsilon is for optimizer = 'rmsprop'"),
        ({"class_weights_beta": 0.9}, "class_weights_beta is for class_weights = 'effective'"),
        ({"ema_ramp": True}, "give ema_decay"),
        ({"class_weights": "inverted"}, "'inverse', 'sqrt_inverse' or 'effective'"),
    ],
)
def test_settings_that_would_do_nothing_are_refused(settings, sentence):
    with pytest.raises(ValidationError, match=sentence):
        TrainConfig(epochs=1, **settings)


def test_the_same_settings_are_taken_where_they_have_a_use():
    TrainConfig(epochs=1, nesterov=True, momentum=0.5)
    TrainConfig(epochs=1, schedule="step", decay_factor=0.94, decay_epochs=2)
    TrainConfig(epochs=1, class_weights="effective", class_weights_beta=0.9)
    TrainConfig(epochs=1, ema_decay=0.9, ema_ramp=True)
